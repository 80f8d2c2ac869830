"""Readings and scores made by hand."""

from __future__ import annotations

from undervoice.emotion import Emotion, Quality, Scores
from undervoice.messages import EmotionReading
from undervoice.places import RULES_FILE
from undervoice.rulebook import read_rules

RULES = read_rules(RULES_FILE)
"""The rules that are shipped."""
CLEAR = Quality(-20.0, 30.0)


def probabilities(top: str = "neutral", confidence: float = 0.7) -> dict[str, float]:
    """Return probabilities in which one emotion stands out."""
    rest = (1 - confidence) / (len(Emotion) - 1)
    return {label.value: confidence if label == top else rest for label in Emotion}


def scores(top: str = "neutral", confidence: float = 0.7, *, uncertain: bool = False) -> Scores:
    """Return what a model could have said."""
    return Scores(probabilities(top, confidence), uncertain, CLEAR, "made@1")


def reading(
    start: float, end: float, *, upset: float = 0.0, uncertain: bool = False, quality: Quality = CLEAR
) -> EmotionReading:
    """Return a final reading with an upset score."""
    return EmotionReading(
        segment_id=f"c:customer:{round(start * 16000):09d}",
        call_id="c",
        channel="customer",
        final=True,
        trigger="window",
        start_offset_sec=start,
        end_offset_sec=end,
        detected_emotion="angry" if upset > 0.5 else "neutral",
        confidence_score=max(upset, 1 - upset),
        all_emotions_confidence={"angry": upset, "neutral": 1 - upset},
        upset_score=upset,
        arousal=0.5,
        uncertain=uncertain,
        quality=quality,
        latency_ms=1.0,
        model="made@1",
        timestamp="2026-05-24T10:30:00.000Z",
        seq=1,
    )
