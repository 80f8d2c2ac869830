"""Codecs are the standard's: ffmpeg, where it is there, hears the same in their tables and bytes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.voices import voice
from train import codecs
from train.codecs import CODECS, GSM, OPUS, Codec

FFMPEG = shutil.which("ffmpeg") or ""
with_ffmpeg = pytest.mark.skipif(not FFMPEG, reason="ffmpeg is not here")
EVERY = np.arange(-32_768, 32_768).astype(np.int16)
"""Each of the 16-bit samples once."""


def ffmpeg(data: bytes, *options: str) -> bytes:
    command = [FFMPEG, "-v", "error", *options, "-"]
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=30).stdout


def g711(samples: np.ndarray, law: str) -> np.ndarray:
    line = ("-ar", "8000", "-ac", "1")
    coded = ffmpeg(samples.tobytes(), "-f", "s16le", *line, "-i", "-", "-f", law)
    return np.frombuffer(ffmpeg(coded, "-f", law, *line, "-i", "-", "-f", "s16le"), np.int16)


def speech(codec: Codec) -> codecs.Audio:
    return voice(1.2, sample_rate=codec.rate).astype(np.float32)


@with_ffmpeg
@pytest.mark.parametrize(
    ("law", "through", "levels"),
    [("mulaw", codecs.mulaw, codecs.mulaw_levels()), ("alaw", codecs.alaw, codecs.alaw_levels())],
)
def test_both_laws_of_g711_are_ffmpegs(
    law: str, through: Callable[[codecs.Audio], codecs.Audio], levels: np.ndarray
) -> None:
    theirs = g711(EVERY, law)
    assert np.array_equal(np.unique(theirs), levels)
    # ffmpeg drops the last two or three bits before it looks for the level, so it may differ right at a threshold.
    other = np.flatnonzero(through(EVERY.astype(np.float32)) != theirs)
    thresholds = (levels[1:] + levels[:-1]) / 2
    assert np.abs(EVERY[other][:, None] - thresholds).min(axis=1).max() <= 4


@pytest.mark.parametrize(
    ("levels", "count", "top"), [(codecs.mulaw_levels(), 255, 32_124), (codecs.alaw_levels(), 256, 32_256)]
)
def test_a_law_has_the_levels_of_g711_and_keeps_them(levels: np.ndarray, count: int, top: int) -> None:
    assert (len(levels), levels.min(), levels.max()) == (count, -top, top)
    assert np.array_equal(codecs.compand(levels, levels), levels)


@given(st.integers(-32_768, 32_767))
def test_g711_moves_no_sample_by_more_than_a_twentieth_or_the_finest_step(sample: int) -> None:
    for through in (codecs.mulaw, codecs.alaw):
        (heard,) = through(np.array([sample], np.float32))
        assert abs(heard - sample) <= max(8, abs(sample) / 20)


def test_weights_are_shares_and_every_codec_runs_with_the_library_we_depend_on() -> None:
    assert sum(codec.weight for codec in CODECS) == pytest.approx(1)
    assert codecs.offered() == CODECS
    assert codecs.missing() == ()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_codec_keeps_the_voice_where_it_was_and_answers_twice_the_same(codec: Codec) -> None:
    sent = speech(codec)
    heard = codec.through(sent)
    assert np.array_equal(heard, codec.through(sent))
    assert 0 <= len(heard) - len(sent) <= 320
    match = np.correlate(heard[: len(sent)], sent, "full")
    assert match.argmax() == len(sent) - 1  # no delay
    assert np.corrcoef(heard[: len(sent)], sent)[0, 1] > 0.85


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@settings(max_examples=15, deadline=None)
@given(audio=arrays(np.float32, st.integers(1, 700), elements=st.floats(-32_768, 32_767, width=32)))
def test_a_codec_takes_any_sound(codec: Codec, audio: np.ndarray) -> None:
    heard = codec.through(audio)
    assert heard.dtype == np.float32
    assert len(heard) >= len(audio)
    assert np.isfinite(heard).all()


@with_ffmpeg
@pytest.mark.parametrize(("kind", "rate", "kbps"), [(GSM, 8_000, None), (OPUS, 8_000, 12.0), (OPUS, 16_000, 24.0)])
def test_ffmpeg_hears_the_same_in_the_bytes(kind: tuple[str, str], rate: int, kbps: float | None) -> None:
    sent = voice(1.2, sample_rate=rate).astype(np.float32)
    file = codecs.encode(sent, rate, *kind, kbps)
    theirs = np.frombuffer(ffmpeg(file, "-i", "-", "-f", "s16le", "-ar", str(rate), "-ac", "1"), np.int16)
    ours = codecs.decode(file)
    length = min(len(theirs), len(ours), len(sent))
    theirs, ours = theirs[:length].astype(np.float32), ours[:length]
    match = np.correlate(theirs, ours, "full") / np.sqrt(np.sum(theirs**2) * np.sum(ours**2))
    # ffmpeg decodes Opus at 48 kHz: its way down to the line's rate may shift the sound by part of a sample.
    assert abs(int(match.argmax()) - (length - 1)) <= 1
    assert match.max() > 0.99


def test_opus_keeps_near_its_bit_rate() -> None:
    sent = np.tile(voice(1.2).astype(np.float32), 4)
    for kbps in (12, 24):
        size = len(codecs.encode(sent, 16_000, *OPUS, kbps))
        assert size * 8 / (len(sent) / 16_000) == pytest.approx(kbps * 1000, rel=0.5)


def test_codecs_are_drawn_by_weight() -> None:
    rng = np.random.default_rng(0)
    names = [codecs.draw(rng).name for _ in range(4_000)]
    for codec in CODECS:
        assert names.count(codec.name) / len(names) == pytest.approx(codec.weight, abs=0.03)


def test_a_library_without_opus_offers_the_other_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"WAV": {"GSM610": ""}, "OGG": {"VORBIS": ""}}
    monkeypatch.setattr(soundfile, "available_subtypes", there.__getitem__)
    codecs.offered.cache_clear()
    try:
        assert [codec.name for codec in codecs.offered()] == ["mulaw", "alaw", "gsm"]
        assert all(name.startswith("opus") for name in codecs.missing())
        rng = np.random.default_rng(0)
        assert {codecs.draw(rng).name for _ in range(200)} == {"mulaw", "alaw", "gsm"}
    finally:
        codecs.offered.cache_clear()
