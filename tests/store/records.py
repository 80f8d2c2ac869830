"""Records as calls make them, with whatever a test says about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from undervoice.emotion import Quality, segment_id
from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedHintFeedback, LoggedSegment

START = datetime(2026, 5, 24, 10, 0, tzinfo=UTC)


def moment(sec: float) -> str:
    return (START + timedelta(seconds=sec)).isoformat().replace("+00:00", "Z")


def segment(n: int = 0, call_id: str = "c-1", *, at_sec: float | None = None, **fields: Any) -> LoggedSegment:
    """Return the n-th reading of a call, 2.5 s long."""
    end_sec = 2.5 * (n + 1)
    known: dict[str, Any] = {
        "segment_id": segment_id(call_id, "customer", 40_000 * n),
        "call_id": call_id,
        "agent_id": "a-1",
        "channel": "customer",
        "final": True,
        "trigger": "window",
        "start_offset_sec": end_sec - 2.5,
        "end_offset_sec": end_sec,
        "detected_emotion": "angry",
        "confidence_score": 0.75,
        "all_emotions_confidence": {"angry": 0.75, "neutral": 0.25},
        "upset_score": 0.75,
        "arousal": 0.7,
        "uncertain": False,
        "quality": Quality(level_dbfs=-23.1, snr_db=18.0),
        "latency_ms": 41.5,
        "model": "compact@3",
        "timestamp": moment(end_sec if at_sec is None else at_sec),
        "seq": n,
    }
    return LoggedSegment(**known | fields)


def call(call_id: str = "c-1", *, at_sec: float = 0.0, **fields: Any) -> Call:
    known: dict[str, Any] = {"agent_id": "a-1", "kind": "call", "live": True, "started_at": moment(at_sec)}
    return Call(call_id=call_id, **known | fields)


def alert(rule: str = "sustained_upset", offset_sec: float = 20.0, call_id: str = "c-1", **fields: Any) -> LoggedAlert:
    known: dict[str, Any] = {
        "alert_id": f"{call_id}:{rule}:{offset_sec}",
        "agent_id": "a-1",
        "severity": "warning",
        "message": "upset for 20 s",
        "actions": ["suggest_supervisor"],
        "timestamp": moment(offset_sec),
    }
    return LoggedAlert(call_id=call_id, rule=rule, offset_sec=offset_sec, **known | fields)


def word(n: int = 0, call_id: str = "c-1", *, at_sec: float = 30.0, **fields: Any) -> LoggedFeedback:
    known: dict[str, Any] = {"agent_id": "a-1", "correct": False, "emotion": "sad", "timestamp": moment(at_sec)}
    known["segment_id"] = segment_id(call_id, "customer", 40_000 * n)
    return LoggedFeedback(call_id=call_id, **known | fields)


def hint_word(
    offset_sec: float = 20.0, call_id: str = "c-1", *, at_sec: float = 30.0, **fields: Any
) -> LoggedHintFeedback:
    known: dict[str, Any] = {"agent_id": "a-1", "rule": "sustained_upset", "useful": True, "timestamp": moment(at_sec)}
    known["alert_id"] = f"{call_id}:sustained_upset:{round(offset_sec * 16_000):09d}"
    return LoggedHintFeedback(call_id=call_id, offset_sec=offset_sec, **known | fields)
