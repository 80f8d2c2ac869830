"""Find speech in one channel and cut it into segments (protocol §1, "Audio and segments").

A speech region starts at 3 voiced of 5 frames of 30 ms, reaches 200 ms back, is cut every
``segment`` samples, and ends with its last voiced frame once the hangover has passed.

**Places.** At the end of every final segment, and after each 5 s of silence, the segmenter winds
back to that place and goes on with a fresh ``webrtcvad`` and resampler. What follows a place
therefore depends on nothing but ``SegmenterState`` and the audio after it: that is what lets any
server take a call over, and what keeps ids the same for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import webrtcvad

from undervoice.audio import Tape
from undervoice.emotion import GRID, SAMPLE_RATE, Channel, Samples, Segment, Trigger
from undervoice.noise import NoiseFloor, NoiseState, voice_level_dbfs

FRAME = 480
"""Samples (30 ms) that are judged at a time."""
ONSET_VOICED, ONSET_FRAMES = 3, 5
PRE_ROLL = 3_200
"""Samples (200 ms) that a region reaches back before its first voiced frame."""
LEAST = 8_000
"""Samples (0.5 s) of speech below which a rest is no segment."""
SILENCE = 80_000
"""Samples (5 s) of silence after which a place is set."""
NEVER = 2**62


@dataclass(frozen=True, slots=True)
class SegmenterConfig:
    """How speech is found and cut; lengths in samples, multiples of 160."""

    mode: int = 2
    hangover: int = 8_000
    segment: int = 40_000
    provisional: int = 16_000
    """0: none."""


class SegmenterState(msgspec.Struct, frozen=True):
    """All that the segmenter remembers at a place."""

    sample: int = 0
    """The place: a call sample, a multiple of 160."""
    speaking: bool = False
    """Whether a region is open; its next segment then starts at ``sample``."""
    last_voiced: int = 0
    """Where the region's last voiced frame ended."""
    noise: NoiseState = NoiseState()
    carry: int = 0
    """Discarded samples that did not fill 10 ms yet."""
    silent_since: int | None = None
    """Since where nobody has spoken in what was heard; unknown in the checkpoints of earlier versions."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The first voiced frame of a region."""

    sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The end of a region's last voiced frame."""

    sample: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Speech that was too short for a segment; ``segment`` holds it with its pre-roll."""

    segment: Segment
    samples: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint lies."""

    state: SegmenterState


Event = SpeechStarted | SpeechEnded | Segment | Rest | Place


