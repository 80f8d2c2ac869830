"""Whatever happens, the meter says it in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import FAKE_MICROPHONE, Launch
from tests.browser.pictures import keep
from tests.browser.processes import Service, serving
from tests.browser.reading import Wire, press, word

pytestmark = pytest.mark.browser

INTERRUPTED = """() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(...all) { super(...all); window.socket = this; }
  };
}"""


def opened(browser: Browser, address: str, **options: object) -> Page:
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.goto(address)
    return page


def test_before_anything_it_says_how_to_start(page: Page) -> None:
    word(page, "Ready")
    expect(page.locator("undervoice-meter .note")).to_have_text("Click to start.")


def test_the_token_leaves_the_address_bar_at_once(page: Page, service: Service) -> None:
    assert page.url == service.url + "/"
    assert service.token not in page.content()


def test_without_a_token_the_page_says_how_to_get_one(browser: Browser, service: Service) -> None:
    page = opened(browser, service.url)
    expect(page.locator("#no-token")).to_be_visible()
    press(page, "Use this microphone")
    word(page, "No token")
    page.context.close()


def test_a_microphone_that_is_denied(launch: Launch, service: Service) -> None:
    browser = launch("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    page = opened(browser, service.page)
    press(page, "Use this microphone")
    word(page, "Microphone denied")
    assert Axe().run(page).violations_count == 0
    keep(page, "meter-denied")
    browser.close()


def test_a_computer_without_a_microphone(launch: Launch, service: Service) -> None:
    browser = launch("--use-fake-ui-for-media-stream")
    page = opened(browser, service.page, permissions=["microphone"])
    press(page, "Use this microphone")
    word(page, "No microphone")
    browser.close()


def test_a_page_over_plain_http_on_another_name_needs_https(launch: Launch, service: Service) -> None:
    browser = launch(*FAKE_MICROPHONE, "--host-resolver-rules=MAP desk.test 127.0.0.1")
    page = opened(browser, service.page.replace("127.0.0.1", "desk.test"))
    press(page, "Use this microphone")
    word(page, "Needs https")
    browser.close()


def test_a_token_that_is_not_ours(browser: Browser, service: Service) -> None:
    page = opened(browser, f"{service.url}/#token=not.a.token")
    press(page, "Use this microphone")
    word(page, "Not allowed")
    page.context.close()


def test_a_file_that_is_no_recording(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("these are words")
    page.set_input_files("#file", path)
    word(page, "Cannot play file")


def test_a_server_that_is_full_then_gone(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, max_calls="1") as service:
        first, second = opened(browser, service.page), opened(browser, service.page)
        press(first, "Use this microphone")
        word(first, "Listening…")
        press(second, "Use this microphone")
        word(second, "Server full")
        service.process.kill()
        word(first, "Reconnecting…")
        press(second, "Use this microphone")
        word(second, "Server unreachable")
        first.context.close()
        second.context.close()


@pytest.mark.parametrize(
    ("code", "says"),
    [(4401, "Not allowed"), (4403, "Not allowed"), (4408, "Call closed"), (4409, "Call already open"),
     (4429, "Call closed"), (4440, "Call closed"), (4400, "Call refused"), (4999, "Connection lost"),
     *((code, "Reconnecting…") for code in (1001, 1005, 1006, 1011, 1012, 1013))],
)  # fmt: skip
def test_every_close_code_has_its_words(page: Page, code: int, says: str) -> None:
    page.evaluate(INTERRUPTED)
    press(page, "Use this microphone")
    word(page, "Listening…")
    page.evaluate("void (meter.tokenProvider = () => new Promise(() => {}))")
    if code == 4401:
        page.evaluate("meter.tokenProvider = null")
    # The server's own close, as the browser would report it.
    page.evaluate("(code) => socket.onclose(new CloseEvent('close', { code }))", code)
    word(page, says)
    page.evaluate("socket.close()")


def test_messages_of_a_newer_server_change_nothing(page: Page) -> None:
    page.evaluate(INTERRUPTED)
    press(page, "Use this microphone")
    word(page, "Listening…")
    for text in (
        '{"type":"news","of":"a later version"}',
        '{"type":"checkpoint","token":"x","sample":160,"colour":"blue"}',
        '{"type":"reconnect","deadline_ms":9}',
        "[]",
        "{",
        "7",
    ):
        page.evaluate("(data) => socket.onmessage(new MessageEvent('message', { data }))", text)
    word(page, "Listening…")


def test_old_news_greys_out_and_says_so(page: Page) -> None:
    page.evaluate(INTERRUPTED)
    press(page, "Use this microphone")
    word(page, "Listening…")
    say = "(data) => { socket.onmessage(new MessageEvent('message', { data })); socket.onmessage = null; }"
    page.evaluate(say, '{"type":"speech","state":"started","offset_sec":0.5,"channel":"customer"}')
    expect(page.locator("undervoice-meter .note")).to_contain_text("No news from the server", timeout=9000)
    expect(page.locator("undervoice-meter .card")).to_have_class("card stale")


def test_the_sample_call_plays_moves_the_meter_fills_the_log_and_ends(page: Page) -> None:
    wire = Wire(page)
    page.click("#sample")
    word(page, "Call ended", 45)
    places = {each["upset_score"] for each in wire.received if each["type"] == "mood"}
    assert len(places) >= 5
    assert page.locator("undervoice-meter .cell:not(.open)").count() == len(wire.finals()) >= 8
    assert page.locator("undervoice-meter tbody tr").count() == len(wire.finals())
    assert wire.received[-1]["type"] == "stopped"
    assert [each["type"] for each in wire.sent].count("ping") == 1
    press(page, "Recent readings")
    expect(page.locator("undervoice-meter .rows li").first).to_be_visible()
    assert page.locator("undervoice-meter .rows li").count() >= 8
