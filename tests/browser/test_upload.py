"""A recording is uploaded: how far it is, what came of it, and what went wrong, in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from playwright.sync_api import Browser, Page, expect

from tests.browser.audit import audit
from tests.browser.conftest import visiting
from tests.browser.processes import serving
from tests.browser.reading import SAMPLE, press, word, write_wav

pytestmark = pytest.mark.browser

DROP = """async (name) => {
  const data = new DataTransfer();
  data.items.add(new File([await (await fetch('/widget/demo/sample-call.flac')).arrayBuffer()], name));
  const panel = meter.shadowRoot.querySelector('[part=upload]');
  const about = { dataTransfer: data, cancelable: true };
  for (const type of ['dragover', 'drop']) panel.dispatchEvent(new DragEvent(type, about));
}"""
HELD = """() => {
  const Real = XMLHttpRequest;
  window.requests = [];
  window.XMLHttpRequest = class extends Real { constructor() { super(); requests.push(this); } };
}"""


@pytest.fixture
def offered(desk: Page) -> Page:
    """The demo page, with a meter that offers uploads."""
    desk.evaluate("meter.setAttribute('allow-upload', '')")
    return desk


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of the sample call."""
    samples, rate = sf.read(SAMPLE, dtype="int16")
    return write_wav(tmp_path_factory.mktemp("speech") / "customer.wav", samples[: 7 * rate])


def choose(desk: Page, path: Path) -> None:
    """Choose a file by the panel's button."""
    with desk.expect_file_chooser() as chooser:
        press(desk, "Choose a file")
    chooser.value.set_files(path)


def scored(desk: Page, path: Path) -> list[dict[str, Any]]:
    """Return the segments that the server makes of a file."""
    token = {"Authorization": f"Bearer {desk.evaluate('meter.token')}", "Content-Type": "audio/wav"}
    url = desk.url.rstrip("/") + "/api/v1/analyze/stream?store=false"
    segments: list[dict[str, Any]] = desk.request.post(url, headers=token, data=path.read_bytes()).json()["segments"]
    return segments


def status(desk: Page, text: str, seconds: float = 15) -> None:
    """Wait until the panel says so."""
    expect(desk.locator("undervoice-meter [part=upload] .status")).to_have_text(text, timeout=seconds * 1000)


def test_a_chosen_file_is_shown_segment_by_segment(offered: Page, speech: Path) -> None:
    desk = offered
    desk.evaluate("window.raised = []; addEventListener('undervoice-upload', ({ detail }) => raised.push(detail))")
    choose(desk, speech)
    rows = desk.locator("undervoice-meter [part=upload] .rows li")
    rows.first.wait_for(timeout=15_000)
    expected = scored(desk, speech)
    (told,) = desk.evaluate("raised")
    assert [each["detected_emotion"] for each in told["segments"]] == [each["detected_emotion"] for each in expected]
    assert rows.count() == len(expected)
    expect(desk.locator("undervoice-meter [part=upload] b")).to_have_text("customer.wav")
    audit(desk)
    press(desk, "Close")
    expect(rows).to_have_count(0)
    expect(desk.locator("undervoice-meter").get_by_role("button", name="Choose a file")).to_be_focused()


def test_a_file_may_be_dropped(offered: Page) -> None:
    offered.evaluate(DROP, "dropped.flac")
    expect(offered.locator("undervoice-meter [part=upload] b")).to_have_text("dropped.flac")
    offered.locator("undervoice-meter [part=upload] .rows li").first.wait_for(timeout=20_000)


def test_a_desk_that_does_not_offer_it_shows_nothing_of_it(desk: Page) -> None:
    desk.evaluate("meter.removeAttribute('allow-upload')")
    expect(desk.locator("undervoice-meter [part=upload]")).to_be_hidden()
    assert desk.evaluate("meter.upload(new Blob(['words'], { type: 'text/plain' }))") is None
    status(desk, "This kind of file cannot be read. WAV, FLAC and Ogg can.")


def test_it_shows_how_far_it_is_and_can_be_cancelled(page: Page, speech: Path) -> None:
    page.evaluate(HELD)
    # As slow as a bad line.
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}
    line.send("Network.emulateNetworkConditions", slow)
    choose(page, speech)
    bar = page.locator("undervoice-meter progress")
    under_way = re.compile(r"Sending, [1-9]\d%")
    expect(page.locator("undervoice-meter [part=upload] .status")).to_have_text(under_way, timeout=10_000)
    assert 0 < bar.evaluate("(bar) => bar.value") < 1
    audit(page)
    press(page, "Cancel")
    expect(bar).to_be_hidden()
    expect(page.locator("undervoice-meter").get_by_role("button", name="Choose a file")).to_be_focused()
    choose(page, speech)
    expect(page.locator("undervoice-meter [part=upload] .status")).to_have_text(under_way, timeout=10_000)
    page.evaluate("meter.remove()")
    assert page.evaluate("requests.map((each) => [each.readyState, each.status])") == [[0, 0], [0, 0]]


def test_what_the_server_refuses_is_said_in_words(browser: Browser, tmp_path: Path) -> None:
    silence = write_wav(tmp_path / "silence.wav", np.zeros(48_000, np.int16))
    words = tmp_path / "notes.wav"
    words.write_text("these are words")
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    long = tmp_path / "long.wav"
    long.write_bytes(bytes(3_000_000))
    with serving(tmp_path / "state", max_clip_bytes="200000") as service, visiting(browser, service.page) as desk:
        desk.evaluate("meter.setAttribute('allow-upload', '')")
        for path, says in (
            (silence, "No speech was found in it."),
            (words, "The file is empty, broken, or no WAV, FLAC or Ogg recording."),
            (empty, "The file is empty, broken, or no WAV, FLAC or Ogg recording."),
            (long, "This file is too large or too long for the server."),
        ):
            choose(desk, path)
            status(desk, says)
        audit(desk)
        desk.evaluate("meter.token = 'not.a.token'")
        choose(desk, silence)
        status(desk, "The server did not accept this token. It may have expired.")
        service.process.kill()
        choose(desk, silence)
        status(desk, "The server does not answer, or broke off. Try again.")


def test_a_call_takes_the_place_of_a_result(offered: Page, speech: Path) -> None:
    choose(offered, speech)
    offered.locator("undervoice-meter [part=upload] .rows li").first.wait_for(timeout=15_000)
    press(offered, "Use this microphone")
    word(offered, "Listening…")
    expect(offered.locator("undervoice-meter [part=upload]")).to_be_hidden()
