"""The meter as people meet it: readable by assistive technology, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import staged
from tests.browser.pictures import PICTURE_BYTES, PICTURES, keep
from tests.browser.processes import Service
from tests.browser.reading import cells, press, word

pytestmark = pytest.mark.browser

ACT = """() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real { constructor(...all) { super(...all); window.socket = this; } };
}"""
SAY = "(data) => socket.onmessage(new MessageEvent('message', { data: JSON.stringify(data) }))"
STORY = (("happy", 0.6), ("neutral", 0.71), ("neutral", 0.64), ("angry", 0.43), ("sad", 0.52), ("surprised", 0.55),
         ("fearful", 0.58), ("disgusted", 0.61), ("angry", 0.78), ("angry", 0.85))  # fmt: skip


@pytest.fixture(params=["light", "dark"])
def scene(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[tuple[str, Page]]:
    with staged(browser, service, request.param) as scene:
        yield scene


def tell(page: Page) -> None:
    """Give the meter a call with every kind of cell, as a server would."""
    page.evaluate(ACT)
    press(page, "Use this microphone")
    word(page, "Listening…")
    for n, (emotion, confidence) in enumerate(STORY):
        at = n * 2.5
        reading = {
            "type": "emotion", "segment_id": f"c:customer:{n}", "final": n < 9, "start_offset_sec": at,
            "end_offset_sec": at + 2.5, "detected_emotion": emotion, "confidence_score": confidence,
            "uncertain": n == 3,
        }  # fmt: skip
        page.evaluate(SAY, reading)
    page.evaluate(SAY, {"type": "speech", "state": "started", "offset_sec": 22.5})
    mood = {"type": "mood", "state": "upset", "upset_score": 0.68, "upset_sec": 14, "trend": 0.2}
    page.evaluate(SAY, mood)
    alert = {"type": "alert", "severity": "warning", "offset_sec": 21, "message": "Upset for 14 s: offer a supervisor."}
    page.evaluate(SAY, alert)
    page.wait_for_timeout(450)


def accessible(page: Page) -> None:
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def narrow(page: Page, width: int) -> None:
    """Give the meter this width, in CSS pixels, and nothing beside it."""
    page.evaluate("(w) => { document.querySelector('.stage').style.width = `${w}px`; }", width)
    page.wait_for_timeout(100)


def overflowing(page: Page) -> bool:
    return bool(page.evaluate("(m => m.shadowRoot.firstChild.scrollWidth > m.clientWidth + 1)(meter)"))


def test_axe_finds_nothing_before_during_and_after_a_call(scene: tuple[str, Page]) -> None:
    look, page = scene
    accessible(page)
    tell(page)
    accessible(page)
    keep(page, f"every-cell-{look}")
    press(page, "Recent readings")
    page.wait_for_timeout(300)
    accessible(page)
    page.evaluate("socket.onclose(new CloseEvent('close', { code: 4440 }))")
    word(page, "Call closed")
    accessible(page)


def test_without_a_line_it_says_so_and_looks_like_nothing_that_is_live(scene: tuple[str, Page]) -> None:
    look, page = scene
    tell(page)
    page.evaluate("void (meter.tokenProvider = () => new Promise(() => {}))")
    page.evaluate("socket.onclose(new CloseEvent('close', { code: 1012 }))")
    word(page, "Reconnecting…")
    meter = page.locator("undervoice-meter")
    expect(meter.locator(".note")).to_contain_text("The last 30 s of the call are kept")
    expect(meter.get_by_role("status")).to_have_text("Reconnecting…")
    valued = meter.get_by_role("meter").get_attribute("aria-valuetext")
    assert valued == "Reconnecting, last known: Upset, 68 of 100"
    assert "grayscale" in meter.locator(".band").evaluate("(each) => getComputedStyle(each).filter")
    assert meter.locator(".card").evaluate("(each) => getComputedStyle(each).borderStyle") == "dashed"
    accessible(page)
    keep(page, f"meter-reconnecting-{look}")
    press(page, "Pause")
    expect(meter.locator(".note")).to_contain_text("nothing is kept until you resume")
    narrow(page, 220)
    assert not overflowing(page)
    accessible(page)


@pytest.mark.parametrize("width", [220, 360, 1000])
def test_it_fits_whatever_room_it_gets(scene: tuple[str, Page], width: int) -> None:
    look, page = scene
    narrow(page, width)
    assert not overflowing(page)
    tell(page)
    assert not overflowing(page)
    if width == 220:
        keep(page, f"meter-narrow-{look}")


def test_the_whole_meter_works_from_the_keyboard(page: Page) -> None:
    page.locator("undervoice-meter").get_by_role("button", name="Use this microphone").focus()
    page.keyboard.press("Enter")
    cells(page, 1)
    page.locator("undervoice-meter").get_by_role("button", name="Recent readings").focus()
    page.keyboard.press("Enter")
    page.locator("undervoice-meter .rows li").first.wait_for()
    page.locator("undervoice-meter").get_by_role("button", name="End call").focus()
    page.keyboard.press("Enter")
    word(page, "Call ended")


def test_screen_readers_hear_a_new_mood_at_most_once_in_ten_seconds(page: Page) -> None:
    tell(page)
    live = page.locator("undervoice-meter [aria-live]")
    assert live.text_content() == "Upset"
    page.evaluate(SAY, {"type": "mood", "state": "calm", "upset_score": 0.1, "upset_sec": 14})
    page.wait_for_timeout(1500)
    assert live.text_content() == "Upset"


def test_pictures_are_small() -> None:
    for path in Path(PICTURES).glob("*.png"):
        assert path.stat().st_size < PICTURE_BYTES
