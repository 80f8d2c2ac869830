"""A call outlives its connection and its server: the meter says so meanwhile, and nothing of the call is missing."""

from __future__ import annotations

import json
import random
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visiting
from tests.browser.lines import Line, line_to
from tests.browser.processes import Service, serving
from tests.browser.reading import Wire, analyze, cells, press, word, write_wav
from tests.browser.test_embedding import COUNTED, NOTHING, left_when_settled

pytestmark = pytest.mark.browser

GONE = "() => document.querySelector('undervoice-meter').remove()"

PLAY = """async ([callId, token, frameMs]) => {
  const { Link } = await import('/widget/link.js');
  const file = await (await fetch('/widget/demo/sample-call.flac')).arrayBuffer();
  const audio = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(file);
  const pcm = Int16Array.from(audio.getChannelData(0), (each) => Math.round(each * 32768));
  const play = { at: 0, started: 0, away: 0, ended: null, lostSec: 0 };
  window.play = play;
  const link = new Link({
    server: location.origin + '/', token, freshToken: async () => token, start: { call_id: callId }, giveUpMs: 30000,
    onMessage: ({ type }) => { play.started += type === 'started'; },
    onAway: () => { play.away += 1; },
    onEnded: (failure) => { play.lostSec = link.lostSec; play.ended = failure ? failure.state : 'ended'; },
  });
  const feeding = setInterval(() => {
    if (play.at < pcm.length) link.send(pcm.slice(play.at, play.at + 1600).buffer);
    else { clearInterval(feeding); link.stop(); }
    play.at += 1600;
  }, frameMs);
}"""
"""The sample call's own samples over a line to the server, faster than they sound."""


def stored(service: Service, call_id: str) -> list[dict[str, Any]]:
    """Return what the service has stored of a call."""
    question = urllib.request.Request(
        f"{service.url}/api/v1/emotions?call_id={call_id}", headers={"Authorization": f"Bearer {service.token}"}
    )
    with urllib.request.urlopen(question, timeout=10) as answer:
        rows: list[dict[str, Any]] = json.load(answer)
    return rows


def through(line: Line, service: Service) -> str:
    """The page's address at the other end of a line."""
    return service.page.replace(f":{service.port}/", f":{line.port}/")


def played(page: Page, service: Service, call_id: str, frame_ms: int = 20) -> None:
    page.evaluate(PLAY, [call_id, service.token, frame_ms])


def until(page: Page, what: str, seconds: float = 60) -> None:
    page.wait_for_function(f"() => {what}", timeout=seconds * 1000)


def scored(rows: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Where each segment begins and what it is, as far as runs of the same audio agree."""
    return [(row["segment_id"].split(":", 1)[1], round(row["upset_score"], 4)) for row in rows]


def test_cuts_and_a_line_that_dies_without_a_word_change_no_segment(browser: Browser, service: Service) -> None:
    with line_to(service.port) as line, visiting(browser, through(line, service)) as page:
        played(page, service, "undisturbed")
        until(page, "play.ended")
        played(page, service, "disturbed")
        for cuts, place in enumerate(sorted(random.sample(range(10, 90), 2))):
            until(page, f"play.started > {cuts} && play.at > {place * 1600}")
            line.cut()
        until(page, "play.started >= 3 && play.at > 11 * 16000")
        line.freeze()
        until(page, "play.ended")
        told = page.evaluate("play")
    assert (told["ended"], told["lostSec"]) == ("ended", 0)
    assert told["away"] >= 3
    assert scored(stored(service, "disturbed")) == scored(stored(service, "undisturbed")) != []


def test_while_the_line_is_down_the_meter_says_so_then_goes_on_as_if_nothing_had_been(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    with line_to(service.port) as line, visiting(browser, through(line, service)) as page:
        wire = Wire(page)
        press(page, "Use this microphone")
        cells(page, 1)
        line.down = True
        line.cut()
        word(page, "Reconnecting…")
        expect(page.locator("undervoice-meter .ear")).to_contain_text("Sound is kept")
        page.wait_for_timeout(2000)
        assert page.locator("undervoice-meter .cell:not(.open)").count() >= 1
        line.down = False
        expect(page.locator("undervoice-meter .word")).not_to_have_text("Reconnecting…", timeout=10_000)
        cells(page, 3)
        press(page, "End call")
        word(page, "Call ended")
        call_id = wire.sent[0]["call_id"]
        shown = page.locator("undervoice-meter .cell:not(.open)").count()
    told = analyze(write_wav(tmp_path / "heard.wav", wire.pcm))["segments"]
    assert scored(stored(service, call_id)) == scored(told)
    assert shown == len(told)
    assert {each["segment_id"] for each in wire.finals()} == {each["segment_id"] for each in stored(service, call_id)}
    assert [each["type"] for each in wire.sent].count("discarded") == 0


def test_a_pause_that_is_asked_for_without_a_line_holds_at_once_and_afterwards(
    browser: Browser, service: Service
) -> None:
    with line_to(service.port) as line, visiting(browser, through(line, service)) as page:
        wire = Wire(page)
        press(page, "Use this microphone")
        word(page, "Listening…")
        line.down = True
        line.cut()
        word(page, "Reconnecting…")
        press(page, "Pause")
        page.wait_for_timeout(1000)
        line.down = False
        word(page, "Paused")
        page.wait_for_timeout(500)
        press(page, "Resume")
        expect(page.locator("undervoice-meter").get_by_role("button", name="Pause")).to_be_visible()
        press(page, "End call")
        word(page, "Call ended")
        heard = [each["type"] for each in wire.received]
    assert wire.received[-1]["totals"]["paused_sec"] >= 1
    assert heard.index("paused") < heard.index("resumed")
    assert [each["type"] for each in wire.sent].count("pause") == 1


def test_a_call_goes_on_at_a_server_that_was_stopped_and_at_one_that_was_killed(
    browser: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path) as first, visiting(browser, first.page) as page:
        wire = Wire(page)
        press(page, "Use this microphone")
        cells(page, 1)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(20) == 0
        word(page, "Reconnecting…")
        with serving(tmp_path, first.port) as second:
            expect(page.locator("undervoice-meter .word")).not_to_have_text("Reconnecting…", timeout=15_000)
            second.process.kill()
            second.process.wait()
            word(page, "Reconnecting…")
        with serving(tmp_path, first.port) as third:
            expect(page.locator("undervoice-meter .word")).not_to_have_text("Reconnecting…", timeout=15_000)
            cells(page, 2)
            press(page, "End call")
            word(page, "Call ended")
            rows = stored(third, wire.sent[0]["call_id"])
    assert {each["segment_id"] for each in wire.finals()} <= {each["segment_id"] for each in rows}
    if any(each["type"] == "discarded" for each in wire.sent):
        pytest.skip("this machine took longer to start a server than audio is kept")
    told = analyze(write_wav(tmp_path / "heard.wav", wire.pcm))["segments"]
    assert scored(rows) == scored(told)


def test_nothing_runs_on_after_the_element_is_removed_while_it_reconnects(browser: Browser, service: Service) -> None:
    with line_to(service.port) as line, visiting(browser, through(line, service)) as page:
        page.evaluate(COUNTED)
        press(page, "Use this microphone")
        word(page, "Listening…")
        line.down = True
        line.cut()
        word(page, "Reconnecting…")
        page.wait_for_timeout(1000)
        page.evaluate(GONE)
        left = left_when_settled(page)
        assert left.items() >= NOTHING.items(), left
        asked = page.evaluate("live.sockets.length")
        page.wait_for_timeout(1500)
        assert page.evaluate("live.sockets.length") == asked > 1
