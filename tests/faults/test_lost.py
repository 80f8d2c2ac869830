"""A server dies with a call that nobody continues: the others say so, and no record stays live for good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, Launch
from tests.faults.load import calls
from tests.faults.walls import Wall
from tests.redises import Redis
from undervoice.peers import BEAT_SEC, GONE_SEC


@pytest.mark.skipif(not LONG, reason="it takes until a server is taken for dead: make faults")
async def test_a_call_that_nobody_continues_is_lost_with_its_server(
    launch: Launch, redis: Redis, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    one, two = (launch(name, store=store, redis=redis.url) for name in ("one", "two"))
    with Wall(two) as wall:
        async with calls(one.server, 2, 60, patience_sec=0.1):
            await until(lambda: all(wall.rows.get(f"c-{n}") and wall.rows[f"c-{n}"].moods for n in range(2)))
            one.kill()
            began = time.monotonic()
        await until(lambda: all(row.ended for row in wall.rows.values()))
        took = time.monotonic() - began
    assert {row.ended[0][1] for row in wall.rows.values()} == {"lost"}
    assert took < GONE_SEC + 2 * BEAT_SEC
    await until(lambda: not two.get("/api/v1/calls/c-0").json()["live"])
    records = [two.get(f"/api/v1/calls/c-{n}").json() for n in range(2)]
    assert [(record["live"], record["reason"]) for record in records] == [(False, "lost")] * 2
    figures(f"a server killed with two calls that nobody continued: lost, on wall and in store, after {took:.1f} s")


async def until(so: Callable[[], object], within_sec: float = 15.0) -> None:
    end = time.monotonic() + within_sec
    while not so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
