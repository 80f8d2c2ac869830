"""Figures of a model on labelled clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from undervoice.emotion import UPSET_WEIGHTS

from .calibration import Array, expected_error
from .corpora import LABELS

Targets = npt.NDArray[np.int64]
UPSET = np.array([label in UPSET_WEIGHTS for label in LABELS])


class Figures(TypedDict):
    """What one evaluation says; shares are 0…1."""

    clips: int
    accuracy: float
    uar: float
    """Unweighted average recall: the mean of the labels' recalls, over the labels that occur."""
    recall: dict[str, float]
    ece: float
    upset_accuracy: float
    upset_f1: float
    not_upset_f1: float
    accuracy_most_certain_80: float


def confusion(probabilities: Array, targets: Targets) -> npt.NDArray[np.int64]:
    """Return counts, ``int64[meant, heard]``."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (targets, probabilities.argmax(axis=1)), 1)
    return counts


def f1(found: npt.NDArray[np.bool_], meant: npt.NDArray[np.bool_]) -> float:
    """Return the harmonic mean of precision and recall; 0 where nothing was found or meant."""
    both = int(np.sum(found & meant))
    return 2 * both / max(1, int(found.sum()) + int(meant.sum()))


def most_certain(probabilities: Array, targets: Targets, share: float = 0.8) -> float:
    """Return the accuracy on the ``share`` of rows with the highest top probability."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")[: max(1, round(share * len(targets)))]
    return float(np.mean(probabilities[order].argmax(axis=1) == targets[order]))


def measure(probabilities: Array, targets: Targets) -> Figures:
    """Return the figures of calibrated probabilities ``float64[clips, labels]``."""
    counts = confusion(probabilities, targets)
    present = counts.sum(axis=1) > 0
    recalls = counts.diagonal()[present] / counts.sum(axis=1)[present]
    upset, meant = probabilities[:, UPSET].sum(axis=1) >= 0.5, UPSET[targets]
    return Figures(
        clips=len(targets),
        accuracy=float(np.mean(probabilities.argmax(axis=1) == targets)),
        uar=float(recalls.mean()),
        recall={label: float(r) for label, r in zip(np.array(LABELS)[present].tolist(), recalls, strict=True)},
        ece=expected_error(probabilities, targets),
        upset_accuracy=float(np.mean(upset == meant)),
        upset_f1=f1(upset, meant),
        not_upset_f1=f1(~upset, ~meant),
        accuracy_most_certain_80=most_certain(probabilities, targets),
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and standard deviation over folds."""
    return {"mean": round(float(np.mean(values)), 4), "std": round(float(np.std(values)), 4)}
