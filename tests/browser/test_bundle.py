"""The meter in one file: small, and the same on a page of another origin, in a frame, under a strict policy."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.processes import Service, hosting, serving
from tests.browser.reading import ROOT
from tests.browser.test_embedding import COUNTED, LEFT, NOTHING

BUILT = ROOT / "widget" / "dist" / "meter"
FIRST = ("undervoice-meter.min.js", "worklet.min.js")
"""What a call needs to be heard and shown; the rest is fetched where it is wanted."""
SCRIPT_BYTES, CALL_BYTES = 20_000, 21_200
"""The script alone, and with the audio thread's module."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (BUILT / FIRST[0]).exists(), reason="the bundle is not built: make board"),
]


def sizes() -> dict[str, int]:
    """Return what each file of the bundle takes over the wire, in bytes."""
    return {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in sorted(BUILT.glob("*.js"))}


def test_it_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    found = sizes()
    with capsys.disabled():
        print(f"\nbytes, gzip: {found}; a page with a call {sum(found[name] for name in FIRST)}")
    assert found[FIRST[0]] <= SCRIPT_BYTES
    assert sum(found[name] for name in FIRST) <= CALL_BYTES


def test_it_needs_nothing_else() -> None:
    text = (BUILT / FIRST[0]).read_text()
    assert not re.search(r"""\b(import|from)\s*["'{*]|https?://(?!www\.w3\.org)""", text)
    wanted = {name for name in ("worklet", "extras", "de", "es") if f"./{name}.min.js" in text}
    assert wanted == {"worklet", "extras", "de", "es"}


def framed(desk: dict[str, str], host: dict[str, str], origin: str, service: Service) -> None:
    """Write a desk in a frame on somebody's portal; nothing is inline, and the desk names the server alone."""
    desk["policy"] = (
        f"default-src 'none'; script-src 'self' {service.url}; connect-src {service.url} "
        f"{service.url.replace('http', 'ws')}; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    desk["/"] = (
        "<!doctype html><html lang=de><title>A desk</title><script src=/host.js></script>"
        f"<script type=module src={service.url}/widget/undervoice-meter.min.js></script>"
        "<undervoice-meter allow-microphone consent-basis=notice layout=compact></undervoice-meter>"
    )
    host["policy"] = f"default-src 'none'; frame-src {origin}"
    host["/"] = f"<!doctype html><html lang=en><title>A portal</title><iframe src={origin} allow=microphone title=Desk>"


def desk_of(page: Page) -> Frame:
    """Return the frame with the desk, once its meter is there."""
    page.frame_locator("iframe").locator("undervoice-meter .word").wait_for()
    return page.frames[1]


def test_in_a_frame_of_another_origin_it_scores_violates_nothing_and_leaves_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    with hosting() as (origin, desk), hosting() as (portal, host), serving(tmp_path, origins=origin) as service:
        framed(desk, host, origin, service)
        page = browser.new_context().new_page()
        loaded: list[str] = []
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(portal)
        frame = desk_of(page)
        frame.evaluate(COUNTED)
        frame.evaluate("(token) => { document.querySelector('undervoice-meter').token = token; }", service.token)
        meter = frame.locator("undervoice-meter")
        expect(meter.locator(".word")).to_have_text("Bereit")
        meter.get_by_role("button", name="Dieses Mikrofon benutzen").click()
        meter.locator(".cell:not(.open)").first.wait_for(state="attached", timeout=15_000)
        assert frame.evaluate("violations") == []
        modules = {url.rpartition("/")[2] for url in loaded if url.startswith(service.url) and url.endswith(".js")}
        assert modules - {"worklet.min.js", "extras.min.js"} == {"undervoice-meter.min.js", "de.min.js"}
        frame.evaluate("document.querySelector('undervoice-meter').remove()")
        for _ in range(20):
            left = frame.evaluate(LEFT)
            if left.items() >= NOTHING.items():
                break
            page.wait_for_timeout(100)
        assert left.items() >= NOTHING.items(), left
        assert left["used"] > 0
        page.context.close()
