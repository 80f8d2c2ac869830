"""The features are those of ``python_speech_features``."""

from __future__ import annotations

import numpy as np
import pytest
import python_speech_features as psf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.voices import noise, silence, voice
from undervoice.emotion import Segment
from undervoice.features import frame_count, logfbank, quality

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


def test_quality_says_how_well_a_segment_was_heard() -> None:
    loud = np.clip(voice(1.0, level=0.9).astype(int) * 4, -32768, 32767).astype(np.int16)
    heard = quality(Segment("customer", 0, 16_000, loud, "window", noise_dbfs=-60.0))
    assert heard.clipped > 0.05
    assert heard.level_dbfs > -12
    assert heard.snr_db > 40
    none = quality(Segment("customer", 0, 1600, np.zeros(1600, np.int16), "flush", noise_dbfs=-60.0, short=True))
    assert (none.level_dbfs, none.snr_db, none.clipped, none.short) == (-100.0, 0.0, 0.0, True)
