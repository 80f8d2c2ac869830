"""The meter moves calmly, says upset when it is so, and knows when it is over."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.made import reading
from undervoice import emotion
from undervoice.messages import Mood
from undervoice.mood import DWELL_SEC, MoodMemory, MoodTracker
from undervoice.triage import priority

Scores = st.lists(st.tuples(st.floats(0, 1), st.floats(0.5, 5), st.booleans()), min_size=1, max_size=60)


def moods(scores: list[tuple[float, float, bool]]) -> list[tuple[Mood, float]]:
    tracker, at, told = MoodTracker(), 0.0, []
    for upset, seconds, uncertain in scores:
        told.append((tracker.hear(reading(at, at + seconds, upset=upset, uncertain=uncertain)), at + seconds))
        at += seconds
    return told


@given(Scores)
def test_every_mood_is_within_its_ranges(scores: list[tuple[float, float, bool]]) -> None:
    told = moods(scores)
    for mood, at in told:
        assert 0 <= mood.upset_score <= 1
        assert -1 <= mood.trend <= 1
        assert 0 <= mood.since_sec <= at
        assert 0 <= mood.upset_sec <= at + 1e-3
    assert all(a.upset_sec <= b.upset_sec for (a, _), (b, _) in pairwise(told))


@given(Scores)
def test_a_state_is_kept_for_its_least_time(scores: list[tuple[float, float, bool]]) -> None:
    entered = None
    for (before, _), (after, at) in pairwise(moods(scores)):
        if after.state != before.state:
            assert entered is None or at - entered >= DWELL_SEC - 1e-3
            entered = after.since_sec


@given(Scores, st.integers(0, 59))
def test_a_tracker_goes_on_from_its_memory(scores: list[tuple[float, float, bool]], at: int) -> None:
    whole = [mood for mood, _ in moods(scores)]
    tracker, now = MoodTracker(), 0.0
    for number, (upset, seconds, uncertain) in enumerate(scores):
        if number == at:
            carried = msgspec.json.decode(msgspec.json.encode(tracker.memory), type=MoodMemory)
            tracker = MoodTracker(carried)
        assert tracker.hear(reading(now, now + seconds, upset=upset, uncertain=uncertain)) == whole[number]
        now += seconds


def test_a_caller_gets_upset_and_recovers() -> None:
    told = moods([(0.1, 2.5, False)] * 4 + [(0.95, 2.5, False)] * 8 + [(0.05, 2.5, False)] * 12)
    states = [mood.state for mood, _ in told]
    assert [s for s, before in zip(states, ["", *states], strict=False) if s != before] == [
        "calm",
        "tense",
        "upset",
        "recovering",
        "calm",
    ]
    assert told[11][0].trend > 0.5
    assert told[16][0].trend < told[11][0].trend
    assert 10 < told[-1][0].upset_sec < 25


def test_one_odd_reading_does_not_move_the_state() -> None:
    told = moods([(0.1, 2.5, False)] * 4 + [(1.0, 2.5, False)] + [(0.1, 2.5, False)] * 4)
    assert {mood.state for mood, _ in told} == {"calm"}


def test_an_unsure_reading_moves_the_score_less() -> None:
    sure, unsure = (moods([(0.0, 2.5, False), (1.0, 2.5, u)])[-1][0].upset_score for u in (False, True))
    assert 0 < unsure < sure < 1


def test_a_first_reading_alone_makes_nobody_upset_and_two_do() -> None:
    assert [mood.state for mood, _ in moods([(0.98, 2.5, False)] * 2)] == ["calm", "upset"]


def test_priority_is_one_formula() -> None:
    assert priority(0, 0) == 0
    assert priority(1, 1) == 120
    assert priority(0.5, 0.5, words=-20, age=7) == 47


def test_upset_and_arousal_follow_from_the_probabilities() -> None:
    probabilities = dict.fromkeys(emotion.Emotion, 0.0) | {"angry": 0.5, "sad": 0.25, "happy": 0.25}
    assert emotion.upset_score(probabilities) == pytest.approx(0.75)
    assert emotion.upset_score(probabilities, {"angry": 3.0}) == 1.0
    assert emotion.arousal(probabilities) == pytest.approx(0.5 * 0.795 + 0.25 * 0.365 + 0.25 * 0.755)
    assert emotion.arousal({"bored": 1.0}) == 0.5
