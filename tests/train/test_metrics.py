"""Figures of any labels: what must hold of them whatever a model answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.corpora import LABELS
from train.metrics import Figures, confusion, f1, measure, most_certain
from undervoice.errors import BadInput

OWN = ("pleased", "bored", "furious", "puzzled")
WEIGHTS = {"furious": 1.0, "puzzled": 0.5}


@st.composite
def answers(draw: st.DrawFn, labels: int = len(OWN)) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and targets, now and then with ties."""
    rows = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = draw(st.sampled_from([3, 1000]))
    weights = rng.integers(1, steps, (rows, labels)).astype(float)
    return weights / weights.sum(axis=1, keepdims=True), rng.integers(0, draw(st.integers(1, labels)), rows)


def figures(made: tuple[np.ndarray, np.ndarray], abstain_below: float | None = None) -> Figures:
    return measure(*made, labels=OWN, upset=WEIGHTS, abstain_below=abstain_below)


@given(answers())
def test_whoever_is_always_right_has_full_marks(made: tuple[np.ndarray, np.ndarray]) -> None:
    targets = made[1]
    found = figures((np.eye(len(OWN))[targets], targets))
    assert (found["accuracy"], found["uar"], found["macro_f1"], found["ece"]) == (1.0, 1.0, 1.0, 0.0)
    assert found["upset_accuracy"] == 1.0
    assert all(point["accuracy"] == 1.0 for point in found["risk_coverage"])


@given(answers(), st.randoms(use_true_random=False))
def test_the_order_of_the_clips_changes_nothing(made: tuple[np.ndarray, np.ndarray], random: object) -> None:
    order = list(range(len(made[1])))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = figures(made, 0.4), figures((made[0][order], made[1][order]), 0.4)
    assert one["confusion"] == other["confusion"]
    for name in ("accuracy", "uar", "macro_f1", "ece", "upset_f1", "accuracy_most_certain_80"):
        assert one[name] == pytest.approx(other[name])  # type: ignore[literal-required]
    for name in ("risk_coverage", "at_threshold"):
        assert one[name] == other[name]  # type: ignore[literal-required]


@given(answers(), st.permutations(range(len(OWN))))
def test_the_order_of_the_labels_changes_nothing(made: tuple[np.ndarray, np.ndarray], order: list[int]) -> None:
    probabilities, targets = made
    places = np.argsort(order)
    # A label that ties with another may come first or last: a hair for each label keeps them apart in both orders.
    probabilities = probabilities + 1e-9 * np.arange(len(OWN))
    one = figures((probabilities, targets))
    moved = [OWN[place] for place in order]
    other = measure(probabilities[:, order], places[targets], labels=moved, upset=WEIGHTS)
    assert one["by_label"] == other["by_label"]
    assert one["upset_accuracy"] == other["upset_accuracy"]


@given(answers())
def test_answering_everything_is_as_right_as_the_accuracy(made: tuple[np.ndarray, np.ndarray]) -> None:
    found = figures(made, abstain_below=0.0)
    assert found["risk_coverage"][-1] == {"coverage": 1.0, "accuracy": found["accuracy"]}
    assert found["at_threshold"] == {"coverage": 1.0, "accuracy": found["accuracy"]}
    coverages = [point["coverage"] for point in found["risk_coverage"]]
    assert coverages == sorted(coverages)


@settings(deadline=None)  # scikit-learn warms up at its first call
@given(answers())
def test_figures_are_those_of_scikit_learn(made: tuple[np.ndarray, np.ndarray]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    probabilities, targets = made
    heard, found = probabilities.argmax(axis=1), figures(made)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, heard))
    places = list(range(len(OWN)))
    assert found["confusion"] == metrics.confusion_matrix(targets, heard, labels=places).tolist()
    parts = metrics.precision_recall_fscore_support(targets, heard, labels=places, zero_division=0)
    for i, label in enumerate(OWN):
        assert list(found["by_label"][label].values()) == pytest.approx([part[i] for part in parts])
    present = np.unique(targets)
    f1_score = metrics.f1_score(targets, heard, labels=present, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(f1_score)
    assert found["uar"] == pytest.approx(metrics.recall_score(targets, heard, labels=present, average="macro"))


@given(answers())
def test_counts_and_bins_hold_every_clip_once(made: tuple[np.ndarray, np.ndarray]) -> None:
    found = figures(made)
    assert sum(map(sum, found["confusion"])) == found["clips"] == len(made[1])
    assert sum(each["count"] for each in found["reliability"]) == found["clips"]
    assert sum(each["support"] for each in found["by_label"].values()) == found["clips"]


def test_labels_that_upset_nobody_have_no_upset_figures() -> None:
    found = measure(np.eye(3), np.arange(3), labels=("a", "b", "c"), upset={})
    assert (found["upset_accuracy"], found["upset_f1"], found["not_upset_f1"]) == (None, None, None)


def test_half_an_upset_label_counts_half() -> None:
    """Half furious and half puzzled is 0.75 upset; pleased and puzzled is 0.25."""
    probabilities = np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 0.0, 0.5]])
    found = figures((probabilities, np.array([2, 0])))
    assert found["upset_accuracy"] == 1.0


def test_the_threshold_tells_what_is_answered_and_how_well() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.4, 0.6]])
    found = measure(probabilities, np.array([0, 1, 1, 1]), ("a", "b"), {}, abstain_below=0.7)
    assert found["at_threshold"] == {"coverage": 0.5, "accuracy": 0.5}
    assert measure(probabilities, np.array([0, 0, 0, 0]), ("a", "b"), {}, 0.99)["at_threshold"] == {
        "coverage": 0.0,
        "accuracy": 0.0,
    }


def test_no_clips_and_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="no figures"):
        measure(np.zeros((0, 7)), np.zeros(0, np.int64))
    with pytest.raises(BadInput, match="3 clips, 7 labels"):
        measure(np.eye(3), np.arange(3))


# ---------------------------------------------------------------- the seven, by hand


def rows(*tops: tuple[int, float]) -> np.ndarray:
    """Return probabilities with one named label each, the rest shared out evenly."""
    made = np.array([[(1 - p) / (len(LABELS) - 1)] * len(LABELS) for _, p in tops])
    for row, (label, p) in enumerate(tops):
        made[row, label] = p
    return made


def test_figures_of_a_known_table() -> None:
    angry, sad, happy = (LABELS.index(name) for name in ("angry", "sad", "happy"))
    probabilities = rows((angry, 0.9), (angry, 0.8), (sad, 0.7), (happy, 0.6))
    found = measure(probabilities, np.array([angry, sad, sad, happy]))
    assert found["accuracy"] == 0.75
    assert found["recall"] == {"happy": 1.0, "sad": 0.5, "angry": 1.0}
    assert found["by_label"]["angry"]["precision"] == 0.5
    assert found["uar"] == pytest.approx(2.5 / 3)
    assert found["upset_accuracy"] == 1.0
    assert (found["upset_f1"], found["not_upset_f1"]) == (1.0, 1.0)
    assert confusion(probabilities, np.array([angry, sad, sad, happy]))[sad].tolist()[angry] == 1


def test_the_most_certain_are_taken_first() -> None:
    probabilities = rows((0, 0.9), (0, 0.8), (0, 0.7), (0, 0.6), (0, 0.3))
    assert most_certain(probabilities, np.array([0, 0, 0, 0, 1])) == 1.0


def test_f1_of_nothing_is_zero() -> None:
    assert f1(np.zeros(3, bool), np.zeros(3, bool)) == 0.0
