"""After a call the agent sees how it went, when it turned, how it ended, and what helped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.acting import Scene, alert
from tests.browser.audit import audit
from tests.browser.reading import word

pytestmark = pytest.mark.browser

CALL: dict[str, Any] = {
    "mood": {"type": "mood", "state": "calm", "since_sec": 130, "upset_score": 0.2, "upset_sec": 45, "trend": -0.3},
    "totals": {"audio_sec": 200.4, "segments": 41},
    "summary": {
        "emotion_distribution": {"neutral": 25, "angry": 10, "sad": 6},
        "upset_share": 0.44,
        "peak": {"offset_sec": 72.5, "upset_score": 0.82},
        "ended_as": "calm",
        "course": [{"offset_sec": 40, "state": "tense"}, {"offset_sec": 55, "state": "upset"},
                   {"offset_sec": 110, "state": "recovering"}, {"offset_sec": 130, "state": "calm"}],
        "turned_sec": 110,
        "helped": [{"rule": "sustained_upset", "offset_sec": 65, "recovered_sec": 110}],
    },
}  # fmt: skip


def answering(desk: Page, *answers: Callable[[Route], None]) -> list[str]:
    """Answer questions for a call one after another, the last for ever; return what was asked."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        answers[min(len(asked), len(answers)) - 1](route)

    desk.route("**/api/v1/calls/*", answer)
    return asked


def with_call(call: dict[str, Any]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json=call)


def with_status(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, json={})


def ended(desk: Page, *answers: Callable[[Route], None]) -> tuple[Scene, list[str]]:
    """Hold a short call and end it."""
    asked = answering(desk, *answers)
    scene = Scene(desk)
    scene.hear(2.5, 0.3, "calm")
    desk.evaluate("void (socket.onmessage = deliver)")
    scene.press("End call")
    word(desk, "Call ended")
    return scene, asked


def test_it_tells_how_it_went_when_it_turned_how_it_ended_and_what_helped(desk: Page) -> None:
    scene, _ = ended(desk, with_call(CALL))
    expect(scene.part("summary").locator(".went")).to_be_visible()
    audit(desk)
    told = [line for line in scene.part("summary").inner_text().splitlines() if line.strip()]
    assert told == [
        "How the call went", "Upset at times. Ended calm.",
        "Length", "03:20 · 41 readings",
        "Upset", "00:45 (44%) · most at 01:12 (82 of 100)",
        "Turned", "at 01:50, not upset after that",
        "Course", "00:40 Tense", "00:55 Upset", "01:50 Recovering", "02:10 Calm",
        "Mostly", "neutral 61%, angry 24%, sad 15%",
        "What helped", "01:05 The customer has sounded upset for 10 seconds.", "recovered by 01:50",
    ]  # fmt: skip


def test_hints_that_the_agent_found_useful_are_among_what_helped(desk: Page) -> None:
    answering(desk, with_call(CALL))
    scene = Scene(desk)
    scene.hear(2.5, 0.3, "calm")
    scene.say(alert("own", 4.0, message="Offer a callback."))
    scene.press("Yes")
    desk.evaluate("void (socket.onmessage = deliver)")
    scene.press("End call")
    word(desk, "Call ended")
    expect(scene.part("summary")).to_contain_text("Offer a callback. you found it useful", use_inner_text=False)


@pytest.mark.parametrize(
    ("course", "ended_as", "upset_sec", "says"),
    [([], "calm", 0, "Calm throughout."),
     (["tense"], "tense", 0, "Tense at times. Ended tense."),
     (["tense", "upset"], "upset", 20, "Upset at times. Ended upset."),
     (["upset", "recovering"], "recovering", 20, "Upset at times. Was recovering at the end.")],
)  # fmt: skip
def test_each_course_has_its_sentence(
    desk: Page, course: list[str], ended_as: str, upset_sec: float, says: str
) -> None:
    turns = [{"offset_sec": 10 * n, "state": state} for n, state in enumerate(course)]
    summary = CALL["summary"] | {"course": turns, "ended_as": ended_as, "turned_sec": None, "helped": []}
    scene, _ = ended(desk, with_call(CALL | {"summary": summary, "mood": CALL["mood"] | {"upset_sec": upset_sec}}))
    expect(scene.part("summary").locator(".went")).to_have_text(says)
    expect(scene.part("summary")).not_to_contain_text("What helped")


def test_a_summary_that_is_not_there_yet_is_asked_for_again(desk: Page) -> None:
    scene, asked = ended(desk, with_status(404), with_call(CALL | {"summary": None}), with_call(CALL))
    expect(scene.part("summary").locator(".went")).to_have_text("Upset at times. Ended calm.")
    assert len(asked) == 3


def test_one_that_cannot_be_read_says_so_and_can_be_tried_again(desk: Page) -> None:
    scene, asked = ended(desk, with_status(403), with_call(CALL))
    expect(scene.part("summary")).to_contain_text("The summary could not be read.")
    assert len(asked) == 1
    audit(desk)
    scene.press("Try again")
    expect(scene.part("summary").locator(".went")).to_be_visible()


def test_a_call_in_which_nothing_was_scored_has_no_summary(desk: Page) -> None:
    asked = answering(desk, with_call(CALL))
    scene = Scene(desk)
    desk.evaluate("void (socket.onmessage = deliver)")
    scene.press("End call")
    word(desk, "Call ended")
    desk.wait_for_timeout(400)
    expect(scene.part("summary")).to_be_hidden()
    assert asked == []


def test_nothing_is_asked_any_more_once_the_element_is_removed(desk: Page) -> None:
    _, asked = ended(desk, with_status(404))
    desk.evaluate("meter.remove()")
    count = len(asked)
    desk.wait_for_timeout(900)
    assert len(asked) == count
