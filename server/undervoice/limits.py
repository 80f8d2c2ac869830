"""How much one client may have: connections, and audio ahead of time."""

from __future__ import annotations

from dataclasses import dataclass

from undervoice.auth import Principal
from undervoice.errors import Overloaded, TooMany
from undervoice.rates import Buckets, limited
from undervoice.shares import Shares, Tally

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

    @property
    def ahead_sec(self) -> float:
        """How far the client is ahead of twice real time: next to nothing for one that does not catch up."""
        return AHEAD_SEC - self.left

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
"""Sockets that one token may hold, at all servers together; an integrator's may hold all."""


WAITING = 100
"""Sockets of one address that have not sent their start yet."""
STARTS_PER_SEC = 50.0
"""Starts from one address."""
AGENT_STARTS_PER_SEC = 10.0
"""Starts with one agent's token; an integrator's has as many as its address."""


class Connections:
    """Counts open sockets: for all clients together, for each token, and for each address before its start.

    This machine's own address is not limited: there, whoever connects could do worse.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open, self._waiting = Tally(), Tally()
        self._address_starts = Buckets(STARTS_PER_SEC, STARTS_PER_SEC)
        self._token_starts = Buckets(AGENT_STARTS_PER_SEC, 2 * AGENT_STARTS_PER_SEC)

    def __len__(self) -> int:
        return self._open.own.total()

    def share(self, shares: Shares) -> None:
        """Count what clients have at other servers too."""
        for kind, tally in (("sockets", self._open), ("waiting", self._waiting)):
            shares.count(kind, tally)
        for name, buckets in (("address starts", self._address_starts), ("token starts", self._token_starts)):
            shares.spend(name, buckets)

    def open(self, principal: Principal, address: str) -> Seat:
        """Take a seat for one more socket from an address.

        Raises:
            Overloaded: the server is full.
            TooMany: this token, or this address before any start, has its share.
        """
        if len(self) >= self.most:
            raise Overloaded("the server is full", code="full", retry_after_ms=5000)
        most = PER_ROLE.get(principal.role)
        if most is not None and self._open.everywhere(principal.token_id) >= most:
            raise TooMany("this token has as many connections as it may have", code="too_many_connections")
        place = limited(address)
        if place is not None and self._waiting.everywhere(place) >= WAITING:
            raise TooMany("too many connections of this address have sent no start", code="too_many_connections")
        return Seat(self, principal, place)

    def start(self, agent_token: str | None, address: str | None, now: float) -> None:
        """Count one start of an agent's token and of an address.

        Raises:
            TooMany: one of them sends more than its share.
        """
        for shares, client in ((self._token_starts, agent_token), (self._address_starts, address)):
            if client is not None and (wait_sec := shares.take(client, 1, now)):
                raise TooMany("too many calls start", code="too_many_starts", retry_after_ms=round(1000 * wait_sec) + 1)

    def count(self, token_id: str, address: str | None, change: int) -> None:
        """Add to a token's sockets, or with an address to those that wait for their start."""
        tally, client = (self._open, token_id) if address is None else (self._waiting, address)
        tally.add(client, change)


class Seat:
    """One socket's place in the counts."""

    def __init__(self, connections: Connections, principal: Principal, address: str | None) -> None:
        self._connections, self._token_id, self._address = connections, principal.token_id, address
        self._agent_token = principal.token_id if principal.is_agent else None
        self._waiting = address is not None
        connections.count(self._token_id, None, +1)
        if self._waiting:
            connections.count(self._token_id, address, +1)

    def started(self, now: float) -> None:
        """Note that the start has come; ``now`` in monotonic seconds.

        Raises:
            TooMany: too many start with its token or from its address.
        """
        self._wait_no_more()
        self._connections.start(self._agent_token, self._address, now)

    def _wait_no_more(self) -> None:
        if self._waiting:
            self._waiting = False
            self._connections.count(self._token_id, self._address, -1)

    def close(self) -> None:
        """Give the place back."""
        self._wait_no_more()
        self._connections.count(self._token_id, None, -1)
