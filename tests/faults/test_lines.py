"""Connections that are cut, stand still, or hold frames up: the segments are those of an undisturbed call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import assert_same, await_stored
from tests.faults.instances import Instance
from tests.faults.line import Line, line
from tests.faults.load import Heard, calls

CALLS, AUDIO_SEC = (40, 90.0) if LONG else (12, 20.0)
SPEED = 2.0
SILENCE_SEC, HALF_SPEED = (15.0, 1.0) if LONG else (6.0, 2.0)
"""When the client takes a silent server for lost, which tells every 5 s how the call stands; what it says till then
must be within the 30 s that are kept."""
DEADLINE_SEC = 300 if LONG else 60


async def cut(instance: Instance) -> tuple[list[Heard], Line]:
    """Hold calls over connections that are reset at random."""
    draw = random.Random(4)
    async with (
        line(instance.server) as (bad, server),
        calls(server, CALLS, AUDIO_SEC, name="cut", speed=SPEED, over_sec=1) as tasks,
    ):
        while not all(task.done() for task in tasks):
            await asyncio.sleep(draw.uniform(0, 0.6))
            if lane := bad.pick():
                lane.cut()
        return await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_SEC), bad


async def half_open(instance: Instance) -> tuple[list[Heard], Line]:
    """Hold calls over connections that stand and carry nothing any more, from their middle on."""
    async with (
        line(instance.server) as (bad, server),
        calls(server, CALLS, AUDIO_SEC, name="half", speed=HALF_SPEED, over_sec=1, silence_sec=SILENCE_SEC) as tasks,
    ):
        await asyncio.sleep(AUDIO_SEC / HALF_SPEED / 2)
        for lane in bad.lanes:
            lane.freeze()
        return await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_SEC), bad


async def held_up(instance: Instance) -> tuple[list[Heard], Line]:
    """Hold calls over connections on which one frame in a hundred comes 3 s late, and all behind it."""
    async with (
        line(instance.server, held_up=0.01, held_sec=3.0) as (bad, server),
        calls(server, CALLS, AUDIO_SEC, name="held", speed=SPEED, over_sec=1) as tasks,
    ):
        return await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_SEC), bad


async def test_whatever_the_line_does_the_segments_are_those_of_an_undisturbed_call(
    launch: Launch, figures: Callable[[str], None]
) -> None:
    instance = launch()
    (cuts, _), (halves, _), (late, bad) = await asyncio.gather(cut(instance), half_open(instance), held_up(instance))
    async with calls(instance.server, CALLS, AUDIO_SEC, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_SEC)
    for heard in (cuts, halves, late):
        assert_same(heard, good)
    found, _ = await asyncio.to_thread(await_stored, instance, [*cuts, *halves, *late, *good], 20)
    assert len(found) == 4 * sum(len(each.finals) for each in good)
    assert sum(len(each.losses) for each in cuts) >= CALLS / 2
    assert all("nothing came" in each.losses[0] for each in halves)
    assert bad.held > 0
    segments = f"{len(found) // 4} segments of {CALLS} calls as undisturbed"
    figures(f"cut at random: {outages(cuts)}; {segments}")
    figures(f"half-open, noticed after {SILENCE_SEC:.0f} s of silence: {outages(halves)}; {segments}")
    figures(f"held up by 3 s, {bad.held} of {bad.frames} frames: {outages(late)}; {segments}")


def outages(heard: list[Heard]) -> str:
    """Tell how often connections were lost, and for how long."""
    took = [sec for each in heard for sec in each.away_sec] or [0.0]
    again = sum(len([m for m in each.of_type("emotion") if m["final"]]) - len(each.finals) for each in heard)
    lost = sum(len(each.losses) for each in heard)
    return (
        f"{lost} connections lost, back after {sum(took) / len(took):.2f} s (most {max(took):.2f}), {again} told twice"
    )
