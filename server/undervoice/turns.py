"""When a receiver may be asked: what its answers mean, and how long it is left alone after a failure."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

PARALLEL = 8
"""Requests that one receiver gets at a time."""
FIRST_RETRY_SEC, LAST_RETRY_SEC = 1.0, 60.0
"""The wait after a failure doubles from the first to the last; each is jittered down to its half."""
LONGEST_WISH_SEC = 3600.0
"""A ``Retry-After`` beyond this is cut to it."""
OUTAGE = 3
"""Failures in a row from which on a receiver counts as down, and its next success calls all that wait."""

Verdict = Literal["done", "again", "refused", "gone"]


def verdict(status: int) -> Verdict:
    """Return what a status means for what was sent; 0: there was no answer, or not in time."""
    if 200 <= status < 300:
        return "done"
    if status == 410:
        return "gone"
    return "again" if not status or status in (408, 429) or status >= 500 else "refused"


def wish_sec(retry_after: str | None, now: float) -> float:
    """Return for how long an answer asks to be left alone, 0 where that cannot be read; ``now`` since the epoch."""
    text = (retry_after or "").strip()
    try:
        seconds = float(text) if text.isdecimal() else _moment(text) - now
    except (ValueError, OverflowError):
        return 0.0
    return min(LONGEST_WISH_SEC, max(0.0, seconds))


def _moment(text: str) -> float:
    found = parsedate_to_datetime(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def backoff_sec(failures: int) -> float:
    """Return how long to wait after so many failures in a row."""
    longest = min(LAST_RETRY_SEC, FIRST_RETRY_SEC * 2.0 ** min(16, failures - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads retries, no secret


class Turns:
    """Who may send to one receiver, and when.

    What is fresh is sent at once, so that a receiver that is up hears of it at once. After a failure the rest
    is tried one at a time, at growing intervals; as soon as one gets through, all others follow.
    """

    def __init__(self) -> None:
        self._slots, self._probe, self._recovered = asyncio.Semaphore(PARALLEL), asyncio.Lock(), asyncio.Event()
        self._rests_until = self._asked_until = 0.0
        """Monotonic seconds: before the first nothing is tried again, before the second nothing at all."""
        self.failures = 0
        """Attempts in a row that failed."""

    @property
    def down(self) -> bool:
        """Whether it has failed for long enough to count as down."""
        return self.failures >= OUTAGE

    @asynccontextmanager
    async def turn(self, tries: int, *, fresh: bool) -> AsyncIterator[None]:
        """Wait for the turn of something that was tried so often, and hold it."""
        if tries:
            await self._pause(backoff_sec(tries))
        while not fresh and self.failures:
            async with self._probe:
                await self._pause(self._rests_until - time.monotonic())
                if self.failures:  # still: this one finds out
                    async with self._slot():
                        yield
                    return
        async with self._slot():
            yield

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with self._slots:
            await asyncio.sleep(max(0.0, self._asked_until - time.monotonic()))
            yield

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the receiver is found to be up again."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._recovered.wait()

    def succeeded(self) -> bool:
        """Take that it answered; return whether it was down."""
        was_down, self.failures = self.down, 0
        if was_down:
            self._recovered.set()
            self._recovered = asyncio.Event()
        return was_down

    def failed(self, left_alone_sec: float) -> bool:
        """Take that it did not, and for how long it asks to be left alone; return whether it is down from now on."""
        self.failures += 1
        now = time.monotonic()
        self._rests_until = now + backoff_sec(self.failures)
        self._asked_until = max(self._asked_until, now + left_alone_sec)
        return self.failures == OUTAGE
