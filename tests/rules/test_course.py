"""How a call's mood went, and which hints were followed by recovery."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.made import RULES
from undervoice.course import FOLLOWED_SEC, KEPT_HINTS, KEPT_TURNS, Course
from undervoice.messages import Alert, Mood
from undervoice.resources import Helped, Turn
from undervoice.terms import MoodState


def mood(state: MoodState, since_sec: float) -> Mood:
    return Mood(state, since_sec, 0.5, 0.0, 0.0, 50.0)


def alert(rule: str, offset_sec: float) -> Alert:
    return next(one for one in RULES if one.name == rule).alert(offset_sec)


def went(*events: Mood | Alert) -> Course:
    course = Course(RULES)
    for event in events:
        course.raised([event]) if isinstance(event, Alert) else course.hear(event)
    return course


def test_a_calm_call_has_no_turns() -> None:
    course = went(mood("calm", 0.0), mood("calm", 0.0))
    assert (course.turns, course.memory.turned_sec, course.helped) == ((), None, ())


def test_the_course_tells_each_change_once_and_where_it_turned() -> None:
    course = went(mood("upset", 5), mood("upset", 5), mood("recovering", 30), mood("calm", 42))
    assert course.turns == (Turn(5, "upset"), Turn(30, "recovering"), Turn(42, "calm"))
    assert course.memory.turned_sec == 30


def test_a_call_that_is_upset_again_has_not_turned() -> None:
    course = went(mood("upset", 5), mood("recovering", 30), mood("upset", 42))
    assert course.memory.turned_sec is None
    course.hear(mood("recovering", 60))
    assert course.memory.turned_sec == 60


def test_a_call_that_was_tense_alone_has_no_turn() -> None:
    assert went(mood("tense", 5), mood("calm", 30)).memory.turned_sec is None


def test_a_hint_helped_where_recovery_followed_soon() -> None:
    hint = alert("sustained_upset", 20)
    course = went(mood("upset", 5), hint, mood("recovering", 30), mood("calm", 42))
    assert course.helped == (Helped("sustained_upset", 20, 30),)


def test_a_hint_did_not_help_where_nothing_or_too_much_time_followed() -> None:
    assert went(mood("upset", 5), alert("sustained_upset", 20)).helped == ()
    late = 20 + FOLLOWED_SEC + 0.1
    assert went(mood("upset", 5), alert("sustained_upset", 20), mood("recovering", late)).helped == ()


def test_words_about_the_line_are_no_hints() -> None:
    others = [alert(rule, 20) for rule in ("silence", "too_quiet", "clipping", "noisy_line", "recovered")]
    assert went(mood("upset", 5), *others, mood("recovering", 30)).helped == ()


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(["calm", "tense", "upset", "recovering"]),
        st.sampled_from([rule.name for rule in RULES]),
    ),
    max_size=80,
)


@given(EVENTS, st.integers(0, 80))
def test_cut_anywhere_it_goes_on_and_what_it_remembers_is_bounded(events: list[Any], cut: int) -> None:
    made = [
        mood(event, 4.0 * n) if event in ("calm", "tense", "upset", "recovering") else alert(event, 4.0 * n)
        for n, event in enumerate(events)
    ]
    whole, before = went(*made), went(*made[:cut])
    after = Course(RULES, msgspec.convert(msgspec.to_builtins(before.memory), type(before.memory)))
    for event in made[cut:]:
        after.raised([event]) if isinstance(event, Alert) else after.hear(event)
    assert after.memory == whole.memory
    assert len(whole.turns) <= KEPT_TURNS
    assert len(whole.helped) <= KEPT_HINTS
    states = ["calm", *(turn.state for turn in whole.turns)]
    assert len(whole.turns) == KEPT_TURNS or all(a != b for a, b in itertools.pairwise(states))
