"""Scores become readings: what clients see, what stores keep, and what a call's readings add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from undervoice import emotion
from undervoice.emotion import Reading, Scores, Segment, position_sec, segment_id
from undervoice.messages import LoggedAlert, Mood, Peak, Summary


def rfc3339(moment: datetime) -> str:
    """Return a UTC moment as the wire writes it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def judgement(probabilities: Mapping[str, float], upset_weights: Mapping[str, float]) -> dict[str, Any]:
    """Return the fields of a reading that follow from the probabilities."""
    top = max(probabilities, key=lambda label: probabilities[label])
    return {
        "detected_emotion": top,
        "confidence_score": round(probabilities[top], 6),
        "all_emotions_confidence": {label: round(p, 6) for label, p in probabilities.items()},
        "upset_score": round(emotion.upset_score(probabilities, upset_weights), 6),
        "arousal": round(emotion.arousal(probabilities), 6),
    }


def reading_fields(
    segment: Segment, scores: Scores, *, call_id: str, started_at: datetime, upset_weights: Mapping[str, float]
) -> dict[str, Any]:
    """Return a reading's fields but ``latency_ms`` and ``seq``, which only a live call has."""
    end_sec = position_sec(segment.end)
    return {
        "segment_id": segment_id(call_id, segment.channel, segment.start),
        "call_id": call_id,
        "channel": segment.channel,
        "final": segment.final,
        "trigger": segment.trigger,
        "start_offset_sec": position_sec(segment.start),
        "end_offset_sec": end_sec,
        **judgement(scores.probabilities, upset_weights),
        "uncertain": scores.uncertain,
        "quality": scores.quality,
        "model": scores.model,
        "timestamp": rfc3339(started_at + timedelta(seconds=end_sec)),
    }


class Recap:
    """What a call's final readings add up to."""

    def __init__(self) -> None:
        self.segments = 0
        self.alerts: list[LoggedAlert] = []
        self._seconds = self._upset_sec = 0.0
        self._distribution: Counter[str] = Counter()
        self._peak: Peak | None = None
        self._mood: Mood | None = None

    @property
    def speech_sec(self) -> float:
        """Seconds that were scored."""
        return round(self._seconds, 6)

    def add(self, reading: Reading, mood: Mood, alerts: list[LoggedAlert]) -> None:
        """Take a final reading, the mood after it, and the alerts that it raised."""
        self.segments += 1
        self.alerts += alerts
        self._seconds += reading.end_offset_sec - reading.start_offset_sec
        self._distribution[reading.detected_emotion] += 1
        self._mood = mood
        if self._peak is None or mood.upset_score > self._peak.upset_score:
            self._peak = Peak(reading.end_offset_sec, mood.upset_score)

    def summary(self) -> Summary:
        """Return what the call felt like."""
        mood = self._mood
        return Summary(
            emotion_distribution=dict(self._distribution),
            upset_share=round(mood.upset_sec / self._seconds, 4) if mood and self._seconds else 0.0,
            peak=self._peak,
            ended_as=mood.state if mood else "calm",
        )
