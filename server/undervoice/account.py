"""What a call's readings add up to while it runs: the mood, the alerts, the summary."""

from __future__ import annotations

from datetime import datetime

from undervoice import messages as m
from undervoice import resources as r
from undervoice.alerts import Watch
from undervoice.emotion import Scores, Segment
from undervoice.memory import CallMemory, Counts, Milestone
from undervoice.mood import MoodTracker
from undervoice.opening import Policy
from undervoice.readings import reading_fields
from undervoice.recap import Recap

Told = list[m.EmotionReading | m.Mood | m.Alert]


class Account:
    """One call's account, from its start or from where a checkpoint left it."""

    def __init__(self, start: m.Start, policy: Policy, was: CallMemory) -> None:
        self._start, self._policy, self._started_at = start, policy, was.started_at
        self._seq = was.seq
        self._mood, self._watch = MoodTracker(was.mood, policy.weights), Watch(policy.rules, was.alerts)
        self.recap = Recap(start, was.started_at, policy.model, policy.rules, was.recap)

    def hear(self, segment: Segment, scores: Scores, latency_ms: float) -> Told:
        """Take a segment's scores; return the reading and, for a final one, what follows from it."""
        reading = self._reading(segment, scores, latency_ms)
        if not segment.final:
            return [reading]
        mood = self._mood.hear(reading)
        alerts = self._watch.hear(reading, mood)
        self.recap.add(reading, mood)
        self.recap.raised(alerts)
        return [reading, mood, *alerts]

    def wait(self, silent_sec: float, offset_sec: float) -> Told:
        """Take that nobody has spoken for so long at a place; return the alerts that this raises."""
        alerts = self._watch.wait(silent_sec, offset_sec)
        self.recap.raised(alerts)
        return [*alerts]

    def _reading(self, segment: Segment, scores: Scores, latency_ms: float) -> m.EmotionReading:
        self._seq += 1
        fields = reading_fields(
            segment,
            scores,
            call_id=self._start.call_id,
            started_at=self._started_at,
            upset_weights=self._policy.upset_weights,
        )
        return m.EmotionReading(**fields, latency_ms=round(latency_ms, 1), seq=self._seq)

    def memory(self, milestone: Milestone, counts: Counts) -> CallMemory:
        """Return what is remembered at a milestone, once every reading before it was heard."""
        return CallMemory(
            started_at=self._started_at,
            config=self._start.config,
            segmenter=milestone.segmenter,
            mood=self._mood.memory,
            alerts=self._watch.memory,
            recap=self.recap.memory(),
            paused=milestone.paused,
            counts=counts,
            seq=self._seq,
        )

    def call(self, totals: m.Totals, ended_at: datetime | None, reason: str | None) -> r.Call:
        """Return the call as supervisors see it."""
        return self.recap.call(self._mood.mood(), totals, ended_at, reason)
