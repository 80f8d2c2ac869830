"""An agent says that a reading is wrong, and that is kept with the call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.acting import Scene
from tests.browser.audit import audit
from tests.browser.conftest import visiting
from tests.browser.processes import Service, serving
from tests.browser.reading import Wire, cells, press, titles, word
from undervoice.auth import Tokens

pytestmark = pytest.mark.browser

HEARD = """
[heard]
severity = "warning"
message = "Somebody speaks."
actions = ["open_kb"]
when = { snr_below_db = 99, speech_sec = 0.1 }
"""
SECRET = "a secret that this test alone knows, long enough"


def kept(desk: Page, service: Service, call_id: str) -> dict[str, Any]:
    """Return what the server keeps of what was said of a call, readings by segment."""
    supervisor = {"Authorization": f"Bearer {Tokens(SECRET).issue('supervisor').token}"}
    told = desk.request.get(f"{service.url}/api/v1/calls/{call_id}/feedback", headers=supervisor).json()
    return told | {"items": {each["segment_id"]: each for each in told["items"]}}


def test_what_is_said_of_readings_and_hints_is_kept_while_the_call_runs_and_after_it(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(HEARD)
    settings = {"rules": str(tmp_path / "rules.toml"), "secret": SECRET}
    with serving(tmp_path / "state", **settings) as service, visiting(browser, service.page) as desk:
        wire, meter = Wire(desk), desk.locator("undervoice-meter")
        press(desk, "Use this microphone")
        cells(desk, 2)
        expect(meter.locator("[part=hint] header p")).to_have_text("Somebody speaks.")
        press(desk, "Yes")
        press(desk, "Wrong?")
        first, second = (each["segment_id"] for each in wire.finals()[:2])
        call_id = wire.finals()[0]["call_id"]
        while meter.locator(".correct").get_by_role("button", name="Earlier reading").is_enabled():
            press(desk, "Earlier reading")
        press(desk, "not upset")
        expect(meter.locator(".cell").first).to_have_class("cell corrected")
        press(desk, "End call")
        word(desk, "Call ended")
        summary = meter.locator("[part=summary]")
        expect(summary).to_contain_text("Somebody speaks. you found it useful", use_inner_text=False)
        expect(summary).to_contain_text(f"{len(wire.finals())} readings")
        meter.locator(".cell").nth(1).click()
        press(desk, "don’t know")
        expect(meter.locator(".cell").nth(1)).to_have_class("cell corrected")
        said = kept(desk, service, call_id)
        assert [said["items"][each]["correct"] for each in (first, second)] == [False, False]
        assert [said["items"][each]["emotion"] for each in (first, second)] == [None, None]
        assert [said["items"][each]["upset"] for each in (first, second)] == [False, None]
        assert [(hint["rule"], hint["useful"]) for hint in said["hints"]] == [("heard", True)]
        press(desk, "Recent readings")
        row = meter.locator(".log .rows li").last
        row.get_by_role("button").click()
        row.locator(".correct").get_by_role("button", name="surprised").click()
        expect(row.locator(".correct")).to_be_hidden()
        assert kept(desk, service, call_id)["items"][first]["emotion"] == "surprised"


def test_the_latest_reading_any_cell_and_each_step_can_be_corrected(desk: Page) -> None:
    scene = Scene(desk)
    expect(desk.locator("undervoice-meter").get_by_role("button", name="Wrong?")).to_be_hidden()
    for n, emotion in enumerate(("neutral", "sad", "angry"), 1):
        scene.hear(n * 2.5, 0.3, "calm", emotion=emotion)
    scene.press("Wrong?")
    question = scene.part("correction").locator("header p")
    expect(question).to_have_text("00:05 was read as angry. What was it?")
    expect(scene.part("correction").get_by_role("button", name="angry")).to_have_count(0)
    audit(desk)
    scene.press("Earlier reading")
    expect(question).to_have_text("00:02 was read as sad. What was it?")
    scene.press("happy")
    expect(scene.part("correction")).to_be_hidden()
    second = scene.reading(5.0)["segment_id"]
    assert scene.sent("feedback") == [{"type": "feedback", "segment_id": second, "correct": False, "emotion": "happy"}]
    assert [each["emotion"] for each in scene.raised("feedback")] == ["happy"]
    assert [each for each in titles(desk) if "you said" in each] == ["00:02 sad 70% (you said: happy)"]
    desk.locator("undervoice-meter .cell").first.click()
    expect(question).to_have_text("00:00 was read as neutral. What was it?")
    desk.keyboard.press("Escape")
    expect(scene.part("correction")).to_be_hidden()


def test_it_works_from_the_keyboard_and_gives_the_focus_back(desk: Page) -> None:
    scene = Scene(desk)
    scene.hear(2.5, 0.3, "calm")
    wrong = desk.locator("undervoice-meter").get_by_role("button", name="Wrong?")
    wrong.focus()
    desk.keyboard.press("Enter")
    for _ in range(2):
        desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(wrong).to_be_focused()
    assert len(scene.sent("feedback")) + len(desk.evaluate("raised")) in (0, 2)


def test_what_is_said_without_a_line_is_sent_once_there_is_one(desk: Page) -> None:
    scene = Scene(desk)
    scene.hear(2.5, 0.3, "calm")
    desk.evaluate("socket.close()")
    word(desk, "Reconnecting…")
    desk.locator("undervoice-meter .cell").first.click()
    scene.press("sad")
    word(desk, "Calm", 20)
    assert [each["emotion"] for each in scene.sent("feedback")] == ["sad"]


def test_what_cannot_be_sent_says_so_and_can_be_tried_again(desk: Page) -> None:
    scene = Scene(desk)
    scene.hear(2.5, 0.3, "calm")
    desk.evaluate("socket.onclose(new CloseEvent('close', { code: 4440 }))")
    word(desk, "Call closed")
    scene.press("Wrong?")
    scene.press("sad")
    expect(scene.part("correction")).to_contain_text("That could not be sent. Try again.")
    tried: list[str] = []
    desk.route("**/feedback", lambda route: (tried.append(route.request.post_data or ""), route.fulfill(status=204)))
    scene.press("sad")
    expect(scene.part("correction")).to_be_hidden()
    assert json.loads(tried[0])["emotion"] == "sad"
