"""How far what is heard has moved from what a model's card was made on.

A model is judged on some material; these figures say whether the calls of today still sound like it. They say that
something changed, not that readings are wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

QUANTILES = 20
"""A distribution is kept as this many quantiles, the middles of as many equal shares: 2.5 %, 7.5 % … 97.5 %."""
WINDOW = 2000
"""Final readings that count at a time."""
LEAST = 200
"""Final readings below which nothing is said: chance alone then looks like drift."""

Shares = npt.NDArray[np.float64]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Quantiles = Annotated[list[float], msgspec.Meta(min_length=QUANTILES, max_length=QUANTILES)]


class Reference(msgspec.Struct, frozen=True):
    """What a model hears in the material of its card."""

    made_from: str
    """In words: which material, and which models said so."""
    segments: Annotated[int, msgspec.Meta(ge=1)]
    emotions: dict[str, Share]
    """Share of segments in which each label is detected."""
    uncertain: Share
    """Share of segments on which the model abstains."""
    level_dbfs: Quantiles
    snr_db: Quantiles


class Figures(msgspec.Struct, frozen=True):
    """How far the last final readings lie from the reference."""

    emotions: float
    """Jensen–Shannon divergence of the detected labels, in bits: 0 the same, 1 nothing in common."""
    level_db: float
    """Mean distance of the levels' quantiles."""
    snr_db: float
    """Mean distance of the signal-to-noise ratios' quantiles."""


def divergence(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return the Jensen–Shannon divergence of two distributions in bits, 0…1; counts are taken as shares.

    Source: J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37
    (1991), 145–151. Unlike a population stability index it is bounded, and defined where a label was never heard.
    """
    labels = sorted({*ours, *theirs})
    first, second = (np.array([side.get(label, 0.0) for label in labels], np.float64) for side in (ours, theirs))
    first, second = first / first.sum(), second / second.sum()
    middle = (first + second) / 2
    bits = sum(_bits(side, middle) for side in (first, second)) / 2
    return min(1.0, max(0.0, bits))


def _bits(side: Shares, middle: Shares) -> float:
    """Return the Kullback–Leibler divergence of one side from the middle of both."""
    there = (side > 0) & (middle > 0)  # half of the least number there is, is none
    return float(np.sum(side[there] * np.log2(side[there] / middle[there])))


def quantiles(values: Sequence[float]) -> list[float]:
    """Return a distribution as the middles of ``QUANTILES`` equal shares."""
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return [float(value) for value in np.quantile(np.asarray(values, np.float64), places)]


def distance(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the mean distance of two distributions' quantiles, in their own unit.

    It is the Wasserstein-1 distance at the resolution of the quantiles: all values 6 dB up give 6 dB.
    """
    return float(np.mean(np.abs(np.asarray(ours) - np.asarray(theirs))))


class Drift:
    """The last final readings of one model beside its reference."""

    def __init__(self, reference: Reference, *, window: int = WINDOW, least: int = LEAST) -> None:
        self._reference, self._least = reference, least
        self._heard = deque[tuple[str, float, float]](maxlen=window)

    def hear(self, emotion: str, level_dbfs: float, snr_db: float) -> None:
        """Take a final reading."""
        self._heard.append((emotion, level_dbfs, snr_db))

    @property
    def heard(self) -> int:
        """How many readings count."""
        return len(self._heard)

    def figures(self) -> Figures | None:
        """Return the drift; nothing while too few were heard."""
        if len(self._heard) < self._least:
            return None
        emotions, levels, ratios = zip(*tuple(self._heard), strict=True)  # a copy: more may be heard meanwhile
        counts: dict[str, float] = {}
        for emotion in emotions:
            counts[emotion] = counts.get(emotion, 0.0) + 1.0
        return Figures(
            divergence(counts, self._reference.emotions),
            distance(quantiles(levels), self._reference.level_dbfs),
            distance(quantiles(ratios), self._reference.snr_db),
        )
