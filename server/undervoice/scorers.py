"""What scores segments, and what that costs as the service runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from undervoice.emotion import Scores, Segment
from undervoice.histogram import Histogram

BATCH = 8
"""Most segments scored in one go: more gain little."""
BATCH_SEC = 0.02
"""About how long one go may take: the first segment of a batch waits for its last."""
SMOOTHING = 0.1
SEGMENT_SEC = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.2)
LEAST_SEC = 1e-5
"""What a segment costs at least, whatever the clock says."""
OUTLIER = 2.0
"""Most, in times the smoothed cost, that one go counts: a machine that stood still for once says nothing."""


class Scorer(Protocol):
    """What scores segments: a ``Model``."""

    segment_sec: float
    """What a segment is thought to cost at first."""

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        """Return each segment's scores, in order."""


class Measured:
    """A scorer whose cost is known; may be used from several threads at once."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.segment_sec = scorer.segment_sec
        """Smoothed cost of one segment."""
        self.costs = Histogram(SEGMENT_SEC)
        """Seconds that a segment took, whoever counts them holding a lock."""
        self._goes = 0

    @property
    def at_once(self) -> int:
        """How many segments to score in one go."""
        return max(1, min(BATCH, int(BATCH_SEC / self.segment_sec)))

    def score(self, segments: Sequence[Segment]) -> Sequence[Scores | Exception]:
        """Return each segment's scores, in order, or what kept it from being scored."""
        began = time.perf_counter()
        try:
            return self._scorer.score(segments)
        except Exception as error:  # whatever a model throws must reach the calls, not end the thread
            return [error] * len(segments)
        finally:
            self._learn((time.perf_counter() - began) / len(segments))

    def _learn(self, cost_sec: float) -> None:
        # A mean at first: what was thought while the service started may tell of a busy machine more than of the model.
        self._goes += 1
        heeded = min(max(cost_sec, LEAST_SEC), OUTLIER * self.segment_sec)
        self.segment_sec += max(SMOOTHING, 1 / self._goes) * (heeded - self.segment_sec)
