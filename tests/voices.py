"""Made sounds with known places: a voice that the VAD takes for one, silence, and noises."""

from __future__ import annotations

import numpy as np

from undervoice.emotion import SAMPLE_RATE, Samples

FULL = 32_768


def _sec(seconds: float, sample_rate: int) -> int:
    return round(seconds * sample_rate)


def voice(seconds: float, *, pitch_hz: float = 140.0, level: float = 0.2, sample_rate: int = SAMPLE_RATE) -> Samples:
    """Return a buzz with vocal formants, its loudness swaying as syllables do."""
    t = np.arange(_sec(seconds, sample_rate)) / sample_rate
    glide = pitch_hz * (t + 0.03 * np.sin(2 * np.pi * 0.7 * t))
    signal = np.zeros_like(t)
    for harmonic in range(1, int(3400 / pitch_hz)):
        frequency = harmonic * pitch_hz
        gain = sum(np.exp(-(((frequency - f) / w) ** 2)) for f, w in ((550, 250), (1500, 350), (2500, 450)))
        signal += gain * np.sin(2 * np.pi * harmonic * glide)
    signal *= 0.35 + 0.65 * np.sin(2 * np.pi * 2.1 * t) ** 2
    return _pcm(signal / np.abs(signal).max() * level)


def silence(seconds: float, *, level: float = 0.0005, sample_rate: int = SAMPLE_RATE, seed: int = 1) -> Samples:
    """Return a quiet room."""
    return noise(seconds, level=level, sample_rate=sample_rate, seed=seed)


def noise(seconds: float, *, level: float, sample_rate: int = SAMPLE_RATE, seed: int = 1) -> Samples:
    """Return white noise of a root mean square level (1: full scale)."""
    return _pcm(np.random.default_rng(seed).standard_normal(_sec(seconds, sample_rate)) * level)


def pink(seconds: float, *, level: float, seed: int = 1) -> Samples:
    """Return noise that falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(_sec(seconds, SAMPLE_RATE)))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))))
    return _pcm(shaped / shaped.std() * level)


def hum(seconds: float, *, level: float, frequency_hz: float = 50.0) -> Samples:
    """Return mains hum."""
    t = np.arange(_sec(seconds, SAMPLE_RATE)) / SAMPLE_RATE
    return _pcm(level * (np.sin(2 * np.pi * frequency_hz * t) + 0.5 * np.sin(6 * np.pi * frequency_hz * t)))


def _pcm(signal: np.ndarray) -> Samples:
    return np.clip(np.rint(signal * FULL), -FULL, FULL - 1).astype(np.int16)


def sentence(*parts: float) -> Samples:
    """Return voice and silence in turn, each of so many seconds, beginning with silence."""
    pieces = [silence(s, seed=i) if i % 2 == 0 else voice(s, pitch_hz=110 + 17 * i) for i, s in enumerate(parts)]
    return np.concatenate(pieces)
