"""A client of a ``Session``: what it sent, what it was told, and how it goes on from a checkpoint."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tests.fuzz.material import verdict
from undervoice import messages as m
from undervoice.emotion import GRID, Segment
from undervoice.memory import CallMemory, Milestone
from undervoice.opening import Policy
from undervoice.session import End, Output, Session

NOW = datetime(2026, 5, 24, 10, 30, tzinfo=UTC)
Event = bytes | m.ClientMessage


@dataclass(frozen=True)
class Checkpoint:
    """A memory, the event during which the call came to its place, and how much had been told by then."""

    memory: CallMemory
    event: int
    told: int


@dataclass
class Client:
    """Drives a session as the server does: outputs wait on a line, scores come in order."""

    policy: Policy
    session: Session = field(init=False)
    events: list[Event] = field(default_factory=list)
    line: deque[tuple[int, Output]] = field(default_factory=deque)
    told: list[Any] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = Session(self.policy, "s-1")

    def send(self, event: Event) -> list[Output]:
        """Send an event; return what it made happen."""
        outputs = self.session.receive(event, NOW)
        self.events.append(event)
        self.line.extend((len(self.events) - 1, output) for output in outputs)
        return outputs

    def hear(self, most: int = 2**31) -> None:
        """Let the model answer, and take what stands on the line, in order."""
        while self.line and most > 0:
            most -= 1
            event, output = self.line.popleft()
            if isinstance(output, Segment):
                self.segments.append(output)
                scores = verdict(output)
                self.told += self.session.scored(output, scores, 5.0) if scores else self.session.shed(output)
            elif isinstance(output, Milestone):
                self.told += self.session.reached(output)
                memory = self.session.memory(output)
                self.told.append(output)
                self.checkpoints.append(Checkpoint(memory, event, len(self.told)))
            else:
                self.told.append(output)

    # ------------------------------------------------------------ the same call in other ways

    def cut_otherwise(self, sizes: np.random.Generator) -> Client:
        """Return a client that sends the same in other frames."""
        other = Client(self.policy)
        other.play(self.events, sizes)
        return other

    def play(self, events: list[Event], sizes: np.random.Generator) -> None:
        """Send events, the audio between two messages cut anew, and hear the answers at times."""
        for event in _joined(events):
            for part in _cut(event, sizes) if isinstance(event, bytes) else [event]:
                self.send(part)
                if sizes.random() < 0.3:
                    self.hear(int(sizes.integers(1, 4)))
        self.hear()

    def continued(self, checkpoint: Checkpoint, sizes: np.random.Generator) -> Client:
        """Return a client that goes on elsewhere with what lies behind a checkpoint."""
        start, *_ = self.events
        assert isinstance(start, m.Start)
        other = Client(self.policy)
        # A checkpoint travels as bytes.
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(checkpoint.memory), type=CallMemory)
        other.session.continues(kept)
        other.send(msgspec.structs.replace(start, resume=m.Resume("token")))
        other.hear()
        other.told.clear()
        other.play(self._behind(checkpoint), sizes)
        return other

    def _behind(self, checkpoint: Checkpoint) -> list[Event]:
        """Return what a client still has to send: audio and gaps by their place, messages by their turn.

        The client fills its block of 10 ms before any gap, so that places stand in its own clock too.
        """
        audio, place = self.session.audio, checkpoint.memory.sample
        block_bytes = audio.block * audio.frame_bytes
        at, size, paused = 0, 0, False
        rest: list[Event] = []
        for number, event in enumerate(self.events[1:], 1):
            if isinstance(event, bytes) and not paused:
                rest.append(event[max(0, (place - at) * block_bytes // GRID - size) :])
                size += len(event)
                continue
            gap = len(event) * GRID // block_bytes if isinstance(event, bytes) else getattr(event, "samples", None)
            if gap is not None:
                at, size = at + size * GRID // block_bytes + gap, 0
                if at > place:
                    rest.append(m.Discarded(min(gap, at - place)))
            elif number > checkpoint.event or (number == checkpoint.event and not _heeded(event, checkpoint.memory)):
                rest.append(event)
            paused = (paused or isinstance(event, m.Pause)) and not isinstance(event, m.ResumeAudio)
        return rest


def _heeded(event: Event, memory: CallMemory) -> bool:
    """Whether a message that brought the call to a place is part of what is remembered there."""
    return isinstance(event, m.Pause) and memory.paused


def _joined(events: list[Event]) -> list[Event]:
    """Return the events with neighbouring audio in one piece."""
    joined: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += event
        else:
            joined.append(event)
    return joined


def _cut(audio: bytes, sizes: np.random.Generator) -> list[bytes]:
    """Return audio in frames of chance sizes."""
    parts, at = [], 0
    while at < len(audio):
        size = int(2 ** sizes.uniform(0, 17))
        parts.append(audio[at : at + size])
        at += size
    return parts


def essence(told: list[Any]) -> list[Any]:
    """Return what must be the same however a call reaches the server."""
    same = (m.Speech, m.EmotionReading, m.Mood, m.Alert, m.Paused, m.Resumed, End)
    return [output for output in told if isinstance(output, same) or getattr(output, "code", "") == "overloaded"]
