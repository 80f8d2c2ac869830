"""The element in someone else's page: a strict policy, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Launch
from tests.browser.processes import Service, hosting, serving
from tests.browser.reading import cells, press, word

pytestmark = pytest.mark.browser

COUNTED = """() => {
  const live = { timers: new Set(), sockets: [], tracks: [], contexts: [] };
  window.live = live;
  for (const [start, stop] of [['setInterval', 'clearInterval'], ['setTimeout', 'clearTimeout']]) {
    const begin = window[start].bind(window), end = window[stop].bind(window);
    window[start] = (act, ...rest) => {
      const id = begin((...all) => { if (start === 'setTimeout') live.timers.delete(id); act(...all); }, ...rest);
      live.timers.add(id);
      return id;
    };
    window[stop] = (id) => { live.timers.delete(id); end(id); };
  }
  const Socket = WebSocket, Context = AudioContext;
  window.WebSocket = class extends Socket { constructor(...all) { super(...all); live.sockets.push(this); } };
  window.AudioContext = class extends Context { constructor(...all) { super(...all); live.contexts.push(this); } };
  const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
  media.getUserMedia = async (wish) => { const s = await ask(wish); live.tracks.push(...s.getTracks()); return s; };
}"""

LEFT = """() => ({
  timers: live.timers.size,
  sockets: live.sockets.filter((each) => each.readyState < 2).length,
  tracks: live.tracks.filter((each) => each.readyState === 'live').length,
  contexts: live.contexts.filter((each) => each.state !== 'closed').length,
  used: live.sockets.length * live.tracks.length * live.contexts.length,
})"""
NOTHING = {"timers": 0, "sockets": 0, "tracks": 0, "contexts": 0}


def left_when_settled(page: Page) -> dict[str, int]:
    """Return what still runs on a page, once it is nothing, or two seconds later."""
    left: dict[str, int] = {}
    for _ in range(20):
        left = page.evaluate(LEFT)
        if left.items() >= NOTHING.items():
            break
        page.wait_for_timeout(100)
    return left


def embed(content: dict[str, str], service: Service) -> None:
    """Write the host page: its policy names the server, and nothing is inline."""
    content["policy"] = (
        f"default-src 'none'; script-src 'self' {service.url}; style-src 'self'; "
        f"connect-src {service.url} {service.url.replace('http', 'ws')}"
    )
    content["/"] = (
        "<!doctype html><html lang=en><title>A desk</title><script src=/host.js></script>"
        f"<script type=module src={service.url}/widget/undervoice-meter.js></script>"
        "<undervoice-meter allow-microphone consent-basis=notice></undervoice-meter>"
    )


def test_on_another_origin_under_a_strict_policy_it_works_and_violates_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    with hosting() as (origin, content), serving(tmp_path, origins=origin) as service:
        embed(content, service)
        page = browser.new_context().new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(origin)
        page.evaluate("(token) => { document.querySelector('undervoice-meter').token = token; }", service.token)
        press(page, "Use this microphone")
        cells(page, 2)
        press(page, "Recent readings")
        page.locator("undervoice-meter .rows li").first.wait_for()
        press(page, "End call")
        word(page, "Call ended")
        assert page.evaluate("violations") == []
        assert [each for each in complaints if "favicon" not in each] == []
        assert page.locator("[style]").count() == 0
        page.context.close()


def test_a_page_that_the_server_does_not_list_is_told_so(browser: Browser, service: Service) -> None:
    with hosting() as (origin, content):
        embed(content, service)
        page = browser.new_context().new_page()
        page.goto(origin)
        page.evaluate("(token) => { document.querySelector('undervoice-meter').token = token; }", service.token)
        press(page, "Use this microphone")
        word(page, "Not allowed")
        page.context.close()


def test_audio_that_the_browser_holds_back_waits_for_a_click(launch: Launch, tmp_path: Path) -> None:
    with hosting() as (origin, content), serving(tmp_path, origins=origin) as service:
        embed(content, service)
        # Playwright's own look at a page counts as a gesture, so the browser's rule is kept here: a real context stays
        # suspended until a real click.
        content["/host.js"] = (
            "let clicked = false; addEventListener('click', () => { clicked = true; }, true);"
            "const resume = AudioContext.prototype.resume; AudioContext.prototype.resume = function () {"
            "return clicked ? resume.call(this) : this.suspend(); };"
            "addEventListener('load', async () => { await customElements.whenDefined('undervoice-meter');"
            f"const meter = document.querySelector('undervoice-meter'); meter.token = '{service.token}';"
            f"meter.startFile('{service.url}/widget/demo/sample-call.flac'); }});"
        )
        browser = launch()
        page = browser.new_page()
        page.goto(origin)
        word(page, "Click to start")
        press(page, "Click to start")
        cells(page, 1)
        browser.close()


@pytest.mark.parametrize("leave", ["remove", "stop"])
def test_nothing_runs_on_after_the_element_is_removed_or_stopped(page: Page, leave: str) -> None:
    page.evaluate(COUNTED)
    press(page, "Use this microphone")
    word(page, "Listening…")
    page.evaluate(f"document.querySelector('undervoice-meter').{leave}()")
    left = left_when_settled(page)
    assert left.items() >= NOTHING.items(), left
    assert left["used"] > 0


def test_nothing_runs_on_after_it_is_removed_before_the_call_has_begun(page: Page) -> None:
    page.evaluate(COUNTED)
    page.evaluate("void meter.startMicrophone(); meter.remove();")
    page.wait_for_timeout(500)
    left = left_when_settled(page)
    assert left.items() >= NOTHING.items(), left


def test_of_two_starts_at_once_one_call_comes_and_ends_wholly(page: Page) -> None:
    page.evaluate(COUNTED)
    page.evaluate("void meter.startMicrophone(); void meter.startMicrophone();")
    word(page, "Listening…")
    assert page.evaluate("live.sockets.length") == 1
    page.evaluate("meter.remove()")
    left = left_when_settled(page)
    assert left.items() >= NOTHING.items(), left


def test_nothing_runs_on_after_it_is_removed_while_the_line_is_lost(page: Page) -> None:
    page.evaluate(COUNTED)
    press(page, "Use this microphone")
    word(page, "Listening…")
    page.evaluate("meter.tokenProvider = async () => { throw new Error('not now'); }; live.sockets[0].close();")
    word(page, "Reconnecting…")
    page.evaluate("meter.remove()")
    left = left_when_settled(page)
    assert left.items() >= NOTHING.items(), left
    assert left["used"] > 0


def test_it_may_be_moved_about_the_page_and_taken_up_again(page: Page) -> None:
    page.evaluate(COUNTED)
    page.evaluate("window.home = meter.parentElement; window.own = meter; own.remove(); home.prepend(own);")
    press(page, "Use this microphone")
    word(page, "Listening…")
    page.evaluate("own.remove()")
    assert left_when_settled(page).items() >= NOTHING.items()
    page.evaluate("home.prepend(own)")
    word(page, "Call ended")
    press(page, "Use this microphone")
    word(page, "Listening…")
