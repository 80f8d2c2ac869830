"""Summary features on sounds whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voices import noise, silence, voice
from train import summary
from train.summary import FRAME, frames_of, names, pitch_hz, summarise
from undervoice.emotion import SAMPLE_RATE, Samples


def tone(hz: float, seconds: float = 0.5, level: float = 0.3, harmonics: int = 1) -> Samples:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, harmonics + 1))
    return np.rint(np.asarray(sound) * level * 16_000).astype(np.int16)


def power(samples: Samples) -> np.ndarray:
    return np.abs(np.fft.rfft(frames_of(samples) * np.hanning(FRAME), axis=1)) ** 2


@settings(max_examples=25, deadline=None)
@given(st.floats(70, 400), st.integers(1, 8))
def test_the_pitch_of_a_tone_is_found_without_an_octave_error(hz: float, harmonics: int) -> None:
    assert pitch_hz(frames_of(tone(hz, harmonics=harmonics))) == pytest.approx(hz, rel=0.03)


def test_noise_and_silence_have_hardly_any_pitch() -> None:
    for sound in (noise(1.0, level=0.1), np.zeros(16_000, np.int16)):
        assert np.mean(np.isnan(pitch_hz(frames_of(sound)))) > 0.95


def test_an_a_is_an_a_in_every_octave() -> None:
    for hz in (220, 440, 880, 1760):
        assert np.all(summary.chroma(power(tone(hz))).argmax(axis=1) == 0)


def test_the_centroid_of_a_tone_is_its_frequency() -> None:
    assert summary.centroid(power(tone(2000))) == pytest.approx(2.0, rel=0.05)


def test_a_tone_crosses_zero_twice_a_period() -> None:
    assert summary.crossings(frames_of(tone(1000))) == pytest.approx(2 * 1000 / SAMPLE_RATE, rel=0.03)


def test_twice_as_loud_is_6_db_and_nothing_else_but_the_energy() -> None:
    sound = voice(1.0, level=0.1)
    one, other = summarise([sound]), summarise([2 * sound])
    changed = {name for name, a, b in zip(names(), one, other, strict=True) if abs(a - b) > 0.05 * (1 + abs(a))}
    assert changed == {"mfcc_0_mean", "rms_db_mean"}
    place = names().index("rms_db_mean")
    assert other[place] - one[place] == pytest.approx(6.02, abs=0.05)


def test_a_higher_voice_has_a_higher_pitch() -> None:
    low, high = (summarise([voice(1.0, pitch_hz=hz)])[names().index("pitch_mean")] for hz in (110, 220))
    assert high - low == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("sound", [np.zeros(1, np.int16), np.zeros(8000, np.int16), silence(0.5), tone(100, 0.001)])
def test_every_stretch_has_finite_features(sound: Samples) -> None:
    found = summarise([sound])
    assert found.shape == (len(names()),)
    assert np.all(np.isfinite(found))


def test_the_order_of_segments_does_not_matter() -> None:
    parts = [voice(0.8, pitch_hz=120), voice(1.2, pitch_hz=180, level=0.05)]
    assert summarise(parts) == pytest.approx(summarise(parts[::-1]))
