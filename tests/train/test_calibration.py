"""Calibration and figures on cases whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from train.calibration import choose_threshold, expected_error, fit_temperature, softmax
from train.corpora import LABELS
from train.metrics import confusion, f1, measure, most_certain


def rows(*tops: tuple[int, float]) -> np.ndarray:
    """Return probabilities with one named label each, the rest shared out evenly."""
    made = np.array([[(1 - p) / (len(LABELS) - 1)] * len(LABELS) for _, p in tops])
    for row, (label, p) in enumerate(tops):
        made[row, label] = p
    return made


def test_a_model_that_is_as_right_as_it_is_sure_has_no_calibration_error() -> None:
    probabilities = rows(*[(0, 0.75)] * 4)
    assert expected_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0.0)


def test_a_sure_model_that_is_always_wrong_has_all_of_it() -> None:
    assert expected_error(rows(*[(0, 1.0)] * 3), np.array([1, 2, 3])) == pytest.approx(1.0)


def test_errors_of_bins_are_weighted_by_their_share() -> None:
    probabilities = rows(*[(0, 0.9)] * 3, (0, 0.5))
    assert expected_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)


def test_the_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (4000, len(LABELS)))
    targets = np.array([rng.choice(len(LABELS), p=p) for p in softmax(logits)])
    assert fit_temperature(logits * 2.5, targets) == pytest.approx(2.5, rel=0.08)


def test_the_threshold_lets_the_asked_share_pass_under_it() -> None:
    probabilities = rows(*[(0, p) for p in np.linspace(0.3, 0.9, 101)])
    assert np.mean(probabilities.max(axis=1) < choose_threshold(probabilities, 0.15)) == pytest.approx(0.15, abs=0.02)


def test_figures_of_a_known_table() -> None:
    angry, sad, happy = (LABELS.index(name) for name in ("angry", "sad", "happy"))
    probabilities = rows((angry, 0.9), (angry, 0.8), (sad, 0.7), (happy, 0.6))
    found = measure(probabilities, np.array([angry, sad, sad, happy]))
    assert found["accuracy"] == 0.75
    assert found["recall"] == {"happy": 1.0, "sad": 0.5, "angry": 1.0}
    assert found["uar"] == pytest.approx(2.5 / 3)
    assert found["upset_accuracy"] == 1.0
    assert (found["upset_f1"], found["not_upset_f1"]) == (1.0, 1.0)
    assert confusion(probabilities, np.array([angry, sad, sad, happy]))[sad].tolist()[angry] == 1


def test_the_most_certain_are_taken_first() -> None:
    probabilities = rows((0, 0.9), (0, 0.8), (0, 0.7), (0, 0.6), (0, 0.3))
    assert most_certain(probabilities, np.array([0, 0, 0, 0, 1])) == 1.0


def test_f1_of_nothing_is_zero() -> None:
    assert f1(np.zeros(3, bool), np.zeros(3, bool)) == 0.0
