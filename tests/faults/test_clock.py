"""A clock that jumps by an hour and back: a call's offsets, moods and times are those of an undisturbed one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import assert_same, await_stored
from tests.faults.instances import Instance
from tests.faults.load import Heard, calls

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")
CALLS, AUDIO_SEC, SPEED = (20, 90.0, 1.0) if LONG else (8, 24.0, 4.0)
JUMPS = ("+3600s", "+0s", "+3600s")
"""From the true time; the second is a jump back. Before the true time no token of these calls would be valid."""
MOOD = ("state", "since_sec", "upset_score", "upset_sec", "trend")
READING = ("start_offset_sec", "end_offset_sec", "trigger", "all_emotions_confidence", "upset_score")
ROUNDING = 0.002
"""Scores differ in their last digits by who else is in a batch, and the mood is told to three digits."""


class Clock:
    """The wall clock of a server process, set by a file; how fast time passes stays as it is."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.jump("+0s")

    def jump(self, offset: str) -> None:
        """Set it so far from the true time."""
        self._file.write_text(offset)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that jumps, where libfaketime is installed."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    if not found:
        pytest.skip("no libfaketime here (Debian package faketime)")
    return Clock(found[0], tmp_path / "faketime")


def told(heard: Heard) -> list[dict[str, Any]]:
    """Return what was told of the call's emotion, without what belongs to the clock or the machine."""
    moods = [{name: mood[name] for name in MOOD} for mood in heard.of_type("mood")]
    return moods + [{name: reading[name] for name in READING} for reading in heard.finals.values()]


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same but for rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == (pytest.approx(other, abs=ROUNDING) if isinstance(one, float) else other)


def begun(heard: Heard) -> set[float]:
    """Return when the call began, as each of its readings has it: its time less its place."""
    return {
        round(datetime.fromisoformat(reading["timestamp"]).timestamp() - reading["end_offset_sec"], 2)
        for reading in heard.finals.values()
    }


def now_of(instance: Instance) -> float:
    """Return the server's own wall clock, as it dates a token that it makes."""
    with instance.http("integrator") as http:
        answer = http.post("/api/v1/tokens", json={"role": "agent", "agent_id": "a-1"})
    return datetime.fromisoformat(answer.json()["expires_at"]).timestamp()


async def test_the_clock_jumps_by_an_hour(launch: Launch, clock: Clock, figures: Callable[[str], None]) -> None:
    instance = launch(environ=clock.environ)
    async with calls(instance.server, CALLS, AUDIO_SEC, name="still", live=False) as tasks:
        still = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    at, jumped = now_of(instance), []
    async with calls(instance.server, CALLS, AUDIO_SEC, name="jumped", speed=SPEED) as tasks:
        for jump in JUMPS:
            await asyncio.sleep(AUDIO_SEC / SPEED / (len(JUMPS) + 1))
            clock.jump(jump)
            jumped.append(round((now_of(instance) - at) / 3600))
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert jumped == [1, 0, 1], "the clock did not jump"
    assert all(each.ended and not each.losses for each in heard), [str(each.error) for each in heard if each.error]
    assert_same(heard, still)
    for one, other in zip(heard, still, strict=True):
        assert alike(told(one), told(other)), one.call_id
    assert all(max(begun(each)) - min(begun(each)) <= 0.02 for each in heard)
    found, _ = await asyncio.to_thread(await_stored, instance, [*heard, *still], 30)
    figures(
        f"the clock jumps by {', '.join(JUMPS)}: offsets, probabilities and moods of {CALLS} calls with "
        f"{len(found) // 2} segments equal an undisturbed run's, no connection lost"
    )
