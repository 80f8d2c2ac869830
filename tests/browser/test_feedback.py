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

SECRET = "a secret that this test alone knows, long enough"


def kept(page: Page, service: Service, call_id: str) -> dict[str, dict[str, Any]]:
    """Return what the server keeps of what was said against a call's readings, by segment."""
    supervisor = {"Authorization": f"Bearer {Tokens(SECRET).issue('supervisor').token}"}
    answer = page.request.get(f"{service.url}/api/v1/calls/{call_id}/feedback", headers=supervisor)
    return {each["segment_id"]: each for each in answer.json()["items"]}


def test_a_correction_is_kept_while_the_call_runs_and_after_it(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, secret=SECRET) as service, visiting(browser, service.page) as page:
        wire = Wire(page)
        press(page, "Use this microphone")
        cells(page, 2)
        press(page, "Wrong?")
        first, second = (each["segment_id"] for each in wire.finals()[:2])
        call_id = wire.finals()[0]["call_id"]
        while page.locator("undervoice-meter .correct").get_by_role("button", name="Earlier reading").is_enabled():
            press(page, "Earlier reading")
        press(page, "not upset")
        expect(page.locator("undervoice-meter .cell").first).to_have_class("cell corrected")
        press(page, "End call")
        word(page, "Call ended")
        page.locator("undervoice-meter .cell").nth(1).click()
        press(page, "don’t know")
        expect(page.locator("undervoice-meter .cell").nth(1)).to_have_class("cell corrected")
        said = kept(page, service, call_id)
        assert [said[each]["correct"] for each in (first, second)] == [False, False]
        assert [said[each]["emotion"] for each in (first, second)] == [None, None]
        assert [said[each]["upset"] for each in (first, second)] == [False, None]
        press(page, "Recent readings")
        row = page.locator("undervoice-meter .log .rows li").last
        row.get_by_role("button").click()
        row.locator(".correct").get_by_role("button", name="surprised").click()
        expect(row.locator(".correct")).to_be_hidden()
        assert kept(page, service, call_id)[first]["emotion"] == "surprised"


def test_the_latest_reading_any_cell_and_each_step_can_be_corrected(page: Page) -> None:
    scene = Scene(page)
    expect(page.locator("undervoice-meter").get_by_role("button", name="Wrong?")).to_be_hidden()
    for n, emotion in enumerate(("neutral", "sad", "angry"), 1):
        scene.hear(n * 2.5, 0.3, "calm", emotion=emotion)
    scene.press("Wrong?")
    question = scene.part("correction").locator("header p")
    expect(question).to_have_text("00:05 was read as angry. What was it?")
    expect(scene.part("correction").get_by_role("button", name="angry")).to_have_count(0)
    audit(page)
    scene.press("Earlier reading")
    expect(question).to_have_text("00:02 was read as sad. What was it?")
    scene.press("happy")
    expect(scene.part("correction")).to_be_hidden()
    second = scene.reading(5.0)["segment_id"]
    assert scene.sent("feedback") == [{"type": "feedback", "segment_id": second, "correct": False, "emotion": "happy"}]
    assert [each["emotion"] for each in scene.raised("feedback")] == ["happy"]
    assert [each for each in titles(page) if "you said" in each] == ["00:02 sad 70% (you said: happy)"]
    page.locator("undervoice-meter .cell").first.click()
    expect(question).to_have_text("00:00 was read as neutral. What was it?")
    page.keyboard.press("Escape")
    expect(scene.part("correction")).to_be_hidden()


def test_it_works_from_the_keyboard_and_gives_the_focus_back(page: Page) -> None:
    scene = Scene(page)
    scene.hear(2.5, 0.3, "calm")
    wrong = page.locator("undervoice-meter").get_by_role("button", name="Wrong?")
    wrong.focus()
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(wrong).to_be_focused()
    assert len(scene.sent("feedback")) + len(page.evaluate("raised")) in (0, 2)


def test_what_is_said_without_a_line_is_sent_once_there_is_one(page: Page) -> None:
    scene = Scene(page)
    scene.hear(2.5, 0.3, "calm")
    page.evaluate("socket.close()")
    word(page, "Reconnecting…")
    page.locator("undervoice-meter .cell").first.click()
    scene.press("sad")
    word(page, "Calm", 20)
    assert [each["emotion"] for each in scene.sent("feedback")] == ["sad"]


def test_what_cannot_be_sent_says_so_and_can_be_tried_again(page: Page) -> None:
    scene = Scene(page)
    scene.hear(2.5, 0.3, "calm")
    page.evaluate("socket.onclose(new CloseEvent('close', { code: 4440 }))")
    word(page, "Call closed")
    scene.press("Wrong?")
    scene.press("sad")
    expect(scene.part("correction")).to_contain_text("That could not be sent. Try again.")
    tried: list[str] = []
    page.route("**/feedback", lambda route: (tried.append(route.request.post_data or ""), route.fulfill(status=204)))
    scene.press("sad")
    expect(scene.part("correction")).to_be_hidden()
    assert json.loads(tried[0])["emotion"] == "sad"
