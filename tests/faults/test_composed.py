"""What deploy/compose.firestore.yaml puts together, as processes of this machine: two servers are one service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.charts import DEPLOY
from tests.deploy.proxies import balancing
from tests.emulator import wipe
from tests.faults.conftest import Launch
from tests.faults.evidence import await_stored
from tests.faults.instances import SECRET, Instance
from tests.faults.load import calls
from tests.redises import redis_in

CALLS, AUDIO_SEC, SPEED = 6, 8.0, 2.0


def environment(name: str, **places: str) -> dict[str, str]:
    """Return a service's variables, with the places that its neighbours have here."""
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.firestore.yaml").read_text())
    given: dict[str, str] = composed["services"][name]["environment"]
    assert set(places) <= set(given)
    return {
        variable: places.get(variable, value)
        for variable, value in given.items()
        if "${" not in value or variable in places
    }


async def live_at(instance: Instance) -> set[str]:
    """Return the calls that a server lists as live, wherever they are."""
    answer = await asyncio.to_thread(instance.get, "/api/v1/calls", live="true")
    return {row["call_id"] for row in answer.json()["items"]}


async def test_two_servers_behind_haproxy_with_firestore_and_redis_are_one(
    launch: Launch, firestore_emulator: str, figures: Callable[[str], None], tmp_path: Path
) -> None:
    wipe(firestore_emulator, environment("one")["UNDERVOICE_STORE"].removeprefix("firestore://"))
    with redis_in() as redis:
        places = {
            "UNDERVOICE_REDIS": redis.url,
            "UNDERVOICE_SECRET": SECRET,
            "UNDERVOICE_TRUSTED_PROXIES": "127.0.0.1",
            "FIRESTORE_EMULATOR_HOST": firestore_emulator,
        }
        one, two = (launch(name, environ=environment(name, **places)) for name in ("one", "two"))
        with balancing(tmp_path, one.port, two.port) as port:
            server = replace(one.server, url=one.server.url.replace(f":{one.port}", f":{port}"))
            async with calls(server, CALLS, AUDIO_SEC, name="composed", speed=SPEED, over_sec=0.5) as tasks:
                await asyncio.sleep(AUDIO_SEC / SPEED / 2)
                shares = [int(each.metrics()["undervoice_calls_live"]) for each in (one, two)]
                walls = [await live_at(each) for each in (one, two)]
                heard = await asyncio.wait_for(asyncio.gather(*tasks), 60)
        assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
        assert sum(shares) == CALLS
        assert min(shares) > 0
        assert walls == [{each.call_id for each in heard}] * 2
        found, waited = await asyncio.to_thread(await_stored, two, heard, 20)
        figures(
            f"two servers behind haproxy, Firestore, Redis: {shares[0]} and {shares[1]} calls, all on both walls; "
            f"{len(found)} readings stored once, {waited:.1f} s after the last call"
        )
