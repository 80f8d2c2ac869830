"""Counting figures by range, and telling how far what is heard has moved."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undervoice.drift import LEAST, QUANTILES, WINDOW, Drift, Reference, distance, divergence, quantiles
from undervoice.emotion import Emotion
from undervoice.histogram import Histogram

LABELS = [str(label) for label in Emotion]
COUNTS = st.dictionaries(st.sampled_from(LABELS), st.integers(1, 10_000), min_size=1)
LEVELS = st.lists(st.floats(-90, 0), min_size=1, max_size=200)


@given(
    bounds=st.lists(st.floats(-100, 100), min_size=1, max_size=12, unique=True).map(sorted),
    values=st.lists(st.floats(-1e6, 1e6)),
)
def test_a_histogram_says_how_many_were_at_most_each_bound(bounds: list[float], values: list[float]) -> None:
    histogram = Histogram(bounds)
    histogram.see_all(values)
    for bound, seen in histogram.cumulative():
        assert seen == sum(value <= bound for value in values)
    assert histogram.cumulative()[-1] == (math.inf, len(values))
    assert histogram.count == len(values)
    assert histogram.total == pytest.approx(math.fsum(values), abs=1e-3)


@given(ours=COUNTS, theirs=COUNTS, times=st.integers(1, 50))
def test_divergence_is_a_bounded_symmetric_measure_of_shares(
    ours: dict[str, int], theirs: dict[str, int], times: int
) -> None:
    found = divergence(ours, theirs)
    assert 0 <= found <= 1
    assert found == pytest.approx(divergence(theirs, ours), abs=1e-12)
    assert found == pytest.approx(divergence({label: n * times for label, n in ours.items()}, theirs), abs=1e-9)
    assert divergence(ours, ours) == 0
    assert (found == 1) == (not set(ours) & set(theirs)) or found == pytest.approx(1, abs=1e-6)


@given(count=st.integers(1, 6), moved=st.floats(0, 1))
def test_divergence_grows_with_what_moved(count: int, moved: float) -> None:
    even = dict.fromkeys(LABELS[:count], 1 / count)
    gone = {**{label: share * (1 - moved) for label, share in even.items()}, LABELS[count]: moved}
    further = {**{label: share * (1 - moved) / 2 for label, share in even.items()}, LABELS[count]: (1 + moved) / 2}
    assert divergence(even, gone) <= divergence(even, further) + 1e-12


@given(values=LEVELS, shift=st.floats(-60, 60))
def test_all_values_so_many_decibels_up_are_that_far_away(values: list[float], shift: float) -> None:
    moved = quantiles([value + shift for value in values])
    assert distance(quantiles(values), moved) == pytest.approx(abs(shift), abs=1e-9)
    assert quantiles(values) == sorted(quantiles(values))
    assert len(quantiles(values)) == QUANTILES


@given(first=LEVELS, second=LEVELS, third=LEVELS)
def test_distance_is_one(first: list[float], second: list[float], third: list[float]) -> None:
    one, two, three = map(quantiles, (first, second, third))
    assert distance(one, one) == 0
    assert distance(one, two) == distance(two, one)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-9


@cache
def reference(seed: int = 3) -> tuple[Reference, list[tuple[str, float, float]]]:
    """Return a reference and the readings that it was made of."""
    rng = np.random.default_rng(seed)
    heard = [
        (LABELS[int(rng.integers(3))], float(rng.normal(-25, 5)), float(rng.normal(20, 4))) for _ in range(3 * WINDOW)
    ]
    counts = Counter(emotion for emotion, _, _ in heard)
    shares = {label: count / len(heard) for label, count in counts.items()}
    levels, ratios = (quantiles([reading[column] for reading in heard]) for column in (1, 2))
    return Reference("made up", len(heard), shares, 0.1, levels, ratios), heard


def test_nothing_is_said_before_enough_was_heard_and_little_while_all_is_as_it_was() -> None:
    told, heard = reference()
    drift = Drift(told)
    for number, reading in enumerate(heard[: LEAST + WINDOW]):
        if number % 40 == 0 or abs(number - LEAST) < 2:
            figures = drift.figures()
            assert (figures is not None) == (number >= LEAST)
            if figures is not None:
                assert figures.emotions < 0.02  # chance alone: about 6 / (8 · 200 · ln 2)
                assert figures.level_db < 1.5
                assert figures.snr_db < 1.5
        drift.hear(*reading)


@settings(max_examples=20, deadline=None)
@given(quieter=st.floats(3, 40), noisier=st.floats(3, 30))
def test_another_line_shows_and_is_forgotten_once_it_is_past(quieter: float, noisier: float) -> None:
    told, heard = reference()
    drift = Drift(told, window=400)
    for emotion, level, ratio in heard[:400]:
        drift.hear("fearful" if emotion == LABELS[0] else emotion, level - quieter, ratio - noisier)
    figures = drift.figures()
    assert figures is not None
    assert figures.emotions > 0.1
    assert figures.level_db == pytest.approx(quieter, abs=1.5)
    assert figures.snr_db == pytest.approx(noisier, abs=1.5)
    for reading in heard[400:800]:
        drift.hear(*reading)
    assert drift.heard == 400
    again = drift.figures()
    assert again is not None
    assert again.emotions < 0.02
    assert again.level_db < 1.5
