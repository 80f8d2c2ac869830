"""Summary features of a clip, as earlier systems used them: how its sound is on average, and how much it moves.

Frames are 64 ms long and 10 ms apart: long enough for two periods of a low voice and for
the semitones of a chroma vector. MFCCs keep the 25 ms that speech recognition gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from undervoice.emotion import SAMPLE_RATE, Samples
from undervoice.features import HOP, logfbank

Vector = npt.NDArray[np.float64]
"""``float64[features]`` of one clip."""
Frames = npt.NDArray[np.float64]
"""``float64[frames, …]``."""

MFCCS = 20
FRAME = 1024
"""Samples (64 ms) in one frame."""
PITCH_HZ = (60.0, 500.0)
VOICED = 0.5
"""A frame has a pitch where a period later it looks at least so much like itself."""
NEAREST = 0.9
"""The first peak that reaches this share of the highest one is the period: later ones are its multiples."""
QUIET = 1e-10


def frames_of(samples: Samples) -> Frames:
    """Return overlapping frames, ``float64[frames, FRAME]``, of −1…1; a short stretch is padded to one frame."""
    signal = samples.astype(np.float64) / 32_768
    signal = np.pad(signal, (0, max(0, FRAME - len(signal))))
    return np.lib.stride_tricks.sliding_window_view(signal, FRAME)[::HOP]


@lru_cache(maxsize=1)
def pitch_classes() -> npt.NDArray[np.float64]:
    """Return which of the twelve pitch classes a frequency bin belongs to, ``float64[FRAME // 2 + 1, 12]``."""
    hz = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)
    classes = np.zeros((len(hz), 12))
    heard = np.flatnonzero((hz >= 55) & (hz <= 5_000))
    classes[heard, np.rint(12 * np.log2(hz[heard] / 440)).astype(int) % 12] = 1.0
    return classes


def chroma(power: Frames) -> Frames:
    """Return each frame's share of power in the twelve pitch classes, ``float64[frames, 12]``; A is the first."""
    energies = power @ pitch_classes()
    return np.asarray(energies / np.maximum(QUIET, energies.sum(axis=1, keepdims=True)))


def centroid(power: Frames) -> Frames:
    """Return each frame's centre of spectral magnitude in kHz, ``float64[frames]``."""
    magnitude = np.sqrt(power)
    khz = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE) / 1000
    return np.asarray(magnitude @ khz / np.maximum(QUIET, magnitude.sum(axis=1)))


def crossings(frames: Frames) -> Frames:
    """Return the share of samples at which the sign changes, ``float64[frames]``."""
    return np.asarray(np.mean(np.signbit(frames[:, 1:]) != np.signbit(frames[:, :-1]), axis=1))


def loudness_db(frames: Frames) -> Frames:
    """Return the root mean square level in dB, ``float64[frames]``, silence at −100."""
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + QUIET))


def pitch_hz(frames: Frames) -> Frames:
    """Return each frame's pitch by autocorrelation, ``float64[frames]``; NaN where there is none.

    The autocorrelation of the windowed frame is divided by that of the window (Boersma 1993).
    """
    window = np.hanning(FRAME)
    shaped = (frames - frames.mean(axis=1, keepdims=True)) * window
    alike, fade = correlation(shaped), correlation(window[None])
    alike = alike / np.maximum(QUIET, alike[:, :1]) / (fade / fade[:, :1])
    shortest, longest = int(SAMPLE_RATE / PITCH_HZ[1]), int(SAMPLE_RATE / PITCH_HZ[0])
    range_ = alike[:, shortest - 1 : longest + 2]
    middle = range_[:, 1:-1]
    peaks = np.where((middle >= range_[:, :-2]) & (middle >= range_[:, 2:]), middle, 0.0)
    best = peaks.max(axis=1, keepdims=True)
    period = shortest + np.argmax(peaks >= NEAREST * best, axis=1)
    return np.where(best[:, 0] >= VOICED, SAMPLE_RATE / period, np.nan)


def correlation(signals: Frames) -> Frames:
    """Return the autocorrelation of each row at lags 0, 1, … samples."""
    spectrum = scipy.fft.rfft(signals, 2 * signals.shape[1], axis=1)
    return np.asarray(scipy.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : signals.shape[1]])


def mfcc(samples: Samples) -> Frames:
    """Return mel-frequency cepstral coefficients, ``float64[frames, MFCCS]``, of the product's own filter bank."""
    return np.asarray(scipy.fft.dct(logfbank(samples, 2 * MFCCS), axis=1, norm="ortho")[:, :MFCCS], np.float64)


def moments(tracks: Sequence[Frames]) -> Vector:
    """Return mean and deviation over time of tracks, and how much they move from frame to frame.

    Args:
        tracks: one ``float64[frames, n]`` a segment; steps are not taken across segments.
    """
    frames = np.concatenate(tracks)
    steps = np.concatenate([np.diff(track, axis=0) for track in tracks])
    moving = steps.std(axis=0) if len(steps) else np.zeros(frames.shape[1])
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0), moving])


def pitch_moments(tracks: Sequence[Frames]) -> Vector:
    """Return the voiced share, and mean, deviation and movement of the pitch in octaves over 100 Hz.

    Args:
        tracks: one ``float64[frames]`` in Hz a segment, NaN where there is no pitch.
    """
    octaves = [np.log2(track / 100) for track in tracks]
    everything = np.concatenate(octaves)
    voiced = everything[~np.isnan(everything)]
    steps = np.concatenate([np.diff(track) for track in octaves])
    steps = steps[~np.isnan(steps)]
    return np.array(
        [
            len(voiced) / len(everything),
            voiced.mean() if len(voiced) else 0.0,
            voiced.std() if len(voiced) else 0.0,
            np.abs(steps).mean() if len(steps) else 0.0,
        ]
    )


def summarise(segments: Sequence[Samples]) -> Vector:
    """Return the summary features of a clip's segments: MFCC, chroma, centroid, crossings, loudness and pitch."""
    cut = [frames_of(segment) for segment in segments]
    powers = [np.abs(scipy.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2 for frames in cut]
    shapes = [np.stack([centroid(p), crossings(f), loudness_db(f)], axis=1) for f, p in zip(cut, powers, strict=True)]
    return np.concatenate(
        [
            moments([mfcc(segment) for segment in segments]),
            moments([chroma(power) for power in powers]),
            moments(shapes),
            pitch_moments([pitch_hz(frames) for frames in cut]),
        ]
    )


def names() -> list[str]:
    """Return what each number of ``summarise`` is."""
    tracks = (
        [f"mfcc_{i}" for i in range(MFCCS)],
        [f"chroma_{i}" for i in range(12)],
        ["centroid", "crossings", "rms_db"],
    )
    parts = [f"{track}_{part}" for group in tracks for part in ("mean", "std", "step") for track in group]
    return [*parts, "voiced", "pitch_mean", "pitch_std", "pitch_step"]
