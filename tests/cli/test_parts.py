"""The parts of the live client that have edges of their own."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from undervoice.cli.connection import ConnectionLost, refusal, stream_url
from undervoice.cli.meter import Lines, Meter
from undervoice.cli.recording import Recording
from undervoice.cli.stream import default_call_id
from undervoice.cli.terminal import letter_of
from undervoice.errors import BadInput
from undervoice.terms import NAME_PATTERN


@given(st.text(min_size=1, max_size=300))
def test_any_file_name_makes_a_call_id_that_the_server_takes(name: str) -> None:
    call_id = default_call_id(Path("folder") / (name.replace("/", "-") + ".wav"))
    assert re.fullmatch(NAME_PATTERN, call_id)
    assert call_id != default_call_id(Path(name))


@pytest.mark.parametrize(
    ("given_url", "wanted"),
    [
        ("ws://h:1", "ws://h:1/api/v1/stream"),
        ("http://h:1/", "ws://h:1/api/v1/stream"),
        ("https://h", "wss://h/api/v1/stream"),
        ("wss://h/under/voice", "wss://h/under/voice"),
        ("ws://h/?token=x", "ws://h/api/v1/stream"),
    ],
)
def test_a_servers_address_is_enough(given_url: str, wanted: str) -> None:
    assert stream_url(given_url) == wanted


@pytest.mark.parametrize("wrong", ["", "h:1", "ftp://h", "ws://", "/tmp/socket"])
def test_what_is_no_servers_address_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput):
        stream_url(wrong)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_listed_rate_is_sent_sample_for_sample(tmp_path: Path, rate: int, subtype: str) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_767, (rate * 2 + 77, 2)).astype(np.int16)
    path = tmp_path / "call.wav"
    soundfile.write(path, samples.astype(np.float64) / 32_768, rate, subtype=subtype)
    with Recording(path) as recording:
        frames = list(recording.frames())
        assert recording.sample_rate == rate
        assert recording.duration_sec == pytest.approx(2, abs=0.02)
    assert {len(frame) for frame in frames[:-1]} == {rate // 10 * 2}
    assert b"".join(frames) == samples[:, 0].astype("<i2").tobytes()
    with Recording(path, ["agent", "customer"]) as recording:
        assert b"".join(recording.frames()) == samples.astype("<i2").tobytes()


@pytest.mark.parametrize(("rate", "served"), [(8000, 8000), (44_100, 44_100), (22_050, 16_000)])
def test_a_recording_is_read_again_from_any_place(tmp_path: Path, rate: int, served: int) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_767, rate * 3 + 77).astype(np.int16)
    path = tmp_path / "call.flac"
    soundfile.write(path, samples, rate)
    with Recording(path) as recording:
        whole = b"".join(recording.frames())
        for place in (0, 160, 16_000, 40_000 - 160, 48_000, 96_000):
            skipped = place // 160 * (served // 100) * 2
            assert b"".join(recording.frames(place)) == whole[skipped:]


def test_another_rate_becomes_16_khz(tmp_path: Path) -> None:
    tone = np.sin(np.arange(22_050) * 2 * np.pi * 440 / 22_050) * 0.5
    path = tmp_path / "tone.ogg"
    soundfile.write(path, tone, 22_050)
    with Recording(path) as recording:
        sent = np.frombuffer(b"".join(recording.frames()), "<i2")
        assert recording.sample_rate == 16_000
    assert len(sent) == pytest.approx(16_000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(sent))) == pytest.approx(440, abs=2)


def test_a_refusal_tells_what_the_server_said() -> None:
    body = b'{"error":{"code":"too_many","message":"four calls are enough"},"detail":"four calls are enough"}'
    assert refusal(401, {}, body).message == "the server refused the call (401): four calls are enough"
    assert "Bad Gateway" in refusal(502, {}, b"\n<h1>Bad Gateway</h1>").message
    assert "no reason given" in refusal(503, {}, b"").message


@pytest.mark.parametrize(("header", "after_sec"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("", None)])
def test_a_full_server_says_when_to_come_back(header: str, after_sec: float | None) -> None:
    for status in (429, 503):
        refused = refusal(status, {"Retry-After": header}, b"")
        assert isinstance(refused, ConnectionLost)
        assert refused.after_sec == after_sec
    assert not any(isinstance(refusal(status, {}, b""), ConnectionLost) for status in (400, 401, 403, 404, 500))


LOST: dict[str, object] = {}
"""Stands for a lost connection among messages."""


def reading(**fields: object) -> dict[str, object]:
    return {
        "type": "emotion",
        "final": True,
        "start_offset_sec": 60.0,
        "end_offset_sec": 62.5,
        "detected_emotion": "angry",
        "confidence_score": 0.85,
        "upset_score": 0.9,
        "uncertain": False,
    } | fields


def drawn(*messages: dict[str, object]) -> str:
    console = Console(file=io.StringIO(), width=100)
    meter = Meter(console, "c-1", 75.0)
    for message in messages:
        meter.hear("", message)
    console.print(meter.render())
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_meter_says_one_word_first() -> None:
    assert "Listening…" in drawn()
    assert "Calm" in drawn(reading())
    mood = {"type": "mood", "state": "upset", "upset_sec": 12.4, "upset_score": 0.9}
    shown = drawn(reading(), mood, {"type": "alert", "message": "Offer a supervisor."})
    for words in ("Upset", "angry 85%", "12 s upset", "01:00.0–01:02.5", "→ Offer a supervisor.", "01:02.5 / 01:15.0"):
        assert words in shown
    assert shown.index("Upset") < shown.index("angry 85%") < shown.index("01:00.0")
    assert "Call ended" in drawn({"type": "stopped", "totals": {"audio_sec": 75.0}})


def test_the_meter_says_that_it_reconnects_and_shows_each_segment_once() -> None:
    console = Console(file=io.StringIO(), width=100)
    meter = Meter(console, "c-1", 75.0)

    def shown() -> str:
        assert isinstance(console.file, io.StringIO)
        console.file.seek(0)
        console.file.truncate()
        console.print(meter.render())
        return console.file.getvalue()

    meter.hear("", reading(segment_id="s-1"))
    meter.lost("the line broke")
    assert "Reconnecting…" in shown()
    meter.hear("", {"type": "started"})
    meter.hear("", reading(segment_id="s-1"))
    assert "Reconnecting…" not in shown()
    assert shown().count("01:00.0–01:02.5") == 1
    meter.hear("", reading(segment_id="s-2"))
    assert shown().count("01:00.0–01:02.5") == 2


def test_an_abstaining_model_is_shown_as_unsure() -> None:
    assert "unsure (angry?)" in drawn(reading(uncertain=True))


def test_the_meter_takes_what_it_does_not_know() -> None:
    assert "joyful" in drawn(reading(detected_emotion="joyful"), {"type": "news"}, {"type": "stats", "received_sec": 3})


@given(labels=st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=12))
def test_each_of_the_seven_keeps_its_letter_and_others_take_free_ones_of_their_names(labels: list[str]) -> None:
    labels = [*labels, *(label for label in ("neutral", "sad") if label not in labels)]
    letters = {label: letter_of(label, labels) for label in labels}
    assert (letters["neutral"], letters["sad"]) == ("N", "S")
    shown = [letter for letter in letters.values() if letter != "·"]
    assert len(set(shown)) == len(shown)
    assert all(letter in label.upper() for label, letter in letters.items() if letter != "·")


def test_a_business_s_own_labels_are_told_apart() -> None:
    labels = ["calm_voice", "confused", "cross"]
    assert [letter_of(label, labels) for label in labels] == ["C", "O", "R"]
    assert letter_of("new", labels) == "N"
    assert letter_of("c", labels) == "·"


def test_plain_lines_tell_what_is_worth_a_line() -> None:
    file = io.StringIO()
    calm = {"type": "mood", "state": "calm", "upset_sec": 0.0}
    with Lines(Console(file=file, width=40)) as display:
        for message in (
            {"type": "started"},
            calm,
            reading(final=False),
            reading(),
            LOST,
            LOST,
            {"type": "started"},
            reading(),
            calm | {"state": "upset", "upset_sec": 3.0},
            calm | {"state": "upset", "upset_sec": 5.0},
            {"type": "alert", "message": "Offer a supervisor, [now]."},
            {"type": "stopped", "totals": {"segments": 1, "audio_sec": 75.0}},
        ):
            if message is LOST:
                display.lost("the line broke")
            else:
                display.hear("", message)
    assert file.getvalue().splitlines() == [
        "01:00.0–01:02.5  angry                 85%  upset 0.90",
        "reconnecting… (the line broke)",
        "connected again",
        "mood upset, 3 s upset",
        "alert: Offer a supervisor, [now].",
        "ended: 1 segments in 01:15.0",
    ]
