"""The noise under the speech: what a frame must stand out of to count as a voice."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from undervoice.emotion import Samples

SILENCE_DBFS = -100.0
"""The level given to digital silence."""
FULL_SCALE = 32_768.0
COMB = 8
"""Samples (0.5 ms) between the two taps of the comb that takes rumble, hum and offset away."""


def level_dbfs(samples: Samples) -> float:
    """Return the root mean square level of ``int16[n]`` in dB relative to full scale."""
    wide = samples.astype(np.float32)
    return _dbfs(float(np.dot(wide, wide)), len(wide))


def voice_level_dbfs(samples: Samples) -> float:
    """Return the level of ``int16[n]`` in the band of voices.

    The difference of samples 0.5 ms apart falls by 10 dB at 100 Hz and 30 dB at 10 Hz, and keeps
    white noise as it is: wind, mains hum and a converter's offset count for little.
    """
    wide = samples.astype(np.float64)
    comb = wide[COMB:] - wide[:-COMB]
    # Whole numbers far below 2⁵³: exact in whatever order they are added, so that every machine finds the same speech.
    # And numpy keeps the interpreter's lock for so few, which np.dot gives away: a loop that does many of these would
    # wait for other threads each time.
    return _dbfs(float(np.vecdot(comb, comb)) / 2, len(comb))


def _dbfs(energy: float, count: int) -> float:
    if energy <= 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(energy / max(1, count) / FULL_SCALE**2))


class NoiseState(msgspec.Struct, frozen=True):
    """What ``NoiseFloor`` remembers: minima of past blocks, the block under way, the latest levels."""

    minima: tuple[float, ...] = ()
    current: float = 0.0
    count: int = 0
    recent: tuple[float, ...] = ()


class NoiseFloor:
    """Tracks the noise under the speech by minimum statistics.

    The floor is the lowest frame level of the last two seconds: steady noise becomes the floor,
    speech never does, since it dips between syllables (after R. Martin, "Noise power spectral
    density estimation based on optimal smoothing and minimum statistics", IEEE TSAP 9(5), 2001).
    """

    BLOCK = 17
    """Frames (half a second) in a block."""
    BLOCKS = 4
    LEAST_DBFS = -66.0
    MARGIN_DB = 6.0
    """How far speech stands over the floor."""
    STEADY_FRAMES, STEADY_DB = 10, 3.0
    """Levels that stay this close for this long are a hum, not a voice."""

    def __init__(self, state: NoiseState | None = None) -> None:
        state = state or NoiseState()
        # Lists: a deque holds room for 64 from the start, and there are thousands of calls.
        self._minima = list(state.minima)
        self._lowest = min(self._minima, default=0.0)
        self._current, self._count = state.current, state.count
        self._recent = list(state.recent)

    def state(self) -> NoiseState:
        """Return all that is remembered."""
        return NoiseState(tuple(self._minima), self._current, self._count, tuple(self._recent))

    @property
    def dbfs(self) -> float:
        """The floor now."""
        floor = self._current if self._count and self._current < self._lowest else self._lowest
        return floor if floor > self.LEAST_DBFS else self.LEAST_DBFS

    def hear(self, level: float) -> bool:
        """Take one frame's level in dBFS; return whether something stands out of the noise."""
        if self._count == self.BLOCK:
            self._minima = [*self._minima, self._current][1 - self.BLOCKS :]
            self._lowest = min(self._minima)
            self._count = 0
        if self._count == 0 or level < self._current:
            self._current = level
        self._count += 1
        self._recent.append(level)
        if len(self._recent) > self.STEADY_FRAMES:
            del self._recent[0]
        if level < self.dbfs + self.MARGIN_DB:
            return False
        steady = len(self._recent) == self.STEADY_FRAMES and max(self._recent) - min(self._recent) < self.STEADY_DB
        return not steady
