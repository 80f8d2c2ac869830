"""What clients have and use of their shares at all servers together.

Each server tells what changed with it, ten times a second at most. So a client may get more than its share for as
long as that takes: what all servers would give at once, each by itself. What was used too much is owed afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Protocol

from undervoice import gossip as g
from undervoice.peers import Peers

TELL_SEC = 0.1
PART = 1000
"""Clients in one message."""


class Tally:
    """How many of something each client has: here, and at the other servers."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self._others: dict[str, dict[str, int]] = {}
        """By server."""
        self.changed: Callable[[str], None] | None = None
        """Is told of whom it changed."""

    def add(self, client: str, change: int) -> None:
        """Add to what a client has here."""
        self.own[client] += change
        if not self.own[client]:
            del self.own[client]
        if self.changed is not None:
            self.changed(client)

    def everywhere(self, client: str) -> int:
        """Return how many a client has at all servers, as far as is known."""
        return self.own[client] + sum(counts.get(client, 0) for counts in self._others.values())

    def take_in(self, server: str, client: str, count: int) -> None:
        """Take how many a client has at another server."""
        counts = self._others.setdefault(server, {})
        counts[client] = count
        if not count:
            del counts[client]

    def forget(self, server: str | None = None) -> None:
        """Forget what was told by another server, or by all."""
        if server is None:
            self._others.clear()
        else:
            self._others.pop(server, None)


class Bucketed(Protocol):
    """Shares of clients that fill again with time (``rates.Buckets``)."""

    used: Callable[[str, float], None] | None

    def owe(self, client: str, amount: float, now: float) -> None:
        """Take what has been used elsewhere."""


class Shares:
    """Tells the other servers what clients have and use here, and takes in what they tell."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._tallies: dict[str, Tally] = {}
        self._buckets: dict[str, Bucketed] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self._used: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._due: asyncio.TimerHandle | None = None
        peers.on(g.Counted, self._hear_counted)
        peers.on(g.Used, self._hear_used)
        peers.joining.append(self._introduce)
        peers.going.append(lambda name, _: self._forget(name))
        peers.parting.append(self._forget)

    def count(self, name: str, tally: Tally) -> None:
        """Share a tally under a name."""
        self._tallies[name] = tally
        tally.changed = lambda client: self._note((name, client))

    def spend(self, name: str, buckets: Bucketed) -> None:
        """Share what is used of buckets under a name."""
        self._buckets[name] = buckets
        buckets.used = lambda client, amount: self._note_used((name, client), amount)

    # ------------------------------------------------------------ telling

    def _note(self, key: tuple[str, str]) -> None:
        if not self._peers.alone:
            self._changed[key] = None
            self._soon()

    def _note_used(self, key: tuple[str, str], amount: float) -> None:
        if not self._peers.alone:
            self._used[key] += amount
            self._soon()

    def _soon(self) -> None:
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(TELL_SEC, self._tell)

    def _tell(self) -> None:
        self._due = None
        counted = [(name, client, self._tallies[name].own[client]) for name, client in self._changed]
        used = [(name, client, amount) for (name, client), amount in self._used.items()]
        self._changed.clear()
        self._used.clear()
        for at in range(0, len(counted), PART):
            self._peers.tell(g.Counted(counted[at : at + PART]))
        for at in range(0, len(used), PART):
            self._peers.tell(g.Used(used[at : at + PART]))

    def _introduce(self, to: str | None) -> None:
        counts = [(name, client, n) for name, tally in self._tallies.items() for client, n in tally.own.items()]
        self._peers.tell(g.Counted(counts[:PART], whole=True), to)
        for at in range(PART, len(counts), PART):
            self._peers.tell(g.Counted(counts[at : at + PART]), to)

    # ------------------------------------------------------------ hearing

    def _hear_counted(self, sender: str, message: g.Counted) -> None:
        if message.whole:
            self._forget(sender)
        for name, client, count in message.items:
            if tally := self._tallies.get(name):
                tally.take_in(sender, client, count)

    def _hear_used(self, sender: str, message: g.Used) -> None:
        now = time.monotonic()
        for name, client, amount in message.items:
            if buckets := self._buckets.get(name):
                buckets.owe(client, amount, now)

    def _forget(self, server: str | None = None) -> None:
        for tally in self._tallies.values():
            tally.forget(server)
