"""Calibration on held-out speakers: one temperature, and the certainty under which a model says "unsure"."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TEMPERATURES = np.geomspace(0.3, 4.0, 200)
BINS = 15
"""Bins of the top probability over which the calibration error is taken, as Guo et al. (2017) do."""


class Bin(TypedDict):
    """Answers of about one certainty: how sure they were, and how often right."""

    above: float
    """Lower edge of the bin."""
    certainty: float
    """Mean top probability."""
    accuracy: float
    count: int


def softmax(logits: Array) -> Array:
    """Return probabilities, ``float64[rows, labels]``, of logits of the same shape."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(probabilities: Array, targets: npt.NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood of the right labels."""
    right = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def fit_temperature(logits: Array, targets: npt.NDArray[np.int64]) -> float:
    """Return the temperature at which the logits explain the targets best (Guo et al. 2017)."""
    losses = [log_loss(softmax(logits / temperature), targets) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def reliability(probabilities: Array, targets: npt.NDArray[np.int64], bins: int = BINS) -> list[Bin]:
    """Return equal-width bins of the top probability from low to high; empty ones are left out."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    places = np.minimum((top * bins).astype(int), bins - 1)
    return [
        Bin(
            above=float(place / bins),
            certainty=float(top[places == place].mean()),
            accuracy=float(right[places == place].mean()),
            count=int(np.sum(places == place)),
        )
        for place in np.unique(places)
    ]


def expected_error(probabilities: Array, targets: npt.NDArray[np.int64], bins: int = BINS) -> float:
    """Return the expected calibration error: how far certainty and accuracy lie apart, weighted by the bins' counts."""
    found = reliability(probabilities, targets, bins)
    return sum(abs(each["certainty"] - each["accuracy"]) * each["count"] for each in found) / len(targets)


def choose_threshold(probabilities: Array, share: float = 0.15) -> float:
    """Return the top probability under which ``share`` of the segments lie."""
    return round(float(np.quantile(probabilities.max(axis=1), share)), 3)
