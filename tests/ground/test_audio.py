"""Bytes become the same samples however they were cut."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from tests.voices import voice
from undervoice.audio import MULAW, RATES, AudioFormat, Decoder, Tape
from undervoice.emotion import GRID, SAMPLE_RATE
from undervoice.errors import BadStart, UnsupportedAudio


@given(
    data=st.binary(max_size=200), cuts=st.lists(st.integers(1, 20)), encoding=st.sampled_from(["pcm_s16le", "mulaw"])
)
def test_decoding_does_not_depend_on_the_cuts(data: bytes, cuts: list[int], encoding: str) -> None:
    audio = AudioFormat(encoding, 8000, ("agent", "customer"))
    whole = Decoder(audio).push(data)
    pieces, decoder, rest = [], Decoder(audio), data
    for cut in cuts:
        pieces.append(decoder.push(rest[:cut]))
        rest = rest[cut:]
    pieces.append(decoder.push(rest))
    assert np.array_equal(np.concatenate(pieces), whole)
    assert len(whole) == len(data) // audio.frame_bytes


def test_pcm_is_little_endian_and_interleaved() -> None:
    frames = Decoder(AudioFormat(channels=("customer", "agent"))).push(b"\x01\x00\xff\xff\x00\x80\xff\x7f")
    assert frames.tolist() == [[1, -1], [-32768, 32767]]


def test_mulaw_is_what_libsndfile_decodes() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(256, np.int16), 8000, "ULAW", format="WAV")
    header = file.getvalue()[:-256]
    decoded, _ = soundfile.read(io.BytesIO(header + bytes(range(256))), dtype="int16")
    assert np.array_equal(MULAW, decoded)


@pytest.mark.parametrize("rate", RATES)
def test_resampling_does_not_depend_on_the_cuts(rate: int) -> None:
    samples = voice(0.7, sample_rate=rate)
    rng = np.random.default_rng(rate)
    whole, cut = Tape(rate), Tape(rate)
    whole.push(samples)
    start = 0
    while start < len(samples):
        size = int(rng.integers(1, 2000))
        cut.push(samples[start : start + size])
        start += size
    assert cut.end == whole.end
    assert cut.read(0, cut.end) == whole.read(0, whole.end)
    cut.finish()
    assert cut.end == len(samples) // (rate // 100) * GRID


@pytest.mark.parametrize("rate", RATES)
def test_resampled_speech_is_the_speech(rate: int) -> None:
    samples = voice(1.0, sample_rate=rate)
    tape = Tape(rate)
    tape.push(samples)
    tape.finish()
    got = np.frombuffer(tape.read(0, tape.end), np.int16).astype(float)
    want = soxr.resample(samples.astype(np.float32), rate, SAMPLE_RATE)[: len(got)]
    noise = np.mean((got - want) ** 2) + 1e-9
    assert 10 * np.log10(np.mean(want**2) / noise) > 60


@pytest.mark.parametrize("rate", RATES)
def test_what_follows_a_place_depends_on_nothing_before_it(rate: int) -> None:
    samples = voice(1.0, sample_rate=rate)
    place = 37 * GRID
    wound, fresh = Tape(rate), Tape(rate, start=place)
    wound.push(samples)
    wound.rewind(place)
    fresh.push(samples[place * rate // SAMPLE_RATE :])
    for tape in (wound, fresh):
        tape.finish()
    assert wound.end == fresh.end
    assert wound.read(place, wound.end) == fresh.read(place, fresh.end)


@pytest.mark.parametrize("rate", RATES)
def test_a_gap_moves_the_clock_and_nothing_else(rate: int) -> None:
    samples = voice(0.5, sample_rate=rate)
    tape = Tape(rate)
    tape.push(samples[: rate // 4 + 3])  # three frames that fill no block lead what follows
    tape.finish()
    assert tape.end == 4000
    tape.skip(16_000)
    assert tape.end == 20_000
    tape.push(samples[: rate // 100 - 3])
    tape.finish()
    assert tape.end == 20_160


def test_forgotten_audio_is_let_go() -> None:
    tape = Tape(48_000)
    for _ in range(100):
        tape.push(voice(0.1, sample_rate=48_000))
        tape.forget(tape.end - GRID, tape.end - GRID)
    assert len(tape._call) + len(tape._native) < 48_000


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"encoding": "opus"}, UnsupportedAudio),
        ({"sample_rate": 11_025}, UnsupportedAudio),
        ({"channels": ()}, BadStart),
        ({"channels": ("customer", "customer")}, BadStart),
        ({"channels": ("customer", "music")}, BadStart),
    ],
)
def test_what_cannot_be_served_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        AudioFormat(**change)  # type: ignore[arg-type]


def test_a_format_knows_its_size() -> None:
    audio = AudioFormat("pcm_s16le", 8000, ("customer", "agent"))
    assert (audio.frame_bytes, audio.block, audio.duration_sec(32_000)) == (4, 80, 1.0)
