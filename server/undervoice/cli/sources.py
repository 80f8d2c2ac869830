"""Where a call's frames come from, also when they are sent again: a recording played live, or read anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from undervoice.audio import AudioFormat
from undervoice.cli.kept import KEPT_SEC, Kept, Sent
from undervoice.cli.recording import FRAMES_A_SECOND, Recording
from undervoice.emotion import SAMPLE_RATE
from undervoice.messages import Stop


class Source(Protocol):
    """One call's side of the conversation; places are call samples at 16 kHz."""

    def begin(self) -> None:
        """Start the clock, if it does not run yet: the call has been let in."""

    def frames(self, sample: int) -> AsyncGenerator[bytes | str]:
        """Yield what to send from a place on, as soon as it is there, to the end of the call."""

    def forget(self, sample: int) -> None:
        """Take note that the server needs nothing before a place any more."""

    @property
    def lost_sec(self) -> float:
        """Audio that was too old to be sent again."""

    async def close(self) -> None:
        """Let go of everything."""


class Played:
    """A recording in real time, or so many times faster: as with a call, what was not kept cannot be had again."""

    def __init__(self, recording: Recording, kept_sec: float = KEPT_SEC, speed: float = 1.0) -> None:
        self._recording, self._frame_sec = recording, 1 / (FRAMES_A_SECOND * speed)
        self._kept = Kept(AudioFormat("pcm_s16le", recording.sample_rate, recording.channels), kept_sec)
        self._player: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def lost_sec(self) -> float:
        """Audio that was too old to be sent again."""
        return self._kept.lost / SAMPLE_RATE

    def begin(self) -> None:
        """Start playing, connected or not."""
        if self._player is None:
            self._player = asyncio.create_task(self._play())

    async def _play(self) -> None:
        began = time.monotonic()
        try:
            for number, frame in enumerate(self._recording.frames(), 1):
                self._kept.take(frame)
                self._news.set()
                await asyncio.sleep(max(0.0, began + number * self._frame_sec - time.monotonic()))
            self._kept.note(Stop())
        finally:
            self._news.set()

    async def frames(self, sample: int) -> AsyncGenerator[bytes | str]:
        """Yield what is kept from a place on, then what is played; raise what the recording raised."""
        number = self._kept.rewind(sample)
        while True:
            found = self._kept.read(number)
            if found is not None:
                number, sent = found
                yield wire(sent)
            elif self._player is not None and self._player.done():
                self._player.result()
                return
            else:
                self._news.clear()
                await self._news.wait()

    def forget(self, sample: int) -> None:
        """Let go of what was played before a place."""
        self._kept.forget(sample)

    async def close(self) -> None:
        """Stop playing."""
        if self._player is not None:
            self._player.cancel()
            await asyncio.gather(self._player, return_exceptions=True)


class Reread:
    """A recording as fast as the server takes it; the file itself is what is kept."""

    lost_sec = 0.0

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def begin(self) -> None:
        """Nothing runs by the clock."""

    async def frames(self, sample: int) -> AsyncGenerator[bytes | str]:
        """Yield the recording from a place on, and the end of the call."""
        for frame in self._recording.frames(sample):
            yield frame
        yield wire(Stop())

    def forget(self, sample: int) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing runs."""


def wire(sent: Sent) -> bytes | str:
    """Return a frame as it goes over the wire."""
    return sent if isinstance(sent, bytes) else msgspec.json.encode(sent).decode()
