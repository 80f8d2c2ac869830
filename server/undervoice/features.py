"""Log filter-bank energies as ``python_speech_features`` defines them, and a segment's quality.

The numbers are those of ``python_speech_features.logfbank(samples, 16000, nfilt=bands, nfft=512)``,
computed with one real FFT instead of a full one, in single precision: about four times faster,
and held equal to that definition by a property test.
"""

from __future__ import annotations

import math
from functools import lru_cache

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
