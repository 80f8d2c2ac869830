"""How much one client may ask for in a time: requests, bytes of recordings, and failed tokens.

Each share is a token bucket (Turner 1986) per token and per address. What is kept is bounded: those that
have been quiet longest are forgotten, and are as good as new.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from undervoice.errors import Overloaded, TooMany
from undervoice.shares import Shares

KNOWN = 10_000
"""Clients that are remembered at a time."""
FAILURES_PER_SEC = 20.0
"""Refused tokens of one address; twice that at once."""
MEGABYTE = 1_000_000
MINUTE_SEC = 60.0


class Buckets:
    """One bucket a client, filled at a steady rate up to its depth."""

    def __init__(self, per_sec: float, depth: float) -> None:
        self._per_sec, self._depth = per_sec, depth
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What each client's bucket holds, and when it did."""
        self.used: Callable[[str, float], None] | None = None
        """Is told what was taken here, and by whom."""

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, client: str, amount: float, now: float) -> float:
        """Take from a client's bucket; return 0, or the seconds until it could be taken.

        More than the bucket is deep may be taken from a full one: the rest is owed.
        """
        left = self.holds(client, now)
        wait_sec = (min(amount, self._depth) - left) / self._per_sec
        if wait_sec > 0:
            return wait_sec
        self.spend(client, amount, now)
        return 0.0

    def spend(self, client: str, amount: float, now: float) -> None:
        """Take what has been used here already, whether it is there or not."""
        self.owe(client, amount, now)
        if self.used is not None:
            self.used(client, amount)

    def owe(self, client: str, amount: float, now: float) -> None:
        """Take what has been used, here or elsewhere, whether it is there or not."""
        self._kept[client] = (self.holds(client, now) - amount, now)
        self._kept.move_to_end(client)
        if len(self._kept) > KNOWN:
            self._kept.popitem(last=False)

    def holds(self, client: str, now: float) -> float:
        """Return what a client's bucket holds now."""
        left, at = self._kept.get(client, (self._depth, now))
        return min(self._depth, left + (now - at) * self._per_sec)


class Rates:
    """The shares of all clients. Addresses of this machine have no limit: there, whoever calls could do worse."""

    def __init__(
        self, requests_per_sec: float, upload_mb_per_min: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        share = upload_mb_per_min * MEGABYTE
        self._requests = Buckets(requests_per_sec, 2 * requests_per_sec)
        self._bytes = Buckets(share / MINUTE_SEC, share)
        self._failures = Buckets(FAILURES_PER_SEC, 2 * FAILURES_PER_SEC)
        self._clock = clock

    def share(self, shares: Shares) -> None:
        """Count what clients use at other servers too."""
        for name, buckets in (("requests", self._requests), ("bytes", self._bytes), ("failures", self._failures)):
            shares.spend(name, buckets)

    def request(self, client: str | None) -> None:
        """Count one request of a token or an address.

        Raises:
            TooMany: it has sent more than its share.
        """
        self._take(self._requests, client, 1, "too_many_requests", "too many requests")

    def failure(self, client: str | None) -> None:
        """Count one refused token of an address.

        Raises:
            TooMany: there were more than its share.
        """
        self._take(self._failures, client, 1, "too_many_failures", "too many refused tokens come from this address")

    def upload(self, client: str | None, size: int) -> None:
        """Count bytes of a recording, before they are read.

        Raises:
            TooMany: the client has sent its share of this minute.
        """
        self._take(self._bytes, client, size, "too_many_bytes", "too many bytes of recordings in a minute")

    def unpacked(self, client: str | None, size: int) -> None:
        """Count bytes that a recording turned out to hold beyond those that were sent."""
        if client is not None:
            self._bytes.spend(client, size, self._clock())

    def _take(self, buckets: Buckets, client: str | None, amount: float, code: str, message: str) -> None:
        if client is None:
            return
        if wait_sec := buckets.take(client, amount, self._clock()):
            raise TooMany(message, code=code, retry_after_ms=math.ceil(wait_sec * 1000))


def limited(address: str) -> str | None:
    """Return what of an address is limited; nothing of this machine's own.

    One client has a whole /64 of IPv6 (RFC 6177), so that is what counts.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return limited(str(known.ipv4_mapped))
        return None if known.is_loopback else known.exploded[:19]
    return None if known.is_loopback else address


class Room:
    """How many bytes of recordings are held in memory at a time, for all clients together; half of it for one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()

    def hold(self, client: str, size: int) -> None:
        """Take room for bytes that have come.

        Raises:
            TooMany: this client holds its share.
            Overloaded: too much is held by all.
        """
        if self._held[client] + size > self._most / 2:
            raise TooMany("too many recordings of this token at once", code="too_many_uploads", retry_after_ms=2000)
        if self._held.total() + size > self._most:
            raise Overloaded("too many recordings are being sent at once", code="full", retry_after_ms=2000)
        self._held[client] += size

    def release(self, client: str, size: int) -> None:
        """Give room back."""
        self._held[client] -= size
        if not self._held[client]:
            del self._held[client]
