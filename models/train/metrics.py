"""Figures of a model on labelled clips, for any set of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from undervoice.emotion import UPSET_WEIGHTS
from undervoice.errors import BadInput

from .calibration import Array, Bin, expected_error, reliability
from .corpora import LABELS

Targets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
UPSET_FROM = 0.5
"""A clip sounds upset where the weighted sum of its probabilities reaches this."""
COVERAGES = tuple(round(step / 20, 2) for step in range(1, 21))


class LabelFigures(TypedDict):
    """What one label's clips and answers say; shares are 0…1."""

    precision: float
    recall: float
    f1: float
    support: int
    """Clips that were meant so."""


class Point(TypedDict):
    """How right a model is where it answers only the most certain share of all clips."""

    coverage: float
    accuracy: float


class Figures(TypedDict):
    """What one evaluation says; shares are 0…1."""

    clips: int
    accuracy: float
    uar: float
    """Unweighted average recall: the mean of the labels' recalls, over the labels that occur."""
    macro_f1: float
    """Mean F1 over the labels that occur."""
    recall: dict[str, float]
    """Of the labels that occur."""
    by_label: dict[str, LabelFigures]
    confusion: list[list[int]]
    """Rows are meant, columns are heard, both in the labels' order."""
    ece: float
    upset_accuracy: float | None
    """The three are None where no label counts as upset."""
    upset_f1: float | None
    not_upset_f1: float | None
    accuracy_most_certain_80: float
    reliability: list[Bin]
    risk_coverage: list[Point]
    at_threshold: Point | None
    """The point of the model's own abstaining; None where no threshold was given."""


def confusion(probabilities: Array, targets: Targets, labels: int | None = None) -> npt.NDArray[np.int64]:
    """Return counts, ``int64[meant, heard]``; ``labels`` defaults to the columns of the probabilities."""
    size = labels or probabilities.shape[1]
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (targets, probabilities.argmax(axis=1)), 1)
    return counts


def f1(found: Flags, meant: Flags) -> float:
    """Return the harmonic mean of precision and recall; 0 where nothing was found or meant."""
    both = int(np.sum(found & meant))
    return 2 * both / max(1, int(found.sum()) + int(meant.sum()))


def label_figures(counts: npt.NDArray[np.int64], labels: Sequence[str]) -> dict[str, LabelFigures]:
    """Return each label's figures from ``int64[meant, heard]``; what nothing can be said of is 0."""
    right, meant, heard = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return {
        label: LabelFigures(
            precision=float(right[i] / max(1, heard[i])),
            recall=float(right[i] / max(1, meant[i])),
            f1=float(2 * right[i] / max(1, meant[i] + heard[i])),
            support=int(meant[i]),
        )
        for i, label in enumerate(labels)
    }


def by_certainty(probabilities: Array, targets: Targets) -> Flags:
    """Return which answers are right, ``bool[rows]``, from the most certain to the least.

    Of equally certain ones the wrong come first, so that the order of the rows changes nothing.
    """
    right = probabilities.argmax(axis=1) == targets
    return np.asarray(right[np.lexsort((right, -probabilities.max(axis=1)))])


def most_certain(probabilities: Array, targets: Targets, share: float = 0.8) -> float:
    """Return the accuracy on the ``share`` of rows with the highest top probability."""
    right = by_certainty(probabilities, targets)
    return float(np.mean(right[: max(1, round(share * len(right)))]))


def risk_coverage(probabilities: Array, targets: Targets) -> list[Point]:
    """Return the accuracy at each coverage, the most certain rows first."""
    right = by_certainty(probabilities, targets)
    counts = [max(1, round(coverage * len(right))) for coverage in COVERAGES]
    return [Point(coverage=count / len(right), accuracy=float(np.mean(right[:count]))) for count in counts]


def at_threshold(probabilities: Array, targets: Targets, abstain_below: float) -> Point:
    """Return how much a model answers that abstains below a top probability, and how right it is there."""
    answered = probabilities.max(axis=1) >= abstain_below
    right = (probabilities.argmax(axis=1) == targets)[answered]
    return Point(coverage=float(answered.mean()), accuracy=float(right.mean()) if len(right) else 0.0)


def upset_figures(
    probabilities: Array, targets: Targets, labels: Sequence[str], upset: Mapping[str, float]
) -> tuple[float, float, float] | None:
    """Return accuracy, F1 of upset and F1 of not upset; None where no label counts as upset."""
    weights = np.array([upset.get(label, 0.0) for label in labels])
    if not np.any(weights > 0):
        return None
    found, meant = probabilities @ weights >= UPSET_FROM, (weights >= UPSET_FROM)[targets]
    return float(np.mean(found == meant)), f1(found, meant), f1(~found, ~meant)


def measure(
    probabilities: Array,
    targets: Targets,
    labels: Sequence[str] = LABELS,
    upset: Mapping[str, float] = UPSET_WEIGHTS,
    abstain_below: float | None = None,
) -> Figures:
    """Return the figures of calibrated probabilities ``float64[clips, labels]``.

    Args:
        targets: each clip's place among the labels, ``int64[clips]``.
        upset: how much each label counts as upset, 0…1; labels that are missing count nothing.
        abstain_below: the top probability under which the model says "unsure".

    Raises:
        BadInput: when there are no clips, or shapes and labels do not fit together.
    """
    if not len(targets) or probabilities.shape != (len(targets), len(labels)):
        raise BadInput(
            f"no figures of {probabilities.shape} probabilities for {len(targets)} clips, {len(labels)} labels"
        )
    counts = confusion(probabilities, targets)
    by_label = label_figures(counts, labels)
    present = [label for label in labels if by_label[label]["support"]]
    upset_accuracy, upset_f1, not_upset_f1 = upset_figures(probabilities, targets, labels, upset) or (None, None, None)
    return Figures(
        clips=len(targets),
        accuracy=float(np.mean(probabilities.argmax(axis=1) == targets)),
        uar=float(np.mean([by_label[label]["recall"] for label in present])),
        macro_f1=float(np.mean([by_label[label]["f1"] for label in present])),
        recall={label: by_label[label]["recall"] for label in present},
        by_label=by_label,
        confusion=counts.tolist(),
        ece=expected_error(probabilities, targets),
        upset_accuracy=upset_accuracy,
        upset_f1=upset_f1,
        not_upset_f1=not_upset_f1,
        accuracy_most_certain_80=most_certain(probabilities, targets),
        reliability=reliability(probabilities, targets),
        risk_coverage=risk_coverage(probabilities, targets),
        at_threshold=None if abstain_below is None else at_threshold(probabilities, targets, abstain_below),
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and standard deviation over folds."""
    return {"mean": round(float(np.mean(values)), 4), "std": round(float(np.std(values)), 4)}
