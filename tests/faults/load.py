"""Many calls at a time that go on whatever happens, each with the very client of ``undervoice stream``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from undervoice.cli.client import Call
from undervoice.cli.connection import Server
from undervoice.cli.retry import Backoff
from undervoice.cli.sources import Played, Reread
from undervoice.emotion import SAMPLE_RATE, Samples
from undervoice.errors import UndervoiceError
from undervoice.messages import Start
from undervoice.terms import Audio, Config

SAMPLE_CALL = Path(__file__).resolve().parents[2] / "widget" / "src" / "demo" / "sample-call.flac"
FRAME = 2 * SAMPLE_RATE // 10
"""Bytes of 100 ms."""


@cache
def sample_call() -> Samples:
    """Return half a minute of a spoken call."""
    samples: Samples = soundfile.read(SAMPLE_CALL, dtype="int16")[0]
    return samples


def speech(seconds: float, number: int = 0) -> Samples:
    """Return speech that goes round and round in the sample call, from another place for each number."""
    return np.resize(np.roll(sample_call(), -number * SAMPLE_RATE * 7), int(seconds * SAMPLE_RATE))


class Spoken:
    """Speech as a recording."""

    sample_rate, channels = SAMPLE_RATE, ("customer",)

    def __init__(self, samples: Samples) -> None:
        self._pcm = samples.astype("<i2").tobytes()

    def frames(self, start: int = 0) -> Iterator[bytes]:
        """Yield frames of 100 ms."""
        return (self._pcm[at : at + FRAME] for at in range(2 * start, len(self._pcm), FRAME))


class Heard:
    """What one call's client was told, over all its connections."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.messages: list[dict[str, Any]] = []
        self.finals: dict[str, dict[str, Any]] = {}
        self.losses: list[str] = []
        self.error: UndervoiceError | None = None
        self.lost_sec = 0.0
        self._away_since: float | None = None
        self.away_sec: list[float] = []
        """How long each outage took, up to the next ``started``."""

    def hear(self, _: str, message: dict[str, Any]) -> None:
        """Take a message."""
        self.messages.append(message)
        if message["type"] == "emotion" and message["final"]:
            self.finals.setdefault(message["segment_id"], message)
        if message["type"] == "started" and self._away_since is not None:
            self.away_sec.append(time.monotonic() - self._away_since)
            self._away_since = None

    def lost(self, why: str) -> None:
        """Take note of a lost connection."""
        self.losses.append(why)
        if self._away_since is None:
            self._away_since = time.monotonic()

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one type."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def ended(self) -> bool:
        """Whether the call came to its proper end."""
        return bool(self.of_type("stopped"))

    @property
    def places(self) -> list[str]:
        """What its final segments' ids have in common with those of the same audio under another call's name."""
        return [segment_id.removeprefix(self.call_id) for segment_id in sorted(self.finals)]


async def call(
    server: Server,
    call_id: str,
    samples: Samples,
    *,
    live: bool = True,
    speed: float = 1.0,
    patience_sec: float = 60.0,
    silence_sec: float = 15.0,
    heard: Heard | None = None,
) -> Heard:
    """Hold one call to its end, or until it is given up."""
    heard = heard or Heard(call_id)
    start = Start(call_id=call_id, audio=Audio(), config=Config(provisional_ms=0, live=live))
    recording: Any = Spoken(samples)
    source = Played(recording, speed=speed) if live else Reread(recording)
    end = time.monotonic() + patience_sec
    try:
        while True:
            try:
                await Call(server, start, source, heard, Backoff(patience_sec), silence_sec).run()
            except UndervoiceError as error:
                # The client does not look for a server that never answered; here it is known to come back.
                if error.code == "unreachable" and not heard.messages and time.monotonic() < end:
                    await asyncio.sleep(0.2)
                    continue
                heard.error = error
            break
    finally:
        await source.close()
        heard.lost_sec = source.lost_sec
    return heard


@asynccontextmanager
async def calls(
    server: Server, count: int, seconds: float, *, name: str = "c", over_sec: float = 0.0, **options: Any
) -> AsyncIterator[list[asyncio.Task[Heard]]]:
    """Hold many calls at a time, begun one after another over some seconds; those left at the end are broken off."""

    async def later(number: int) -> Heard:
        await asyncio.sleep(over_sec * number / count)
        return await call(server, f"{name}-{number}", speech(seconds, number), **options)

    tasks = [asyncio.create_task(later(number)) for number in range(count)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of them lies."""
    return float(np.percentile(values, 100 * share))
