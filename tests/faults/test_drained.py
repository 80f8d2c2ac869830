"""A server that is stopped under load: its calls go on behind the restart, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import assert_same, await_stored
from tests.faults.load import calls

CALLS = 100
AUDIO_SEC, SPEED = (90.0, 1.0) if LONG else (12.0, 2.0)
DRAIN_SEC, LAST_WORDS_SEC = 6, 10


async def test_sigterm_with_100_live_calls(launch: Launch, figures: Callable[[str], None]) -> None:
    instance = launch(drain_sec=str(DRAIN_SEC))
    async with calls(instance.server, CALLS, AUDIO_SEC, speed=SPEED, over_sec=2) as tasks:
        await asyncio.sleep(AUDIO_SEC / SPEED / 3)
        for _ in range(50):  # a busy machine lets the last of them in a moment later
            live = instance.metrics()["undervoice_calls_live"]
            if live == CALLS:
                break
            await asyncio.sleep(0.05)
        assert live == CALLS
        began = time.monotonic()
        status = await asyncio.to_thread(instance.terminate, DRAIN_SEC + LAST_WORDS_SEC)
        took = time.monotonic() - began
        await asyncio.to_thread(instance.start)
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert status == 0
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    assert all(each.of_type("reconnect") for each in heard)
    moved = sum("draining" in each.losses[0] for each in heard)
    async with calls(instance.server, CALLS, AUDIO_SEC, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert_same(heard, good)
    found, _ = await asyncio.to_thread(await_stored, instance, [*heard, *good], 30)
    away = [sec for each in heard for sec in each.away_sec]
    figures(
        f"SIGTERM with {live:.0f} live calls: exit status 0 after {took:.1f} s, {moved} moved behind a checkpoint, "
        f"all back after {max(away):.1f} s; {len(found) // 2} segments as undisturbed, each stored once"
    )
