"""Who needs somebody first, so that nobody waits for ever.

Every newcomer makes all who wait a step older. Since all age alike, the order never changes by waiting: it
is that of ``score − step × arrival number``, which stays as it is, so one heap holds the queue and nothing in
it is ever touched again. A later caller is served first only where the scores differ by more than
the steps between the arrivals; scores have a range, so that ``range / step`` bounds how many can.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

UPSET_WEIGHT, AROUSAL_WEIGHT, WORDS_WEIGHT, STEP = 100, 20, 20, 5
LEAST_SERVICES = 5
"""Services that a time estimate must rest on."""
TENTHS = 10
"""Scores are told to a tenth, and compared as whole tenths: what looks equal is equal."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much, in points of priority."""

    upset: int = UPSET_WEIGHT
    arousal: int = AROUSAL_WEIGHT
    words: int = WORDS_WEIGHT
    """The worst words add this much, the kindest take it away."""
    step: int = STEP
    """What one later caller adds to the age of all who wait; at least 1."""

    @property
    def range(self) -> int:
        """How far two scores can lie apart."""
        return self.upset + self.arousal + 2 * self.words

    @property
    def bound(self) -> int:
        """How many later callers can be served before somebody, at most, whatever they sound like."""
        return _fewer_steps(TENTHS * self.range, self.step)


DEFAULT = Weights()


def priority(
    upset_score: float, arousal: float, words: float = 0.0, age: float = 0.0, *, weights: Weights = DEFAULT
) -> float:
    """Return how much a caller needs somebody: the one formula of the product.

    ``upset_score`` and ``arousal`` are 0…1, ``words`` are points (−20…20) from what was said (0 where no
    transcript is fused), ``age`` grows with every caller who came later.
    """
    felt = weights.upset * _within(upset_score, 0, 1) + weights.arousal * _within(arousal, 0, 1)
    return round(felt + _within(words, -weights.words, weights.words) + age, 1)


def words_points(polarity: float, weights: Weights = DEFAULT) -> float:
    """Return what words of a polarity, −1 (hard) … 1 (kind), add to a priority."""
    return round(0.0 - weights.words * _within(polarity, -1, 1), 1)


def place(score: float, arrival: int, weights: Weights = DEFAULT) -> tuple[int, int]:
    """Return where a caller stands, the smallest first; of equals the earlier one."""
    return weights.step * TENTHS * arrival - _tenths(score), arrival


def still_pass(score: float, arrival: int, newest: int, weights: Weights = DEFAULT) -> int:
    """Return how many of those who have not come yet can be served before a caller, at most.

    Args:
        score: the caller's priority without age.
        arrival: the caller's number.
        newest: the number of whoever came last.
        weights: what counts how much.
    """
    highest = TENTHS * (weights.upset + weights.arousal + weights.words)
    return max(0, _fewer_steps(highest - _tenths(score), weights.step) - (newest - arrival))


class Line:
    """Who waits, by name, the first on top of one heap."""

    def __init__(self, weights: Weights = DEFAULT) -> None:
        self._weights = weights
        self._heap: list[tuple[tuple[int, int], str]] = []
        self._newest = 0

    def __len__(self) -> int:
        return len(self._heap)

    def join(self, name: str, score: float) -> None:
        """Add a newcomer with a priority without age; everybody else is a step older now."""
        self._newest += 1
        heapq.heappush(self._heap, (place(score, self._newest, self._weights), name))

    def serve(self) -> str:
        """Take out whoever comes first.

        Raises:
            IndexError: nobody waits.
        """
        return heapq.heappop(self._heap)[1]


def service_sec(services: Sequence[tuple[float, float]]) -> float | None:
    """Return the mean time between two services while somebody waited; ``None`` while too few are known.

    All who serve count together, however many they are.

    Args:
        services: when each came and when it was served, in seconds of one clock.
    """
    served = sorted(services, key=lambda service: service[1])
    between = [max(0.0, left - max(came, before)) for (_, before), (came, left) in itertools.pairwise(served)]
    return sum(between) / len(between) if len(between) >= LEAST_SERVICES else None


def _fewer_steps(tenths: int, step: int) -> int:
    """Return the most steps that are less than a difference: one of as many steps does not pass any more."""
    return max(0, -(-tenths // (TENTHS * step)) - 1)


def _tenths(score: float) -> int:
    return round(TENTHS * score)


def _within(value: float, least: float, most: float) -> float:
    return min(most, max(least, value))
