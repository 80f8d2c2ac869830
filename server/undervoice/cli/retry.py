"""When a lost call is tried again: at once or soon, then less and less often, and at last no more."""

from __future__ import annotations

import random
from collections.abc import Callable

SOON_SEC = 0.5
"""Within which the first try comes; spread, so that the calls of a lost server do not all come at once."""
LONGEST_SEC = 10.0
PATIENCE_SEC = 600.0
"""How long a call is tried again without getting on."""

RETRIED_CLOSES = frozenset({1001, 1006, 1011, 1012, 1013})
"""Drained, lost, failed, restarted, full: another server, or this one later, takes the call."""
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
"""What a full server answers, and a proxy that has none."""


class Backoff:
    """Jittered exponential back-off over one call. Times are monotonic seconds."""

    def __init__(self, patience_sec: float = PATIENCE_SEC, draw: Callable[[], float] = random.random) -> None:
        self._patience_sec, self._draw = patience_sec, draw
        self._since: float | None = None
        self._tries = 0

    def progress(self) -> None:
        """Note that the call has got on since."""
        self._since, self._tries = None, 0

    def wait(self, now: float, least_sec: float | None = None) -> float | None:
        """Return how long to wait before the next try, ``None`` when it is time to give up.

        Args:
            now: when the connection was lost.
            least_sec: what the server asked for; 0: at once.
        """
        self._since = now if self._since is None else self._since
        bound = min(LONGEST_SEC, SOON_SEC * 2.0**self._tries)
        jittered = bound * self._draw() if self._tries == 0 else bound * (1 + self._draw()) / 2
        if least_sec is not None:
            jittered = max(least_sec, jittered) if least_sec or self._tries else 0.0
        self._tries += 1
        return jittered if now + jittered - self._since < self._patience_sec else None
