"""What the store has not confirmed yet, on disk: it survives the death of the process.

A record is written down before anybody sees it and removed once the store has it; whatever
a process leaves is replayed by the next. One thread writes, off the event loop: whoever comes while
it works shares its next transaction, so that a thousand calls cost few commits.

When it is full, by its own bound or the disk's, nothing that was accepted is deleted: new records live
in memory only and are counted, until there is room again. What is older than the age limit is given
up, counted and logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from undervoice.store import Record
from undervoice.store.adoption import adopt
from undervoice.store.keys import Key, Numbered
from undervoice.store.spool import Group, Outcome, Spool
from undervoice.store.standing import OutboxState

log = logging.getLogger("undervoice.store")

MB = 1024 * 1024
QUEUE = 20_000
"""Records at most that wait to be written down."""
PATIENCE_SEC = 1.0
"""How long a caller waits for a disk."""
RETRY_SEC = 1.0
"""How long a disk that failed is left alone."""
LASTING_SEC = 30.0
"""How long it must have worked for its next failure to be news again."""

T = TypeVar("T")


class Outbox:
    """A file of records that belongs to one process, and to one event loop of it.

    Args:
        path: the file; ``outbox-1.db`` and so on where another process has it.
        limit_mb: most that it may hold; its journal takes a few megabytes more.
        limit_hours: age past which a record is given up.
        full_sync: whether it survives a power cut too.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit_mb: int = 1024,
        limit_hours: float = 168,
        full_sync: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._limit_bytes, self._limit_hours, self._clock = path, limit_mb * MB, limit_hours, clock
        self._spool = Spool(path, limit_bytes=self._limit_bytes, full_sync=full_sync, clock=clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._running = self._planned = False
        self._group, self._next = Group(), Group()
        """The group that is being written, and the one after it."""
        self._waiters = list[asyncio.Future[None]]()
        self._flying = list[asyncio.Future[None]]()
        """Who waits for the group that is being written."""
        self._busy_since: float | None = None
        self._failed_at = float("-inf")
        self._told_at: float | None = None
        """When a failure was last seen of those that the log tells of."""
        self._outcome = Outcome()
        self._given_up = 0
        self.on_written: Callable[[Iterable[int], bool], None] = lambda numbers, kept: None
        """Told which numbers were written down, or were not."""
        self.on_lost: Callable[[], None] = lambda: None
        """Told that the file was corrupt and is a new one, without anything of the old."""

    @property
    def state(self) -> OutboxState:
        """How it stands, but for what its user counts."""
        now, oldest_at, records = self._clock(), self._outcome.oldest_at, self._spool.records
        return OutboxState(
            records=records,
            bytes=self._outcome.bytes,
            limit_bytes=self._limit_bytes,
            oldest_sec=max(0.0, now - oldest_at) if oldest_at is not None and records else 0.0,
            limit_sec=self._limit_hours * 3600,
            given_up=self._given_up,
            unreadable=self._spool.unreadable,
            error=self._outcome.error or ("the disk does not answer" if self._stalled else None),
            full=self._outcome.full,
        )

    @property
    def unremoved(self) -> int:
        """Records that the store has confirmed and that are not removed yet."""
        return len(self._next.confirmed) + len(self._group.confirmed)

    @property
    def _stalled(self) -> bool:
        return self._busy_since is not None and time.monotonic() - self._busy_since > PATIENCE_SEC

    @property
    def _resting(self) -> bool:
        return self._outcome.error is not None and time.monotonic() - self._failed_at < RETRY_SEC

    # ------------------------------------------------------------ verbs; none of them raises

    async def open(self) -> int:
        """Claim a file and take over what dead processes left; return how many records wait."""
        self._running = True
        await self._run(self._spool.open)
        await self._run(partial(adopt, self._spool, self._path))
        self._next.touched = True
        await self._flushed()
        return self._spool.records

    def append(self, number: int, record: Record) -> bool:
        """Take a record to be written down; false at once where that cannot be."""
        if not self._running or self._resting or len(self._next.appends) >= QUEUE:
            return False
        self._next.appends[number] = record
        self._plan()
        return True

    def confirm(self, key: Key, number: int) -> None:
        """Remove what the store has: everything of that key up to that number."""
        if not self._running:
            return
        self._next.appends.pop(number, None)
        if len(self._next.confirmed) < QUEUE:  # the rest is replayed one day, which stores do not mind
            self._next.confirmed.append((key, number))
        self._plan()

    async def written(self) -> None:
        """Wait until everything appended so far is written down or refused, but not for a disk that hangs."""
        if self._next.appends or self._busy_since is not None:
            await self._flushed()

    async def read(self, after: int, upto: int, count: int) -> tuple[list[Numbered], int | None] | None:
        """Return records as ``Spool.read`` does, or ``None`` while they cannot be read."""
        return await self._run(lambda: self._spool.read(after, upto, count))

    async def first(self) -> int | None:
        """Return the lowest number, if there is any record."""
        return await self._run(self._spool.first)

    async def forget(self, call_id: str) -> None:
        """Remove everything of a call; what cannot be removed now is tried again."""
        waiting = self._next.appends
        self._next.appends = {number: record for number, record in waiting.items() if record.call_id != call_id}
        self._next.erased.append(call_id)
        await self._flushed()

    async def sweep(self) -> tuple[list[int], int]:
        """Give up what is too old and take over what dead processes left; return the numbers, and how many came."""
        before = self._clock() - self._limit_hours * 3600
        old = await self._run(lambda: self._spool.expire(before)) or []
        if old:
            self._given_up += len(old)
            log.error("%d records are given up: no store took them within %g hours", len(old), self._limit_hours)
        came = await self._run(partial(adopt, self._spool, self._path)) or 0
        self._next.touched = True
        self._plan()
        return old, came

    async def close(self) -> None:
        """Write down what waits, and let go of the file."""
        while self._busy_since is not None or (self._next and not self._resting):
            before = self._outcome
            await self._flushed()
            if self._stalled or (before is self._outcome):
                break
        self._running = False
        self._thread.submit(self._spool.close)
        await asyncio.to_thread(self._thread.shutdown)

    # ------------------------------------------------------------ groups

    async def _flushed(self) -> None:
        """Wait for the group that holds what came last."""
        if not self._running or self._stalled or self._resting:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiters if self._next or self._busy_since is None else self._flying).append(done)
        self._plan()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SEC):
                await done

    def _plan(self) -> None:
        """Start a group as soon as the loop has run everything that is ready to add to it."""
        if not self._planned and self._busy_since is None:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._planned = False
        if self._busy_since is not None or not self._running or not (self._next or self._waiters):
            return
        loop = asyncio.get_running_loop()
        if self._resting:
            self._planned = True
            loop.call_later(RETRY_SEC, self._start)
            return
        self._group, self._next = self._next, Group()
        self._flying, self._waiters = self._waiters, []
        self._busy_since = time.monotonic()
        self._thread.submit(self._work, loop, self._group)

    def _work(self, loop: asyncio.AbstractEventLoop, group: Group) -> None:
        """Write a group; runs in the thread."""
        outcome = self._spool.settle(group)
        with suppress(RuntimeError):  # the loop is gone, and whoever waited with it
            loop.call_soon_threadsafe(self._done, group, outcome)

    def _done(self, group: Group, outcome: Outcome) -> None:
        self._busy_since, self._outcome, self._group = None, outcome, Group()
        if outcome.lost:
            self.on_lost()
        if outcome.error is None:
            self.on_written(set(group.appends) - outcome.refused, True)
            self.on_written(outcome.refused, False)
        else:
            self._fail(group, outcome)
        self._tell(outcome)
        for done in self._flying:
            if not done.done():
                done.set_result(None)
        self._flying = []
        if self._next or self._waiters:
            self._plan()

    def _fail(self, group: Group, outcome: Outcome) -> None:
        """Keep for later what must be done, and refuse the rest, so that nobody waits for a disk that is full."""
        self._failed_at = time.monotonic()
        self._next.confirmed[:0] = group.confirmed if not outcome.tidied else []
        self._next.erased[:0] = group.erased if not outcome.tidied else []
        refused = set(group.appends) | set(self._next.appends)
        self._next.appends = {}
        self.on_written(refused, False)
        self._flying, self._waiters = self._flying + self._waiters, []

    def _tell(self, outcome: Outcome) -> None:
        """Log an outage once, and its end once it lasts."""
        now = time.monotonic()
        if outcome.error is not None:
            if self._told_at is None:
                log.error("the outbox cannot be written, new records live in memory only: %s", outcome.error)
            self._told_at = now
        elif self._told_at is not None and now - self._told_at > LASTING_SEC:
            log.warning("the outbox can be written again")
            self._told_at = None

    async def _run(self, work: Callable[[], T]) -> T | None:
        """Do work in the thread; ``None`` where it fails."""
        if not self._running:
            return None
        result, error, lost = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._spool.attempt(work)
        )
        if lost:
            self.on_lost()
        if error is not None:
            log.debug("outbox: %s", error)
        return result
