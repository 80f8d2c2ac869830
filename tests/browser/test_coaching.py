"""The agent is advised seldom, to the point, and never against the agent's will."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acting import Scene, alert
from tests.browser.audit import audit

pytestmark = pytest.mark.browser


@pytest.fixture
def scene(desk: Page) -> Scene:
    return Scene(desk)


def shown(scene: Scene) -> str:
    """Return the hint that is shown, or nothing."""
    card = scene.part("hint")
    return str(card.locator("header p").text_content()) if card.is_visible() else ""


def rise(scene: Scene) -> None:
    """Let the customer's voice become upset within ten seconds."""
    scene.hear(2.5, 0.2, "calm")
    scene.hear(5.0, 0.3, "calm")
    scene.hear(7.5, 0.5, "tense", 5.0)


def test_a_rising_score_says_to_slow_down_and_acknowledge_it(scene: Scene) -> None:
    scene.hear(2.5, 0.2, "calm")
    assert shown(scene) == ""
    rise(scene)
    assert shown(scene) == "The customer is getting upset. Slow down, and say that you hear it."
    audit(scene.page)
    (told,) = scene.raised("hint")
    assert told == {
        "rule": "upset_rising", "severity": "warning", "text": shown(scene), "actions": ["open_kb"],
        "callId": scene.call_id, "offsetSec": 7.5,
    }  # fmt: skip


def test_there_is_at_most_one_hint_in_thirty_seconds_of_the_call(scene: Scene) -> None:
    places: list[float] = []
    for n in range(1, 60):
        end_sec, upset = n * 2.5, n % 24 > 8
        scene.hear(end_sec, 0.7 if upset else 0.2, "upset" if upset else "calm", end_sec - (n % 24 - 8) * 2.5)
        scene.say(alert(f"own_{n}", end_sec, "critical"))
        places += [end_sec] * (len(scene.raised("hint")) - len(places))
    assert len(places) >= 3
    assert min(later - earlier for earlier, later in pairwise(places)) >= 30


def test_twenty_seconds_upset_offer_a_supervisor_and_recovery_asks_to_confirm(scene: Scene) -> None:
    for n in range(1, 10):
        scene.hear(n * 2.5, 0.7, "upset", 0.0)
    assert shown(scene) == "Upset for 20 seconds. Offer a supervisor."
    scene.hear(60.0, 0.45, "recovering", 57.5)
    scene.hear(65.0, 0.3, "calm", 62.5)
    assert shown(scene) == "The customer sounds calm again. Confirm that this solves it."
    assert [hint["rule"] for hint in scene.raised("hint")] == ["upset_lasting", "recovered"]


def test_a_hint_goes_after_thirty_seconds_but_not_from_under_the_hand(scene: Scene) -> None:
    rise(scene)
    scene.page.keyboard.press("Shift")
    scene.part("hint").get_by_role("button", name="Open the guide").focus()
    scene.say(scene.reading(50.0))
    assert shown(scene)
    scene.page.locator("undervoice-meter").get_by_role("button", name="End call").focus()
    scene.say(scene.reading(52.5))
    expect(scene.part("hint")).to_be_hidden()


def test_a_pressed_action_is_for_the_page_to_do(scene: Scene) -> None:
    rise(scene)
    scene.press("Open the guide")
    assert scene.raised("action") == [
        {"action": "open_kb", "rule": "upset_rising", "callId": scene.call_id, "offsetSec": 7.5}
    ]
    expect(scene.part("hint").get_by_role("button", name="Open the guide")).to_have_class("done")


def test_alerts_of_the_server_are_hints_in_their_own_words(scene: Scene) -> None:
    scene.say(alert("own", 4.0, "critical", message="Offer a callback.", actions=["call_back", "open_kb"]))
    assert shown(scene) == "Offer a callback."
    assert scene.part("hint").get_attribute("data-severity") == "critical"
    scene.press("call back")
    assert [(each["action"], each["rule"]) for each in scene.raised("action")] == [("call_back", "own")]
    scene.press("Close the hint")
    expect(scene.part("hint")).to_be_hidden()


def test_what_the_line_sounds_like_is_no_advice(scene: Scene) -> None:
    scene.say(alert("noisy_line", 4.0, "info"))
    assert shown(scene) == ""


def test_a_page_brings_its_own_rules_words_and_actions(desk: Page) -> None:
    rules: list[dict[str, Any]] = [
        {"rule": "tense", "when": {"state": "tense"}, "text": "Breathe.", "severity": "info",
         "actions": [{"action": "transfer", "label": "Hand over"}]},
        {"rule": "silence", "text": ""},
        {"rule": "sudden_drop", "text": "Ask what has changed."},
    ]  # fmt: skip
    desk.evaluate("(rules) => { meter.hints = rules; }", rules)
    scene = Scene(desk)
    scene.say(alert("silence", 1.0))
    assert shown(scene) == ""
    rise(scene)
    assert shown(scene) == "Breathe."
    scene.press("Hand over")
    assert [each["action"] for each in scene.raised("action")] == ["transfer"]
    scene.say(alert("sudden_drop", 60.0, message="The server's own words.", actions=["open_kb"]))
    assert shown(scene) == "Ask what has changed."


def test_snoozed_it_says_nothing_for_five_minutes_or_for_the_call(scene: Scene) -> None:
    rise(scene)
    scene.press("No hints for 5 min")
    expect(scene.part("hint")).to_be_hidden()
    expect(scene.page.locator("undervoice-meter .snoozed")).to_contain_text("No hints until 05:07")
    scene.say(alert("own", 300.0, "critical"))
    assert shown(scene) == ""
    scene.say(alert("later", 310.0))
    assert shown(scene) == "Somebody wrote this rule."
    scene.press("No hints for this call")
    scene.say(alert("much_later", 3000.0, "critical"))
    assert shown(scene) == ""
    scene.press("Show hints")
    scene.say(alert("last", 3060.0))
    assert shown(scene)


def test_whether_a_hint_was_useful_is_told_of_the_servers_own_alerts_alone(scene: Scene) -> None:
    rise(scene)
    scene.part("hint").get_by_role("button", name="No", exact=True).click()
    scene.page.mouse.move(0, 0)
    scene.say(alert("own", 60.0))
    scene.press("Yes")
    assert [(each["rule"], each["useful"]) for each in scene.raised("hint-feedback")] == [
        ("upset_rising", False),
        ("own", True),
    ]
    assert scene.sent("hint_feedback") == [{"type": "hint_feedback", "rule": "own", "useful": True, "offset_sec": 60}]
