"""A server that is killed at any moment: whatever an agent has seen is in the store, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import await_stored
from tests.faults.load import calls

CALLS = 50
KILLS, AUDIO_SEC, SPEED = (12, 90.0, 2.0) if LONG else (2, 24.0, 3.0)


async def test_kill_9_at_random_moments_of_50_calls_loses_nothing_that_was_seen(
    launch: Launch, figures: Callable[[str], None]
) -> None:
    instance = launch()
    draw = random.Random(9)
    # One in five is no live call: the recording itself is what its client keeps.
    live = {"count": CALLS - CALLS // 5, "seconds": AUDIO_SEC, "speed": SPEED}
    fast = {"count": CALLS // 5, "seconds": AUDIO_SEC, "live": False}
    async with (
        calls(instance.server, **live, name="live", over_sec=2) as some,
        calls(instance.server, **fast, name="fast", over_sec=AUDIO_SEC / SPEED) as others,
    ):
        for _ in range(KILLS):
            await asyncio.sleep(draw.uniform(0.5, 1.5) * AUDIO_SEC / SPEED / (KILLS + 1))
            instance.kill()
            await asyncio.to_thread(instance.start)
        heard = await asyncio.wait_for(asyncio.gather(*some, *others), 600 if LONG else 60)
    found, waited = await asyncio.to_thread(await_stored, instance, heard, 20)
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    seen = sum(len(each.finals) for each in heard)
    outages = [sec for each in heard for sec in each.away_sec]
    figures(
        f"kill -9: {KILLS} kills of {CALLS} calls, {len(outages)} connections lost, back after "
        f"{sum(outages) / len(outages):.1f} s (most {max(outages):.1f}); {seen} finals seen, {len(found)} stored, "
        f"none twice, {sum(each.lost_sec for each in heard):.1f} s of audio lost; stored {waited:.1f} s after"
    )
