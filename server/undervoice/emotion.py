"""The vocabulary of the product: emotions, segments, scores, readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz; every sample number in the product counts samples at this rate."""

GRID = 160
"""Samples (10 ms): places in a call are multiples of it, so each is whole at every input rate."""

Samples = npt.NDArray[np.int16]
"""``int16[n]``: mono audio of one channel."""

Channel = Literal["customer", "agent"]
Trigger = Literal["window", "speech_ended", "flush", "provisional"]


class Emotion(StrEnum):
    """The seven that are scored by default, in the order in which models answer them."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"
    FEARFUL = "fearful"
    DISGUSTED = "disgusted"


UPSET_WEIGHTS: Mapping[str, float] = {
    Emotion.ANGRY: 1.0,
    Emotion.DISGUSTED: 1.0,
    Emotion.FEARFUL: 1.0,
    Emotion.SAD: 1.0,
}
"""How much each emotion's probability adds to the upset score."""

AROUSAL: Mapping[str, float] = {
    Emotion.NEUTRAL: 0.50,
    Emotion.HAPPY: 0.755,
    Emotion.SAD: 0.365,
    Emotion.ANGRY: 0.795,
    Emotion.SURPRISED: 0.835,
    Emotion.FEARFUL: 0.80,
    Emotion.DISGUSTED: 0.675,
}
"""Arousal of each emotion, mapped from −1…1 to 0…1.

Source: J. A. Russell and A. Mehrabian, "Evidence for a three-factor theory of emotions",
Journal of Research in Personality 11 (1977), 273–294 (happy .51, sad −.27, angry .59,
surprised .67, fearful .60, disgusted .35; neutral is the origin).
"""


def upset_score(probabilities: Mapping[str, float], weights: Mapping[str, float] = UPSET_WEIGHTS) -> float:
    """Return the weighted sum of the upset emotions' probabilities, at most 1."""
    return min(1.0, sum(weights.get(label, 0.0) * p for label, p in probabilities.items()))


def arousal(probabilities: Mapping[str, float]) -> float:
    """Return the expected arousal, 0…1; labels without a circumplex value count as neutral."""
    return sum(AROUSAL.get(label, 0.5) * p for label, p in probabilities.items())


def position_sec(sample: int) -> float:
    """Return a place in the call in seconds, exact to a microsecond."""
    return round(sample / SAMPLE_RATE, 6)


def segment_id(call_id: str, channel: str, start: int) -> str:
    """Return the id of the segment that starts there: the same audio always gives the same id."""
    return f"{call_id}:{channel}:{start:09d}"


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A stretch of one channel's speech, cut out of a call and ready to be scored.

    ``start`` and ``end`` are call samples, ``samples`` is ``int16[end - start]``;
    ``noise_dbfs`` is the tracked noise floor when it was cut. ``short`` marks a stretch
    under the least length, which only a clip without any longer one may score.
    """

    channel: Channel
    start: int
    end: int
    samples: Samples
    trigger: Trigger
    noise_dbfs: float
    short: bool = False

    @property
    def final(self) -> bool:
        """Whether this is the last word on its stretch of audio."""
        return self.trigger != "provisional"

    @property
    def duration_sec(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start) / SAMPLE_RATE


class Quality(msgspec.Struct, frozen=True, omit_defaults=True):
    """How well a segment could be heard."""

    level_dbfs: float
    """Root mean square level."""
    snr_db: float
    """Level over the tracked noise floor."""
    clipped: float = 0.0
    """Share of samples at full scale."""
    short: bool = False
    """Less speech than a segment should have."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model says of one segment: calibrated probabilities that sum to 1."""

    probabilities: dict[str, float]
    uncertain: bool
    quality: Quality
    model: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One scored segment as clients see it and stores keep it (protocol §1, ``emotion``)."""

    segment_id: str
    call_id: str
    channel: str
    final: bool
    trigger: Trigger
    start_offset_sec: float
    """Seconds of call audio since the first sample."""
    end_offset_sec: float
    detected_emotion: str
    confidence_score: float
    all_emotions_confidence: dict[str, float]
    upset_score: float
    arousal: float
    uncertain: bool
    """The model abstains; clients show "unsure"."""
    quality: Quality
    latency_ms: float
    """From the arrival of the audio that decided the cut to the hand-over to the socket."""
    model: str
    """Name and version, ``name@version``."""
    timestamp: str
    """RFC 3339, UTC: the call's start plus ``end_offset_sec``."""
    seq: int
