"""Two servers behind haproxy, one killed, then the other stopped: calls always go on at the other, counted once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deploy.proxies import balancing
from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import assert_same, await_stored
from tests.faults.load import calls

CALLS, AUDIO_SEC, SPEED = (60, 90.0, 1.0) if LONG else (20, 24.0, 2.0)
DRAIN_SEC, LAST_WORDS_SEC = 6, 10


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Callable[[int, int], int]]:
    """Starts haproxy, as deploy/haproxy.cfg has it, before two ports; it answers at the one that is returned."""
    with ExitStack() as running:
        yield lambda one, two: running.enter_context(balancing(tmp_path, one, two))


async def test_one_of_two_servers_is_killed_and_then_the_other_stopped(
    launch: Launch, balancer: Callable[[int, int], int], figures: Callable[[str], None], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    one, two = (launch(name, store=store, drain_sec=str(DRAIN_SEC)) for name in ("one", "two"))
    port = balancer(one.port, two.port)
    server = replace(one.server, url=one.server.url.replace(f":{one.port}", f":{port}"))
    async with calls(server, CALLS, AUDIO_SEC, speed=SPEED, over_sec=2) as tasks:
        await asyncio.sleep(AUDIO_SEC / SPEED / 4)
        shares = [int(each.metrics()["undervoice_calls_live"]) for each in (one, two)]
        one.kill()
        await asyncio.sleep(AUDIO_SEC / SPEED / 8)
        alone = int(two.metrics()["undervoice_calls_live"])
        # What the killed server had not handed to the store is in its outbox, and comes with its restart.
        await asyncio.to_thread(one.start)
        began = time.monotonic()
        status = await asyncio.to_thread(two.terminate, DRAIN_SEC + LAST_WORDS_SEC)
        took = time.monotonic() - began
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    assert status == 0
    assert min(shares) > 0
    assert alone == sum(shares) == CALLS
    assert all(any("draining" in why for why in each.losses) for each in heard), [each.losses for each in heard]
    async with calls(one.server, CALLS, AUDIO_SEC, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert_same(heard, good)
    found, _ = await asyncio.to_thread(await_stored, one, [*heard, *good], 30)
    away = [sec for each in heard for sec in each.away_sec]
    figures(
        f"one of two servers killed ({shares[0]} and {shares[1]} calls), the other stopped when all were there (within "
        f"{took:.1f} s): all go on at the other, back after {sum(away) / len(away):.2f} s (most {max(away):.2f}); "
        f"{len(found) // 2} segments as undisturbed, each stored and counted once"
    )
