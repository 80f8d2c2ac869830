"""How often a figure fell into which range: cheap enough to count every segment and every request."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence


class Histogram:
    """Counts by upper bound, and the sum of all that was seen.

    Args:
        bounds: the ranges' inclusive upper ends, rising; one more range is above the last.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def see(self, value: float, times: int = 1) -> None:
        """Count a figure."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def see_all(self, values: Iterable[float]) -> None:
        """Count figures."""
        for value in values:
            self.see(value)

    @property
    def count(self) -> int:
        """How many were seen."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """Return for each bound, infinity last, how many were at most that."""
        seen, rows = 0, []
        for bound, count in zip((*self.bounds, float("inf")), list(self.counts), strict=True):
            seen += count
            rows.append((bound, seen))
        return rows
