"""Where a clip's speech is, and the segments of it that a model gets to hear."""

from __future__ import annotations

import numpy as np

from undervoice.emotion import SAMPLE_RATE, Samples

WINDOW = 40_000
"""Samples (2.5 s): the longest segment the product scores by default."""
LEAST = 8_000
"""Samples (0.5 s): the shortest rest that is a segment."""
STEP = 160
"""Samples (10 ms) in one step of the energy curve."""
PREROLL = 3_200
"""Samples (200 ms) kept before the speech, as the product does."""
DEPTH_DB = 35.0
"""Speech is what lies less than this under the clip's loudest 10 ms …"""
OVER_NOISE_DB = 9.0
"""… and at least this over its quietest tenth."""


def levels_db(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the level of each 10 ms, ``float64[steps]``."""
    steps = max(1, len(samples) // STEP)
    audio = np.resize(samples, steps * STEP) if len(samples) < STEP else samples[: steps * STEP]
    power = np.mean(audio.astype(np.float64).reshape(steps, STEP) ** 2, axis=1)
    return np.asarray(10 * np.log10(power + 1.0))


def trim(samples: Samples) -> Samples:
    """Return the stretch from the first to the last loud 10 ms, with a pre-roll."""
    levels = levels_db(samples)
    peak = float(levels.max())
    floor = min(float(np.quantile(levels, 0.1)) + OVER_NOISE_DB, peak - 6)
    loud = np.flatnonzero(levels >= max(peak - DEPTH_DB, floor))
    start = max(0, int(loud[0]) * STEP - PREROLL)
    return samples[start : (int(loud[-1]) + 1) * STEP]


def cut_windows(samples: Samples) -> list[Samples]:
    """Return the trimmed speech in windows of 2.5 s; a rest under 0.5 s is dropped, unless it is all."""
    speech = trim(samples)
    pieces = [speech[start : start + WINDOW] for start in range(0, max(1, len(speech)), WINDOW)]
    return [piece for piece in pieces if len(piece) >= LEAST] or pieces[:1]


def segments(samples: Samples) -> list[Samples]:
    """Return the segments a model is judged on."""
    return cut_windows(samples)


def seconds(samples: Samples) -> float:
    """Return a stretch's length in seconds."""
    return len(samples) / SAMPLE_RATE
