"""From single readings to how the call is going.

The upset score is smoothed over some seconds of speech; a state is entered at one threshold and
left at a lower one, and is kept for a least time, so that the meter never flickers.
The slow average is the caller's own baseline: the trend is what departs from it.
"""

from __future__ import annotations

import math

import msgspec

from undervoice.emotion import Reading
from undervoice.messages import Mood
from undervoice.terms import MoodState
from undervoice.triage import DEFAULT, Weights, priority

SMOOTHING_SEC = 6.0
BASELINE_SEC = 45.0
TENSE_ENTER, TENSE_LEAVE = 0.45, 0.35
UPSET_ENTER, UPSET_LEAVE = 0.60, 0.50
DWELL_SEC = 4.0
"""A state is kept for at least this long."""
UNSURE_WEIGHT = 0.5
"""A reading on which the model abstains moves the score half as far."""
PRIOR = 0.2
"""The score of a caller who has not been heard yet: one first reading alone makes nobody upset."""
TREND_SPAN = 0.4
"""A departure from the baseline this large is a trend of 1."""


class MoodMemory(msgspec.Struct, frozen=True):
    """All that the tracker remembers; it travels in checkpoints."""

    state: MoodState = "calm"
    since_sec: float = 0.0
    score: float = PRIOR
    baseline: float = PRIOR
    arousal: float = 0.5
    upset_sec: float = 0.0


class MoodTracker:
    """Follows one call's final readings."""

    def __init__(self, memory: MoodMemory | None = None, weights: Weights = DEFAULT) -> None:
        self.memory, self._weights = memory or MoodMemory(), weights

    def hear(self, reading: Reading) -> Mood:
        """Take the next final reading; return the mood after it."""
        was = self.memory
        duration = reading.end_offset_sec - reading.start_offset_sec
        heard = duration * (UNSURE_WEIGHT if reading.uncertain else 1.0)
        score = _towards(was.score, reading.upset_score, heard / SMOOTHING_SEC)
        baseline = _towards(was.baseline, reading.upset_score, heard / BASELINE_SEC)
        excited = _towards(was.arousal, reading.arousal, heard / SMOOTHING_SEC)
        kept = reading.end_offset_sec - was.since_sec < DWELL_SEC
        state = was.state if kept else _next(was.state, score)
        since = was.since_sec if state == was.state else reading.start_offset_sec
        upset_sec = was.upset_sec + (duration if state == "upset" else 0.0)
        self.memory = MoodMemory(state, since, score, baseline, excited, upset_sec)
        return self.mood()

    def mood(self) -> Mood:
        """Return the mood now."""
        m = self.memory
        trend = max(-1.0, min(1.0, (m.score - m.baseline) / TREND_SPAN))
        return Mood(
            state=m.state,
            since_sec=round(m.since_sec, 3),
            upset_score=round(m.score, 4),
            upset_sec=round(m.upset_sec, 3),
            trend=round(trend, 3),
            priority=priority(m.score, m.arousal, weights=self._weights),
            arousal=round(m.arousal, 4),
        )


def _towards(value: float, target: float, times: float) -> float:
    """Move exponentially towards a target by a number of time constants."""
    return target + (value - target) * math.exp(-times)


def _next(state: MoodState, score: float) -> MoodState:
    """Return the state that follows, by thresholds that differ for entering and leaving."""
    if score >= UPSET_ENTER or (state == "upset" and score >= UPSET_LEAVE):
        return "upset"
    if state in ("upset", "recovering"):
        return "calm" if score < TENSE_LEAVE else "recovering"
    if score >= TENSE_ENTER or (state == "tense" and score >= TENSE_LEAVE):
        return "tense"
    return "calm"
