"""One stream of events to many readers, none of whom can hold up the others or whoever tells.

Every event is encoded once and kept in one ring; a reader is a place in it. Telling costs the same however many
read, and a reader costs no memory of its own. One who falls behind the ring's end is dropped; one who comes
back in time goes on where it was.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable

import msgspec

from undervoice.errors import Overloaded, TooMany, UndervoiceError
from undervoice.shares import Tally

KEPT = 8192
"""Events: half a minute of 500 calls. Some 4 MB."""
KEPT_SEC = 120.0
"""What is older is told to nobody any more, however little has happened since."""
PART = 1024
"""Events that a reader gets at a time."""
MOST_READERS = 200
READERS_A_TOKEN = 8

_encode = msgspec.json.Encoder().encode


class Feed:
    """Keeps what was told lately, numbered; belongs to one event loop."""

    def __init__(self, kept: int = KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._events: deque[tuple[str | None, bytes, float]] = deque(maxlen=kept)
        """Of which call, the event as it goes over the wire, and when it was told."""
        self._clock = clock
        self._name = secrets.token_hex(4)
        """Numbers of another server, or of before a restart, are not ours."""
        self._told = 0
        self._news: asyncio.Future[None] | None = None
        self.readers = Tally()
        """Seats, by token."""
        self.ended: UndervoiceError | None = None
        """Why nothing more will be told."""

    def __len__(self) -> int:
        return self.readers.own.total()

    @property
    def newest(self) -> int:
        """The number of the last event."""
        return self._told

    def tell(self, kind: str, body: msgspec.Struct, call_id: str | None = None) -> bytes:
        """Tell all readers, and return what they are told, as JSON; never waits."""
        told = _encode(body)
        self.pass_on(kind, told, call_id)
        return told

    def pass_on(self, kind: str, body: bytes, call_id: str | None = None) -> None:
        """Tell all readers what is JSON already."""
        self._told += 1
        self._events.append((call_id, self._event(kind, body, self._told), self._clock()))
        self._wake()

    def event(self, kind: str, body: msgspec.Struct, number: int) -> bytes:
        """Return an event as it goes over the wire."""
        return self._event(kind, _encode(body), number)

    def _event(self, kind: str, body: bytes, number: int) -> bytes:
        """Return an event with a body that is JSON: that has no line ends, so one data line holds it."""
        return b"event: %b\nid: %b-%d\ndata: %b\n\n" % (kind.encode(), self._name.encode(), number, body)

    def forget(self, call_id: str) -> None:
        """Tell nobody any more what was told of a call; the numbers stay."""
        for place, (of, _, at) in enumerate(self._events):
            if of == call_id:
                self._events[place] = (None, b"", at)

    def end(self, error: UndervoiceError) -> None:
        """Send all readers away."""
        self.ended = error
        self._wake()

    def number(self, last_event_id: str) -> int | None:
        """Return the number that an id names, if all that came after it is still kept."""
        name, _, digits = last_event_id.partition("-")
        if name != self._name or not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            return None
        number = int(digits)
        return number if self._oldest() <= number <= self._told else None

    def read(self, token_id: str) -> Reader:
        """Take a seat; what was told so far has been read.

        Raises:
            Overloaded: all seats are taken.
            TooMany: this token has its share of them.
        """
        if len(self) >= MOST_READERS:
            raise Overloaded("too many read the live feed", code="full", retry_after_ms=5000)
        if self.readers.everywhere(token_id) >= READERS_A_TOKEN:
            raise TooMany("this token reads the live feed as often as it may", code="too_many_streams")
        self.readers.add(token_id, +1)
        return Reader(self, token_id)

    def leave(self, token_id: str) -> None:
        """Give a seat back."""
        self.readers.add(token_id, -1)

    def since(self, number: int) -> tuple[bytes, int] | None:
        """Return what was told after a number, or a part of it, and the number it goes to; ``None`` if it is gone."""
        oldest = self._oldest()
        if number < oldest:
            return None
        last = min(self._told, number + PART)
        return b"".join(self._events[place - oldest][1] for place in range(number, last)), last

    async def news(self, number: int, timeout_sec: float) -> None:
        """Wait until something was told after a number, or for a time."""
        if self._told > number or self.ended is not None:
            return
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._news], timeout=timeout_sec)

    def _oldest(self) -> int:
        """Let go of what is too old; return the number after which everything is kept."""
        too_old = self._clock() - KEPT_SEC
        while self._events and self._events[0][2] < too_old:
            self._events.popleft()
        return self._told - len(self._events)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Reader:
    """A place in the feed."""

    def __init__(self, feed: Feed, token_id: str) -> None:
        self._feed, self._token_id, self.number = feed, token_id, feed.newest
        self._left = False

    def take(self) -> bytes | None:
        """Return the next events as they go over the wire, if any; ``None`` where some are gone, or its seat is."""
        found = None if self._left else self._feed.since(self.number)
        if found is None:
            return None
        events, self.number = found
        return events

    async def wait(self, timeout_sec: float) -> None:
        """Wait for the next event, at most so long."""
        await self._feed.news(self.number, timeout_sec)

    def close(self) -> None:
        """Give the seat back."""
        if not self._left:
            self._left = True
            self._feed.leave(self._token_id)
