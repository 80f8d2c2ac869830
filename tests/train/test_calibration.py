"""Calibration on cases whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.calibration import choose_threshold, expected_error, fit_temperature, reliability, softmax
from train.corpora import LABELS


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


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=8))
def test_whoever_is_as_right_as_sure_in_every_bin_has_no_error(bins: list[tuple[int, int]]) -> None:
    """Each bin has its own certainty over a half, and just that share of it is right."""
    certainties, targets = [], []
    for count, right in bins:
        hits = min(count, max(right, count // 2 + 1))
        certainties += [hits / count] * count
        targets += [0] * hits + [1] * (count - hits)
    top = np.array(certainties)
    probabilities = np.stack([top, 1 - top], axis=1)
    assert expected_error(probabilities, np.array(targets)) == pytest.approx(0, abs=1e-9)


def test_the_curve_goes_from_unsure_to_sure_and_leaves_out_empty_bins() -> None:
    found = reliability(rows((0, 0.95), (0, 0.9), (0, 1.0), (1, 0.3)), np.array([0, 1, 0, 1]), bins=10)
    assert [(each["above"], each["count"]) for each in found] == [(0.3, 1), (0.9, 3)]
    assert found[1]["accuracy"] == pytest.approx(2 / 3)
    assert found[1]["certainty"] == pytest.approx(0.95)
