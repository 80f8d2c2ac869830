"""Calibration on held-out speakers: one temperature, and the certainty under which a model says "unsure"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TEMPERATURES = np.geomspace(0.3, 4.0, 200)


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


def expected_error(probabilities: Array, targets: npt.NDArray[np.int64], bins: int = 15) -> float:
    """Return the expected calibration error over equal-width bins of the top probability."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    places = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(float(top[places == place].mean()) - float(right[places == place].mean())) * np.mean(places == place)
        for place in np.unique(places)
    ]
    return float(np.sum(gaps))


def choose_threshold(probabilities: Array, share: float = 0.15) -> float:
    """Return the top probability under which ``share`` of the segments lie."""
    return round(float(np.quantile(probabilities.max(axis=1), share)), 3)
