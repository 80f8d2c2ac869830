"""What a call adds up to, and how stores keep it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from undervoice.alerts import Rule
from undervoice.course import Course, CourseMemory
from undervoice.emotion import SAMPLE_RATE, Reading
from undervoice.messages import Alert, Feedback, HintFeedback, ModelInfo, Mood, Start, Totals, Warned
from undervoice.readings import rfc3339
from undervoice.resources import (
    Call,
    LoggedAlert,
    LoggedFeedback,
    LoggedHintFeedback,
    LoggedSegment,
    Peak,
    Summary,
)

KEPT_ALERTS = 16
"""A checkpoint carries the latest alerts of a call; the store has them all."""


class RecapMemory(msgspec.Struct, frozen=True):
    """What a call adds up to at a place; it travels in checkpoints."""

    segments: int = 0
    seconds: float = 0.0
    distribution: dict[str, int] = {}
    peak: Peak | None = None
    alerts: tuple[tuple[str, float], ...] = ()
    """Rule and offset in seconds of the latest alerts."""
    course: CourseMemory = CourseMemory()


class Recap:
    """One call's final readings, moods and alerts."""

    def __init__(
        self,
        start: Start,
        started_at: datetime,
        model: ModelInfo,
        rules: tuple[Rule, ...] = (),
        memory: RecapMemory | None = None,
    ) -> None:
        was = memory or RecapMemory()
        self._start, self._started_at, self._model = start, started_at, model
        self.segments, self._seconds, self._peak = was.segments, was.seconds, was.peak
        self._distribution = Counter(was.distribution)
        self._course = Course(rules, was.course)
        known = {rule.name: rule for rule in rules}
        fired = [known[name].alert(offset_sec) for name, offset_sec in was.alerts if name in known]
        self.alerts: list[LoggedAlert] = [*map(self.logged_alert, fired)]

    def memory(self) -> RecapMemory:
        """Return all that is remembered."""
        alerts = tuple((alert.rule, alert.offset_sec) for alert in self.alerts[-KEPT_ALERTS:])
        counted = dict(self._distribution)
        return RecapMemory(self.segments, self._seconds, counted, self._peak, alerts, self._course.memory)

    @property
    def speech_sec(self) -> float:
        """Seconds that were scored."""
        return round(self._seconds, 6)

    def raised(self, alerts: list[Alert]) -> None:
        """Take alerts."""
        self.alerts += map(self.logged_alert, alerts)
        self._course.raised(alerts)

    def add(self, reading: Reading, mood: Mood) -> None:
        """Take a final reading and the mood after it."""
        self.segments += 1
        self._seconds += reading.end_offset_sec - reading.start_offset_sec
        self._distribution[reading.detected_emotion] += 1
        if self._peak is None or mood.upset_score > self._peak.upset_score:
            self._peak = Peak(reading.end_offset_sec, mood.upset_score)
        self._course.hear(mood)

    def summary(self, mood: Mood) -> Summary:
        """Return what the call felt like, given the mood at its end."""
        return Summary(
            emotion_distribution=dict(self._distribution),
            upset_share=round(mood.upset_sec / self._seconds, 4) if self._seconds else 0.0,
            peak=self._peak,
            ended_as=mood.state,
            course=self._course.turns,
            turned_sec=self._course.memory.turned_sec,
            helped=self._course.helped,
        )

    def logged(self, reading: Reading) -> LoggedSegment:
        """Return a final reading as the store keeps it."""
        return LoggedSegment(**msgspec.structs.asdict(reading), agent_id=self._start.agent_id)

    def logged_alert(self, alert: Alert) -> LoggedAlert:
        """Return an alert as the store keeps it; its id is its place, so a replay is the same alert."""
        return LoggedAlert(
            alert_id=self._alert_id(alert.rule, alert.offset_sec),
            call_id=self._start.call_id,
            agent_id=self._start.agent_id,
            timestamp=rfc3339(self._started_at + timedelta(seconds=alert.offset_sec)),
            **msgspec.structs.asdict(alert),
        )

    def _alert_id(self, rule: str, offset_sec: float) -> str:
        return f"{self._start.call_id}:{rule}:{round(offset_sec * SAMPLE_RATE):09d}"

    def feedback(self, event: Feedback, now: datetime) -> LoggedFeedback | Warned:
        """Return an agent's word on a reading as the store keeps it, or what is wrong with it."""
        return logged_feedback(event, self._start.call_id, self._start.agent_id, self._model.labels, now)

    def hint_feedback(self, event: HintFeedback, now: datetime) -> LoggedHintFeedback | Warned:
        """Return an agent's word on a hint as the store keeps it, or what is wrong with it.

        There are as many as there were alerts, so that nobody can fill a store with them.
        """
        named = self._alert_id(event.rule, event.offset_sec)
        hint = next((alert for alert in reversed(self.alerts) if alert.alert_id == named), None)
        if hint is None:
            return Warned("unknown_hint", "hint_feedback names the rule and the offset_sec of an alert of this call")
        return LoggedHintFeedback(
            alert_id=hint.alert_id,
            call_id=hint.call_id,
            agent_id=hint.agent_id,
            rule=hint.rule,
            useful=event.useful,
            offset_sec=hint.offset_sec,
            timestamp=rfc3339(now),
        )

    def call(self, mood: Mood, totals: Totals, ended_at: datetime | None, reason: str | None) -> Call:
        """Return the call as supervisors see it; it is live until it has an end."""
        return Call(
            call_id=self._start.call_id,
            agent_id=self._start.agent_id,
            kind="call",
            live=ended_at is None,
            started_at=rfc3339(self._started_at),
            ended_at=rfc3339(ended_at) if ended_at else None,
            reason=reason,
            mood=mood,
            totals=totals,
            alerts=self.alerts,
            summary=self.summary(mood) if ended_at else None,
            model=f"{self._model.name}@{self._model.version}",
            consent=self._start.consent,
            metadata=self._start.metadata,
        )


def logged_feedback(
    event: Feedback, call_id: str, agent_id: str | None, labels: Sequence[str], now: datetime
) -> LoggedFeedback | Warned:
    """Return a word on a reading of a call as the store keeps it, or what is wrong with it."""
    if not event.segment_id.startswith(f"{call_id}:"):
        return Warned("foreign_segment", "feedback is for segments of this call", event.segment_id)
    if event.emotion is not None and event.emotion not in labels:
        return Warned("unknown_emotion", f"feedback names one of {', '.join(labels)}", event.emotion)
    return LoggedFeedback(
        segment_id=event.segment_id,
        call_id=call_id,
        agent_id=agent_id,
        correct=event.correct,
        emotion=event.emotion,
        timestamp=rfc3339(now),
        upset=event.upset,
    )
