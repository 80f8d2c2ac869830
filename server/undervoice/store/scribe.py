"""One thread that writes the outbox's file, a group at a time.

Whoever comes while it writes shares its next transaction, so that a thousand calls cost few commits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from undervoice.histogram import Histogram
from undervoice.store.groups import Group, Outcome
from undervoice.store.spool import Spool
from undervoice.store.standing import Outage

log = logging.getLogger("undervoice.store")

PATIENCE_SEC = 1.0
"""How long a caller waits for a disk."""
RETRY_SEC = 1.0
"""How long a disk that failed is left alone."""

COMMIT_SEC = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)

T = TypeVar("T")


class Scribe:
    """Writes what is put into ``next``; it belongs to one event loop."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._planned = False
        self._group = Group()
        """What is being written."""
        self.next = Group()
        """What is written after that."""
        self._waiters = list[asyncio.Future[None]]()
        self._flying = list[asyncio.Future[None]]()
        """Who waits for the group that is being written."""
        self._work: Future[None] | None = None
        self._busy_since = 0.0
        self._failed_at = float("-inf")
        self._outage = Outage()
        self.running = False
        self.commits = Histogram(COMMIT_SEC)
        """Seconds that a group took; counted in the thread."""
        self.outcome = Outcome()
        """Of the last group."""
        self.on_written: Callable[[Iterable[int], bool], None] = lambda numbers, kept: None
        """Told which numbers were written down, or were not."""
        self.on_lost: Callable[[], None] = lambda: None
        """Told that the file was corrupt and is a new one, without anything of the old."""

    @property
    def unremoved(self) -> int:
        """Records that the store has confirmed and that are not removed yet."""
        return len(self.next.confirmed) + len(self._group.confirmed)

    @property
    def busy(self) -> bool:
        """Whether there is work, done or to be done."""
        return self._work is not None or bool(self.next)

    @property
    def stalled(self) -> bool:
        """Whether the disk does not answer."""
        hangs = self._work is not None and not self._work.done()
        return hangs and time.monotonic() - self._busy_since > PATIENCE_SEC

    @property
    def resting(self) -> bool:
        """Whether it failed a moment ago, so that nothing is tried."""
        return self.outcome.error is not None and time.monotonic() - self._failed_at < RETRY_SEC

    async def flushed(self) -> None:
        """Wait for the group that holds what came last."""
        if not self.running or self.stalled or self.resting:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiters if self.next or self._work is None else self._flying).append(done)
        self.plan()
        try:
            async with asyncio.timeout(PATIENCE_SEC):
                await done
        except TimeoutError:
            self._outage.tell("the disk does not answer")

    def plan(self) -> None:
        """Start a group as soon as the loop has run everything that is ready to add to it."""
        if not self._planned and self._work is None:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._planned = False
        if self._work is not None or not self.running or not (self.next or self._waiters):
            return
        loop = asyncio.get_running_loop()
        if self.resting:
            self._planned = True
            loop.call_later(RETRY_SEC, self._start)
            return
        self._group, self.next = self.next, Group()
        self._flying, self._waiters = self._waiters, []
        self._busy_since = time.monotonic()
        self._work = self._thread.submit(self._write, loop, self._group)

    def _write(self, loop: asyncio.AbstractEventLoop, group: Group) -> None:
        """Write a group; runs in the thread."""
        began = time.monotonic()
        outcome = self._spool.settle(group)
        self.commits.see(time.monotonic() - began)
        with suppress(RuntimeError):  # the loop is gone, and whoever waited with it
            loop.call_soon_threadsafe(self._done, group, outcome)

    def _done(self, group: Group, outcome: Outcome) -> None:
        self._work, self.outcome, self._group = None, outcome, Group()
        if outcome.lost:
            self.on_lost()
        if outcome.error is None:
            self.on_written(set(group.appends) - outcome.refused, True)
            self.on_written(outcome.refused, False)
        else:
            self._fail(group, outcome)
        self._outage.tell(outcome.error)
        for done in self._flying:
            if not done.done():
                done.set_result(None)
        self._flying = []
        if self.next or self._waiters:
            self.plan()

    def _fail(self, group: Group, outcome: Outcome) -> None:
        """Keep for later what must be done, and refuse the rest, so that nobody waits for a disk that is full."""
        self._failed_at = time.monotonic()
        self.next.confirmed[:0] = group.confirmed if not outcome.tidied else []
        self.next.erased[:0] = group.erased if not outcome.tidied else []
        refused = set(group.appends) | set(self.next.appends)
        self.next.appends = {}
        self.on_written(refused, False)
        self._flying, self._waiters = self._flying + self._waiters, []

    async def run(self, work: Callable[[], T]) -> T | None:
        """Do work in the thread; ``None`` where it fails."""
        if not self.running:
            return None
        (result, error, lost), records = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: (self._spool.attempt(work), self._spool.records)
        )
        self.outcome = replace(self.outcome, records=records)
        if lost:
            self.on_lost()
        if error is not None:
            log.debug("outbox: %s", error)
        return result

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        while self.busy and not self.resting and not self.stalled:
            await self.flushed()
        self.running = False
        self._thread.submit(self._spool.close)
        await asyncio.to_thread(self._thread.shutdown)