class Segmenter:
    """Cuts one channel's audio, in frames of any size, into segments.

    ``push``, ``flush``, ``finish`` and ``skip`` answer what they made happen, in order.
    """

    def __init__(
        self,
        config: SegmenterConfig,
        sample_rate: int = SAMPLE_RATE,
        channel: Channel = "customer",
        state: SegmenterState | None = None,
    ) -> None:
        state = state or SegmenterState()
        self._config, self._channel = config, channel
        self._tape = Tape(sample_rate, state.sample)
        self._speaking, self._last_voiced, self._carry = state.speaking, state.last_voiced, state.carry
        self._silent_since = state.sample if state.silent_since is None else state.silent_since
        self._checkpoint = state.sample
        self._begin(state.sample, state.noise)

    def _begin(self, place: int, noise: NoiseState) -> None:
        """Go on at ``place`` with nothing remembered but the floor and whether a region is open."""
        self._restart = self._pos = self._quiet_since = place
        self._vad = webrtcvad.Vad(self._config.mode)
        self._noise = NoiseFloor(noise)
        self._noise_at_voiced = noise
        self._recent: list[bool] = []
        self._start = self._speech_from = place
        self._next_provisional = place + self._config.provisional

    @property
    def position(self) -> int:
        """The call sample up to which audio has been received."""
        return self._tape.received

    @property
    def speaking(self) -> bool:
        """Whether a speech region is open."""
        return self._speaking

    def push(self, samples: Samples) -> list[Event]:
        """Take ``int16[n]`` at the input rate."""
        self._tape.push(samples)
        return list(self._advance())

    def flush(self) -> list[Event]:
        """Close the open region now; the audio goes on."""
        return list(self._close())

    def finish(self) -> list[Event]:
        """Close everything: a gap or the end of the call follows."""
        self._tape.finish()
        return [*self._advance(), *self._close()]

    def _close(self) -> Iterator[Event]:
        while self._speaking:  # what follows the region's end is judged afresh, and may open one more
            yield from self._end_region("flush")
            yield from self._advance()

    def skip(self, samples: int) -> list[Event]:
        """Let the call's clock move on by audio that was never sent; ``finish`` came before."""
        blocks, self._carry = divmod(self._carry + samples, GRID)
        self._tape.skip(blocks * GRID)
        self._begin(self._tape.end, self._noise.state())
        self._silent_since = self._pos if blocks else self._silent_since  # nobody knows who spoke in a gap
        return [self._place()] if self._pos - self._checkpoint >= SILENCE else []

    def _place(self) -> Place:
        self._checkpoint = self._pos
        noise, since = self._noise.state(), self._silent_since
        return Place(SegmenterState(self._pos, self._speaking, self._last_voiced, noise, self._carry, since))

    def _advance(self) -> Iterator[Event]:
        """Judge every whole frame, and cut wherever a segment or a provisional one is full."""
        while True:
            mark = self._mark()
            happened = self._judge_upto(min(mark, self._tape.end))
            if happened is not None:
                yield from happened
            elif mark <= self._tape.end:
                yield from self._cut(mark)
            else:
                return

    def _mark(self) -> int:
        """Return where the open segment is cut next; far away while nobody speaks."""
        if not self._speaking:
            return NEVER
        full = self._start + self._config.segment
        return min(full, self._next_provisional) if self._config.provisional else full

    def _cut(self, mark: int) -> Iterator[Event]:
        if mark == self._start + self._config.segment:
            yield self._segment(mark, "window")
            yield from self._go_back(mark, self._noise.state())
        else:
            yield self._segment(mark, "provisional")
            self._next_provisional += self._config.provisional

    def _segment(self, end: int, trigger: Trigger, short: bool = False) -> Segment:
        samples = np.frombuffer(self._tape.read(self._start, end), np.int16)
        return Segment(self._channel, self._start, end, samples, trigger, self._noise.dbfs, short)

    def _go_back(self, place: int, noise: NoiseState) -> Iterator[Event]:
        self._tape.rewind(place)
        self._begin(place, noise)
        yield self._place()

    def _judge_upto(self, place: int) -> Iterator[Event] | None:
        """Judge the whole frames before a place, as far as the first that makes something happen; say what."""
        count = (place - self._pos) // FRAME
        if count <= 0:
            return None
        pcm = self._tape.read(self._pos, self._pos + count * FRAME)
        happened = None
        for at in range(0, len(pcm), 2 * FRAME):
            frame = pcm[at : at + 2 * FRAME]
            loud = self._noise.hear(voice_level_dbfs(np.frombuffer(frame, np.int16)))
            # webrtcvad adapts to what it hears, so it hears every frame, also those below the gate.
            voiced = self._vad.is_speech(frame, SAMPLE_RATE, FRAME) and loud
            self._pos += FRAME
            happened = self._judge_inside(voiced) if self._speaking else self._judge_outside(voiced)
            if happened is not None:
                break
        self._forget()
        return happened

    def _forget(self) -> None:
        """Let go of audio that no segment and no winding back can need any more."""
        if self._speaking:
            self._tape.forget(self._start, self._last_voiced)
        else:
            self._tape.forget(self._pos - PRE_ROLL - ONSET_FRAMES * FRAME, self._pos)

    def _judge_inside(self, voiced: bool) -> Iterator[Event] | None:
        if voiced:
            self._last_voiced, self._noise_at_voiced = self._pos, self._noise.state()
        elif self._pos - self._last_voiced >= self._config.hangover:
            return self._end_region("speech_ended")
        return None

    def _judge_outside(self, voiced: bool) -> Iterator[Event] | None:
        self._recent.append(voiced)
        if len(self._recent) > ONSET_FRAMES:
            del self._recent[0]
        if sum(self._recent) >= ONSET_VOICED:
            return iter([self._open_region()])
        if self._pos - max(self._checkpoint, self._quiet_since) >= SILENCE and not any(self._recent):
            return self._go_back(self._pos, self._noise.state())
        return None

    def _open_region(self) -> Event:
        first = self._pos - FRAME * (len(self._recent) - self._recent.index(True))
        self._start, self._speech_from = max(self._restart, first - PRE_ROLL), first
        self._speaking, self._last_voiced = True, self._pos
        self._noise_at_voiced = self._noise.state()
        self._next_provisional = self._start + self._config.provisional
        return SpeechStarted(first)

    def _end_region(self, trigger: Trigger) -> Iterator[Event]:
        """Close the region at its last voiced frame; its rest is final if it is long enough."""
        end = self._last_voiced
        speech = end - max(self._start, self._speech_from)
        self._speaking = False
        self._quiet_since = self._silent_since = max(end, self._start)
        self._recent.clear()
        yield SpeechEnded(self._quiet_since)
        if speech >= LEAST:
            yield self._segment(end, trigger)
            yield from self._go_back(end, self._noise_at_voiced)
        elif speech > 0:
            yield Rest(self._segment(end, trigger, short=True), speech)
