"""What the store has not confirmed yet, on disk: it survives the death of the process.

A record is written down before anybody sees it and removed once the store has it; whatever
a process leaves is replayed by the next. One thread writes, off the event loop (``scribe.py``).

When it is full, by its own bound or the disk's, nothing that was accepted is deleted: new records live
in memory only and are counted, until there is room again. What is older than the age limit is given
up, counted and logged.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from undervoice.histogram import Histogram
from undervoice.store import Record
from undervoice.store.adoption import hold, leftovers
from undervoice.store.keys import Key, Numbered
from undervoice.store.scribe import Scribe
from undervoice.store.spool import Spool
from undervoice.store.standing import OutboxState

log = logging.getLogger("undervoice.store")

MB = 1024 * 1024
QUEUE = 20_000
"""Records at most that wait to be written down."""


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
        self._scribe = Scribe(self._spool)
        self._given_up = 0

    def attend(self, on_written: Callable[[Iterable[int], bool], None], on_lost: Callable[[], None]) -> None:
        """Have somebody told which numbers were written down or were not, and that the file had to be replaced."""
        self._scribe.on_written, self._scribe.on_lost = on_written, on_lost

    @property
    def state(self) -> OutboxState:
        """How it stands, but for what its user counts."""
        now, outcome = self._clock(), self._scribe.outcome
        aged = outcome.oldest_at is not None and outcome.records > 0
        return OutboxState(
            records=outcome.records,
            bytes=outcome.bytes,
            limit_bytes=self._limit_bytes,
            oldest_sec=max(0.0, now - (outcome.oldest_at or 0.0)) if aged else 0.0,
            limit_sec=self._limit_hours * 3600,
            given_up=self._given_up,
            unreadable=self._spool.unreadable,
            error=outcome.error or ("the disk does not answer" if self._scribe.stalled else None),
            full=outcome.full,
        )

    @property
    def commits(self) -> Histogram:
        """Seconds that it took to write a group down."""
        return self._scribe.commits

    @property
    def unremoved(self) -> int:
        """Records that the store has confirmed and that are not removed yet."""
        return self._scribe.unremoved

    # ------------------------------------------------------------ verbs; none of them raises

    async def open(self) -> int:
        """Claim a file and take over what dead processes left; return how many records wait."""
        self._scribe.running = True
        await self._scribe.run(self._spool.open)
        await self._adopt()
        self._scribe.next.touched = True
        await self._scribe.flushed()
        return self._scribe.outcome.records

    def append(self, number: int, record: Record) -> bool:
        """Take a record to be written down; false at once where that cannot be."""
        if not self._scribe.running or self._scribe.resting or len(self._scribe.next.appends) >= QUEUE:
            return False
        self._scribe.next.appends[number] = record
        self._scribe.plan()
        return True

    def confirm(self, key: Key, number: int) -> None:
        """Remove what the store has: everything of that key up to that number."""
        if not self._scribe.running:
            return
        self._scribe.next.appends.pop(number, None)
        if len(self._scribe.next.confirmed) < QUEUE:  # the rest is replayed one day, which stores do not mind
            self._scribe.next.confirmed.append((key, number))
        self._scribe.plan()

    async def written(self) -> None:
        """Wait until everything appended so far is written down or refused, but not for a disk that hangs."""
        if self._scribe.busy:
            await self._scribe.flushed()

    async def read(self, after: int, upto: int, count: int) -> tuple[list[Numbered], int | None] | None:
        """Return records as ``Spool.read`` does, or ``None`` while they cannot be read."""
        return await self._scribe.run(lambda: self._spool.read(after, upto, count))

    async def first(self) -> int | None:
        """Return the lowest number, if there is any record."""
        return await self._scribe.run(self._spool.first)

    async def forget(self, call_id: str) -> None:
        """Remove everything of a call; what cannot be removed now is tried again."""
        self._scribe.next.erased.append(call_id)
        await self._scribe.flushed()

    async def sweep(self) -> tuple[list[int], int]:
        """Give up what is too old and take over what dead processes left; return the numbers, and how many came."""
        before = self._clock() - self._limit_hours * 3600
        old: list[int] = []
        while some := await self._scribe.run(lambda: self._spool.expire(before)):
            old += some
        if old:
            self._given_up += len(old)
            log.error("%d records are given up: no store took them within %g hours", len(old), self._limit_hours)
        came = await self._adopt()
        self._scribe.next.touched = True
        self._scribe.plan()
        return old, came

    async def _adopt(self) -> int:
        """Take over what dead processes left, in steps, so that no caller waits for long."""
        came = 0
        for other in await asyncio.to_thread(leftovers, self._path, self._spool.path):
            leftover = await asyncio.to_thread(hold, other)
            if leftover is None:
                continue
            try:
                while rows := await asyncio.to_thread(leftover.newest):
                    if not await self._scribe.run(partial(self._spool.take_over, rows)):
                        break
                    came += len(rows)
                    await asyncio.to_thread(leftover.remove, rows)
            except sqlite3.Error as error:
                log.warning("%s cannot be taken over wholly: %s", other, error)
            finally:
                await asyncio.to_thread(leftover.close)
        return came

    async def close(self) -> None:
        """Write down what waits, and let go of the file."""
        await self._scribe.close()
