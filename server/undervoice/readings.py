"""Scores become readings: what follows from probabilities, and where a reading stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from undervoice import emotion
from undervoice.emotion import Scores, Segment, position_sec, segment_id


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
