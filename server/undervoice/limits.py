"""How much one client may have: connections, and audio ahead of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from undervoice.auth import Principal
from undervoice.errors import Overloaded, TooMany

AHEAD_SEC = 35.0
"""How far a live client may be ahead of real time: what it kept while its connection was lost."""
CATCH_UP = 2.0
"""How fast it may send past that, in times real time."""
PATIENCE_SEC = 30.0
"""How long a client may stay faster than that."""


@dataclass(slots=True)
class Pace:
    """A token bucket of audio seconds for one live call."""

    at: float
    """When it was last filled, monotonic seconds."""
    left: float = AHEAD_SEC
    slow_since: float | None = None

    def take(self, audio_sec: float, now: float) -> float:
        """Take audio that has come; return for how many seconds not to read.

        Raises:
            TooMany: when the client has been too fast for too long.
        """
        self.left = min(AHEAD_SEC, self.left + (now - self.at) * CATCH_UP) - audio_sec
        self.at = now
        if self.left >= 0:
            self.slow_since = None
            return 0.0
        self.slow_since = now if self.slow_since is None else self.slow_since
        if now - self.slow_since > PATIENCE_SEC:
            raise TooMany("audio keeps coming faster than twice real time", code="too_fast")
        return -self.left / CATCH_UP


PER_ROLE = {"agent": 4, "supervisor": 8}
"""Sockets that one token may hold; an integrator's may hold all."""


class Connections:
    """Counts open sockets, for all clients together and for each token."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    def open(self, principal: Principal) -> None:
        """Count one more.

        Raises:
            Overloaded: the server is full.
            TooMany: this token has its share.
        """
        if self._open.total() >= self.most:
            raise Overloaded("the server is full", code="full", retry_after_ms=5000)
        if self._open[principal.token_id] >= PER_ROLE.get(principal.role, self.most):
            raise TooMany("this token has as many connections as it may have", code="too_many_connections")
        self._open[principal.token_id] += 1

    def close(self, principal: Principal) -> None:
        """Count one less."""
        self._open[principal.token_id] -= 1
        if not self._open[principal.token_id]:
            del self._open[principal.token_id]
