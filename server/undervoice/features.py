"""What models hear: two kinds of log mel energies; and a segment's quality.

``logfbank`` gives the numbers of ``python_speech_features.logfbank(samples, 16000, nfilt=bands,
nfft=512)``, ``log_mel`` those of Whisper's front end. Both are computed with one real FFT in single
precision, several times faster than their definitions, and held equal to those by property tests.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import python_speech_features as psf
import scipy.fft

from undervoice.emotion import SAMPLE_RATE, Quality, Samples, Segment
from undervoice.noise import level_dbfs, voice_level_dbfs

Features = npt.NDArray[np.float32]
"""``float32[frames, bands]``."""

FRAME = 400
"""Samples (25 ms) in one frame."""
HOP = 160
"""Samples (10 ms) from one frame to the next."""
NFFT = 512
WHISPER_BANDS = 80
WHISPER_NFFT = 400
REFLECTED = WHISPER_NFFT // 2
"""Samples by which Whisper's front end mirrors the audio at both ends: frames stand around their places."""
WHISPER_RANGE = 8.0
"""Powers of ten below a segment's loudest band at which Whisper's energies are floored."""
PREEMPHASIS = np.float32(0.97)
CLIPPED = 32_700
"""Absolute sample values from here on count as clipped."""


@lru_cache(maxsize=4)
def filterbank(bands: int) -> npt.NDArray[np.float32]:
    """Return the mel filters, ``float32[NFFT // 2 + 1, bands]``, scaled for a power spectrum."""
    filters = psf.get_filterbanks(nfilt=bands, nfft=NFFT, samplerate=SAMPLE_RATE)
    return np.ascontiguousarray(filters.T / NFFT, dtype=np.float32)


def frame_count(length: int) -> int:
    """Return how many frames ``length`` samples give: the last one is padded with zeros."""
    return 1 if length <= FRAME else 1 + math.ceil((length - FRAME) / HOP)


def logfbank(samples: Samples, bands: int = 40) -> Features:
    """Return log mel energies, ``float32[frames, bands]``, of mono 16 kHz audio."""
    frames = frame_count(len(samples))
    signal = np.zeros((frames - 1) * HOP + FRAME, np.float32)
    signal[: len(samples)] = samples
    signal[1 : len(samples)] -= PREEMPHASIS * signal[: len(samples) - 1].copy()
    windows = np.lib.stride_tricks.sliding_window_view(signal, FRAME)[::HOP]
    spectrum = scipy.fft.rfft(windows, NFFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    energies = power @ filterbank(bands)
    return np.log(np.where(energies > 0, energies, np.float32(np.finfo(float).eps)))  # psf: log(0) becomes log(eps)


@lru_cache(maxsize=1)
def whisper_filters() -> npt.NDArray[np.float32]:
    """Return Slaney's mel filters for a power spectrum, ``float32[WHISPER_NFFT // 2 + 1, WHISPER_BANDS]``."""
    places = np.fft.rfftfreq(WHISPER_NFFT, 1 / SAMPLE_RATE)
    corners = _slaney_hz(np.linspace(0, _slaney_mel(SAMPLE_RATE / 2), WHISPER_BANDS + 2))
    below, above = corners[1:-1] - corners[:-2], corners[2:] - corners[1:-1]
    rising = (places[:, None] - corners[:-2]) / below
    falling = (corners[2:] - places[:, None]) / above
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (below + above)  # each has an area of one
    return np.ascontiguousarray(filters, dtype=np.float32)


def _slaney_mel(hz: float) -> float:
    """Return the mel of a frequency of at least 1 kHz on Slaney's scale: linear up to there, then logarithmic."""
    return 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def _slaney_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


@lru_cache(maxsize=1)
def whisper_window() -> npt.NDArray[np.float32]:
    """Return the periodic Hann window, ``float32[WHISPER_NFFT]``, scaled for samples of 16 bits."""
    return np.asarray(np.hanning(WHISPER_NFFT + 1)[:-1] / 32_768, np.float32)


def whisper_frame_count(length: int) -> int:
    """Return how many frames ``length`` samples give: one each 10 ms, at least one."""
    return max(1, length // HOP)


def log_mel(samples: Samples) -> Features:
    """Return Whisper's log mel energies, ``float32[frames, WHISPER_BANDS]``, of mono 16 kHz audio."""
    # Audio that is too short to be mirrored stands between zeros.
    mode: Literal["reflect", "constant"] = "reflect" if len(samples) > REFLECTED else "constant"
    signal = np.pad(samples, REFLECTED, mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(signal, WHISPER_NFFT)[::HOP]
    spectrum = scipy.fft.rfft(windows[: whisper_frame_count(len(samples))] * whisper_window(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    energies = np.log10(np.maximum(power @ whisper_filters(), np.float32(1e-10)))
    floored: Features = np.maximum(energies, energies.max() - np.float32(WHISPER_RANGE))
    return (floored + np.float32(4)) / np.float32(4)


def quality(segment: Segment) -> Quality:
    """Measure how well a segment could be heard."""
    # numpy's abs wraps at −32768, so both rails are compared on their own.
    clipped = int(np.count_nonzero((segment.samples >= CLIPPED) | (segment.samples <= -CLIPPED)))
    return Quality(
        level_dbfs=round(level_dbfs(segment.samples), 1),
        snr_db=round(max(0.0, voice_level_dbfs(segment.samples) - segment.noise_dbfs), 1),
        clipped=round(clipped / max(1, len(segment.samples)), 4),
        short=segment.short,
    )
