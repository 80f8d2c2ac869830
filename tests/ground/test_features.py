"""The features are those of ``python_speech_features`` and of Whisper's front end."""

from __future__ import annotations

import math

import numpy as np
import pytest
import python_speech_features as psf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.voices import noise, silence, voice
from undervoice.emotion import Segment
from undervoice.features import frame_count, log_mel, logfbank, quality, whisper_frame_count

PCM = hnp.arrays(np.int16, st.integers(1, 3000), elements=st.integers(-32768, 32767))


def definition(samples: np.ndarray, bands: int) -> np.ndarray:
    return psf.logfbank(samples, 16_000, nfilt=bands, nfft=512)


@settings(deadline=None)
@given(samples=PCM, bands=st.sampled_from([26, 40]))
def test_any_audio_gives_the_energies_of_the_definition(samples: np.ndarray, bands: int) -> None:
    ours, theirs = np.exp(logfbank(samples, bands)), np.exp(definition(samples, bands))
    assert ours.shape == theirs.shape
    # Single precision: what is far below the loudest band of a frame may differ by rounding.
    assert np.all(np.abs(ours - theirs) <= 1e-4 * theirs + 1e-6 * theirs.max(axis=1, keepdims=True))


@pytest.mark.parametrize("samples", [voice(2.5), noise(2.5, level=0.1), silence(1.0), voice(0.5) // 64])
def test_sound_gives_the_numbers_of_the_definition(samples: np.ndarray) -> None:
    assert np.abs(logfbank(samples) - definition(samples, 40)).max() < 2e-3


def test_a_window_has_249_frames() -> None:
    assert logfbank(voice(2.5)).shape == (249, 40)
    assert frame_count(40_000) == 249


def test_digital_silence_has_the_least_energy() -> None:
    assert np.allclose(logfbank(np.zeros(800, np.int16)), definition(np.zeros(800, np.int16), 40))


def slaney_filter(band: int, hz: float) -> float:
    """Return the weight of a frequency in one of 80 triangles, from the published scale, one number at a time."""

    def to_mel(f: float) -> float:
        return f / (200 / 3) if f < 1000 else 15 + math.log(f / 1000) / (math.log(6.4) / 27)

    def to_hz(m: float) -> float:
        return m * 200 / 3 if m < 15 else 1000 * math.exp((math.log(6.4) / 27) * (m - 15))

    low, centre, high = (to_hz(to_mel(8000) * (band + corner) / 81) for corner in (0, 1, 2))
    return max(0.0, min((hz - low) / (centre - low), (high - hz) / (high - centre))) * 2 / (high - low)


FILTERS = np.array([[slaney_filter(band, bin_ * 40.0) for bin_ in range(201)] for band in range(80)])
WAVES = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)


def whisper(samples: np.ndarray) -> np.ndarray:
    """Return Whisper's features in double precision, frame by frame, without a fast transform."""
    audio = [int(sample) / 32768 for sample in samples]
    before, after = (audio[200:0:-1], audio[-2:-202:-1]) if len(audio) > 200 else ([0.0] * 200, [0.0] * 200)
    audio = [*before, *audio, *after]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    rows = []
    for frame in range(max(1, len(samples) // 160)):
        spectrum = WAVES @ (np.array(audio[frame * 160 : frame * 160 + 400]) * window)
        rows.append(np.log10(np.maximum(FILTERS @ np.abs(spectrum) ** 2, 1e-10)))
    return (np.maximum(np.array(rows), np.max(rows) - 8) + 4) / 4


@settings(deadline=None, max_examples=60)
@given(samples=PCM)
def test_any_audio_gives_the_features_of_whisper(samples: np.ndarray) -> None:
    ours = log_mel(samples)
    assert ours.dtype == np.float32
    assert ours.shape == (whisper_frame_count(len(samples)), 80)
    assert np.abs(ours - whisper(samples)).max() < 2e-3


@pytest.mark.parametrize("length", [1, 159, 160, 200, 201, 319, 320, 16_000, 40_000])
def test_voice_of_any_length_gives_the_features_of_whisper(length: int) -> None:
    samples = voice(2.5)[:length]
    ours = log_mel(samples)
    assert ours.shape == (max(1, length // 160), 80)
    assert np.abs(ours - whisper(samples)).max() < 2e-4


def test_silence_gives_the_least_that_whisper_knows() -> None:
    assert np.allclose(log_mel(np.zeros(800, np.int16)), -1.5)


def test_quality_says_how_well_a_segment_was_heard() -> None:
    loud = np.clip(voice(1.0, level=0.9).astype(int) * 4, -32768, 32767).astype(np.int16)
    heard = quality(Segment("customer", 0, 16_000, loud, "window", noise_dbfs=-60.0))
    assert heard.clipped > 0.05
    assert heard.level_dbfs > -12
    assert heard.snr_db > 40
    none = quality(Segment("customer", 0, 1600, np.zeros(1600, np.int16), "flush", noise_dbfs=-60.0, short=True))
    assert (none.level_dbfs, none.snr_db, none.clipped, none.short) == (-100.0, 0.0, 0.0, True)
