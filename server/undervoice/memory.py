"""All that a call remembers at a place in its audio: what a checkpoint carries to whichever server goes on.

What follows a place depends on nothing but this and the audio after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from undervoice.alerts import AlertMemory
from undervoice.mood import MoodMemory
from undervoice.recap import RecapMemory
from undervoice.terms import Config
from undervoice.vad import SegmenterState


class Counts(msgspec.Struct, frozen=True):
    """Call samples that brought no reading, by why."""

    discarded: int = 0
    """Never sent."""
    paused: int = 0
    """Those of the discarded that fell into a pause."""
    short: int = 0
    """Speech that was too short for a segment."""
    dropped: int = 0
    """Speech that could not be scored in time."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A place that the audio has reached, and what was known about the audio there.

    Readings of what lies before it may still be on their way; the rest of the memory is complete
    once they are out.
    """

    segmenter: SegmenterState
    paused: bool
    counts: Counts


class CallMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One call at a place, with every reading before it out."""

    started_at: datetime
    """When the call's first sample counts as heard, UTC."""
    config: Config
    """In force since the call's first start; it stays."""
    segmenter: SegmenterState
    mood: MoodMemory = MoodMemory()
    alerts: AlertMemory = AlertMemory()
    recap: RecapMemory = RecapMemory()
    paused: bool = False
    counts: Counts = Counts()
    seq: int = 0

    @property
    def sample(self) -> int:
        """The place: a call sample, a multiple of 160."""
        return self.segmenter.sample
