"""What goes in at a browser is what the server hears, from every source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import soxr
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from scipy.signal import correlate

from tests.browser.reading import ROOT, Wire, analyze, cells, press, titles, word, write_wav

pytestmark = pytest.mark.browser

ANY_MOOD = re.compile(r"(Calm|Tense|Upset|Recovering), \d+ of 100")
LOOPBACK_CALL = """async () => {
  const context = new AudioContext();
  const data = await (await fetch('/widget/demo/sample-call.flac')).arrayBuffer();
  const node = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(data) });
  const line = context.createMediaStreamDestination();
  node.connect(line);
  const here = new RTCPeerConnection(), there = new RTCPeerConnection();
  here.onicecandidate = ({ candidate }) => there.addIceCandidate(candidate);
  there.onicecandidate = ({ candidate }) => here.addIceCandidate(candidate);
  const remote = new Promise((resolve) => { there.ontrack = ({ streams }) => resolve(streams[0]); });
  here.addTrack(line.stream.getAudioTracks()[0], line.stream);
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
  window.customer = await remote;
  window.line = [here, there, context];  // kept, or they are collected
  node.start();
  await document.querySelector('undervoice-meter').attach(window.customer);
}"""


def likeness(heard: NDArray[Any], played: NDArray[Any]) -> float:
    """Correlation of the recording with what was heard, at the best shift."""
    a, b = heard / 32768.0, np.asarray(played, dtype=float)
    cross = correlate(a, b, mode="full", method="fft")
    shift = int(np.argmax(cross)) - (len(b) - 1)
    a, b = (a[shift:], b) if shift >= 0 else (a, b[-shift:])
    both = min(len(a), len(b))
    return float(np.corrcoef(a[:both], b[:both])[0, 1])


def same_segments(shown: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    assert len(shown) == len(told) > 0
    for ours, theirs in zip(shown, told, strict=True):
        for field in ("start_offset_sec", "end_offset_sec", "detected_emotion", "uncertain"):
            assert ours[field] == theirs[field]
        assert ours["confidence_score"] == pytest.approx(theirs["confidence_score"], abs=1e-5)


def ended_as_told(page: Page, wire: Wire, folder: Path) -> list[dict[str, Any]]:
    """End the call: the strip shows what the command line says of the audio that has reached the server."""
    press(page, "End call")
    word(page, "Call ended")
    told: list[dict[str, Any]] = analyze(write_wav(folder / "heard.wav", wire.pcm))["segments"]
    same_segments(wire.finals(), told)
    for title, segment in zip(titles(page), told, strict=True):
        assert ("unsure" if segment["uncertain"] else segment["detected_emotion"]) in title
        assert f"{segment['confidence_score'] * 100:.0f}%" in title
    return told


def test_a_microphone_reaches_the_server_unchanged_and_the_meter_shows_its_emotions(
    page: Page, clip: Path, tmp_path: Path
) -> None:
    wire = Wire(page)
    press(page, "Use this microphone")
    cells(page, 3)
    expect(page.locator("undervoice-meter .ear")).to_contain_text("Scoring this microphone")
    ended_as_told(page, wire, tmp_path)
    played, rate = sf.read(clip)
    assert likeness(wire.pcm, soxr.resample(played, rate, 16_000)[: len(wire.pcm)]) > 0.99


def test_a_recording_of_real_speech_gives_what_the_command_line_gives(page: Page, tmp_path: Path) -> None:
    found = sorted((ROOT.parent / "shared" / "data" / "emodb" / "audio").glob("*Wa.flac"))
    if not found:
        pytest.skip("no recordings in ../shared/data")
    recording = found[0]
    wire = Wire(page)
    page.set_input_files("#file", recording)
    word(page, "Call ended", 20)
    played, rate = sf.read(recording)
    assert likeness(wire.pcm, soxr.resample(played, rate, 16_000)) > 0.99
    same_segments(wire.finals(), analyze(write_wav(tmp_path / "heard.wav", wire.pcm))["segments"])
    told = [each["detected_emotion"] for each in analyze(recording)["segments"]]
    assert [each["detected_emotion"] for each in wire.finals()] == told


def test_a_remote_track_of_a_peer_connection_yields_readings_and_stays_the_pages_own(page: Page) -> None:
    page.evaluate(LOOPBACK_CALL)
    cells(page, 2)
    expect(page.locator("undervoice-meter [role=meter]")).to_have_attribute("aria-valuetext", ANY_MOOD)
    press(page, "End call")
    word(page, "Call ended")
    assert page.evaluate("customer.getAudioTracks()[0].readyState") == "live"


def test_a_pause_sends_no_audio_and_counts_it(page: Page) -> None:
    wire = Wire(page)
    press(page, "Use this microphone")
    word(page, "Listening…")
    press(page, "Pause")
    word(page, "Paused")
    before = len(wire.audio)
    page.wait_for_timeout(1500)
    assert len(wire.audio) == before
    press(page, "Resume")
    expect(page.locator("undervoice-meter").get_by_role("button", name="Pause")).to_be_visible()
    press(page, "End call")
    word(page, "Call ended")
    discarded = sum(each["samples"] for each in wire.sent if each["type"] == "discarded")
    assert discarded >= 16_000
    assert discarded % 160 == 0
    assert wire.received[-1]["totals"]["paused_sec"] == pytest.approx(discarded / 16_000, abs=0.2)
