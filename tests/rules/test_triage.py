"""Who comes first is who needs it most, and nobody starves, whoever comes later."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice.triage import LEAST_SERVICES, Line, Weights, place, priority, service_sec, still_pass, words_points

unit = st.floats(0, 1)
weights = st.builds(Weights, st.integers(0, 300), st.integers(0, 100), st.integers(0, 100), st.integers(1, 60))
Caller = tuple[float, float, float]
"""Upset score, arousal, polarity."""
callers = st.tuples(unit, unit, st.floats(-1, 1))
extremes = st.sampled_from([(0.0, 0.0, 1.0), (1.0, 1.0, -1.0)])
events = st.lists(callers | extremes | st.none(), max_size=120)
"""A caller comes, or somebody is served."""


def score(caller: Caller, weighed: Weights) -> float:
    upset, arousal, polarity = caller
    return priority(upset, arousal, words_points(polarity, weighed), weights=weighed)


def served_by_ageing(happened: list[Caller | None], weighed: Weights) -> list[int]:
    """Serve as the rule says it: each newcomer makes all who wait a step older, the highest priority goes first."""
    waiting: dict[int, tuple[float, int]] = {}
    served, came = [], 0
    for caller in [*happened, *[None] * len(happened)]:
        if caller is not None:
            waiting = {number: (felt, age + weighed.step) for number, (felt, age) in waiting.items()}
            came += 1
            waiting[came] = (score(caller, weighed), 0)
        elif waiting:
            first = max(waiting, key=lambda number: (round(10 * sum(waiting[number])), -number))
            served.append(first)
            del waiting[first]
    return served


def served_by_heap(happened: list[Caller | None], weighed: Weights) -> list[int]:
    line, served, came = Line(weighed), [], 0
    for caller in [*happened, *[None] * len(happened)]:
        if caller is not None:
            came += 1
            line.join(str(came), score(caller, weighed))
        elif len(line):
            served.append(int(line.serve()))
    return served


@given(events, weights)
def test_the_heap_serves_in_the_very_order_of_the_ageing_rule(happened: list[Caller | None], weighed: Weights) -> None:
    assert served_by_heap(happened, weighed) == served_by_ageing(happened, weighed)


@given(events, weights)
def test_nobody_is_passed_by_more_later_callers_than_the_bound(happened: list[Caller | None], weighed: Weights) -> None:
    order = served_by_heap(happened, weighed)
    assert sorted(order) == list(range(1, len(order) + 1)), "everybody is served once"
    for place_served, number in enumerate(order):
        assert sum(before > number for before in order[:place_served]) <= weighed.bound


@given(weights)
def test_the_bound_is_reached_and_never_more_than_range_over_step(weighed: Weights) -> None:
    assert weighed.bound <= weighed.range / weighed.step
    calm, worst = (0.0, 0.0, 1.0), (1.0, 1.0, -1.0)
    order = served_by_heap([calm, *[worst] * (weighed.bound + 5)], weighed)
    assert order.index(1) == weighed.bound


@given(events, weights, st.integers(0, 119))
def test_how_many_may_still_pass_is_never_exceeded(
    happened: list[Caller | None], weighed: Weights, moment: int
) -> None:
    came = [caller for caller in happened if caller is not None]
    newest = len([caller for caller in happened[:moment] if caller is not None])
    order = served_by_heap(happened, weighed)
    for number in range(1, newest + 1):
        later = [one for one in order[: order.index(number)] if one > newest]
        assert len(later) <= still_pass(score(came[number - 1], weighed), number, newest, weighed)


@given(st.lists(callers, min_size=2, max_size=40), weights)
def test_the_place_is_the_priority_that_is_shown(came: list[Caller], weighed: Weights) -> None:
    scores = [score(caller, weighed) for caller in came]
    newest = len(came)
    numbers = sorted(range(1, newest + 1), key=lambda number: place(scores[number - 1], number, weighed))
    shown = [
        priority(u, a, words_points(p, weighed), weighed.step * (newest - number), weights=weighed)
        for number in numbers
        for u, a, p in [came[number - 1]]
    ]
    assert all(first >= second for first, second in pairwise(shown))


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-50, 50), weights)
def test_a_score_stays_within_the_range_whatever_comes_in(
    upset: float, arousal: float, words: float, weighed: Weights
) -> None:
    assert -weighed.words <= priority(upset, arousal, words, weights=weighed) <= weighed.range - weighed.words


def test_hard_words_raise_and_kind_ones_lower_a_priority() -> None:
    assert words_points(-1) == Weights().words
    assert words_points(1) == -Weights().words
    assert words_points(0) == 0
    assert priority(0.5, 0.5, words_points(-0.5)) > priority(0.5, 0.5) > priority(0.5, 0.5, words_points(0.5))


def test_nobody_waits_in_an_empty_line() -> None:
    with pytest.raises(IndexError):
        Line().serve()


@given(st.floats(0.1, 600), st.integers(LEAST_SERVICES + 1, 60), st.floats(0, 1e9))
def test_the_time_between_services_is_measured_while_somebody_waited(every: float, count: int, start: float) -> None:
    assert service_sec([(start, start + every * (n + 1)) for n in range(count)]) == pytest.approx(every, rel=1e-3)
    # An hour in which nobody called is no slow service: whoever came after it waited only since then.
    quiet = start + every * count + 3600
    later = [(quiet, quiet + every * (n + 1)) for n in range(count)]
    both = [(start, start + every * (n + 1)) for n in range(count)] + later
    assert service_sec(both) == pytest.approx(every, rel=1e-3)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=LEAST_SERVICES))
def test_too_few_services_tell_no_time(services: list[tuple[float, float]]) -> None:
    assert service_sec(services) is None
