"""Writing without waiting: calls put records here, a background task saves them in batches.

Nothing here logs what a record holds, only how many there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

from undervoice.errors import StoreDown
from undervoice.store import Record, Store
from undervoice.store.lanes import Lanes

log = logging.getLogger("undervoice.store")

BATCH = 200
"""Records a save at most."""

LINGER_SEC = 0.05
"""How long the first record of a batch waits for company."""

SETTLE_SEC = 1.0
"""How long an answer waits for what it tells to be stored, so that it can be read back at once."""

FIRST_RETRY_SEC, LAST_RETRY_SEC = 0.1, 5.0
"""The wait after a failed save doubles from the first to the last; each is jittered down to its half."""


class Writer:
    """Saves what is put, in order, batched, and again and again while the store is down.

    It belongs to one event loop. Records of one id are settled while they wait: the newest
    ``Call`` and feedback, the first of anything else. When more than ``capacity`` records wait,
    the oldest of the least precious kind makes room and is counted in ``dropped``: records
    of live calls first (a newer one follows), then feedback, alerts, ended calls, and final
    readings last. A record that the store refuses for what it is, is dropped and counted too,
    so that it cannot hold up the others.
    """

    def __init__(self, store: Store, *, capacity: int = 20_000) -> None:
        self._store = store
        self._waiting = Lanes(capacity)
        self._saving: list[tuple[int, Record]] = []
        self._refused = 0
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._filled, self._hurry, self._progress = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.saved = 0
        """Records that the store has confirmed."""
        self.last_error: str | None = None
        """Why the store is down, while it is."""

    @property
    def depth(self) -> int:
        """How many records are not in the store yet."""
        return len(self._waiting) + len(self._saving)

    @property
    def dropped(self) -> int:
        """How many records will never be stored."""
        return self._waiting.dropped + self._refused

    def put(self, record: Record) -> None:
        """Take a record to be saved; never waits, never fails. After ``close`` it only counts as dropped."""
        if self._closed:
            self._refused += 1
            return
        self._waiting.put(record)
        self._filled.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="store-writer")
        if len(self._waiting) == BATCH and self.last_error is None:
            self._hurry.set()

    async def flush(self, timeout_sec: float = 5.0) -> None:
        """Wait until everything put so far is saved, trying again at once if the store was down.

        Raises:
            StoreDown: it is not within the time; it stays queued.
        """
        last = self._waiting.last_number
        self._hurry.set()
        try:
            async with asyncio.timeout(timeout_sec):
                while self._oldest_number() <= last:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            raise StoreDown(f"{self.depth} records are not stored yet: {self.last_error or 'slow store'}") from None

    async def settle(self, timeout_sec: float = SETTLE_SEC) -> None:
        """Wait until everything put so far is saved, but neither for a store that is down nor for long."""
        if self.last_error is None:
            with contextlib.suppress(StoreDown):
                await self.flush(timeout_sec)

    async def close(self, deadline_sec: float = 5.0) -> int:
        """Take no more, save what is left within the deadline, and return how many records were lost."""
        self._closed = True
        with contextlib.suppress(StoreDown):
            await self.flush(deadline_sec)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.depth:
            log.error("%d records were not stored before the end", self.depth)
        return self.depth

    def _oldest_number(self) -> float:
        waiting = self._waiting.oldest_number
        if self._saving:
            return self._saving[0][0]
        return float("inf") if waiting is None else waiting

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            if len(self._waiting) < BATCH:
                await self._pause(LINGER_SEC)
            self._saving = self._waiting.take(BATCH)
            await self._deliver([record for _, record in self._saving])
            self._saving = []
            self._progress.set()
            if not len(self._waiting):
                self._filled.clear()

    async def _deliver(self, records: list[Record]) -> None:
        """Save records; when they are refused, halve them until only the refused ones are left out."""
        try:
            await self._persist(records)
        except Exception as error:
            if len(records) > 1:
                middle = len(records) // 2
                await self._deliver(records[:middle])
                await self._deliver(records[middle:])
                return
            self._refused += 1
            # The message could quote the record, so it stays out of the log.
            log.error("the store refused a %s: %s", type(records[0]).__name__, type(error).__name__)  # noqa: TRY400

    async def _persist(self, records: list[Record]) -> None:
        """Save records, however long the store is down."""
        wait_sec = FIRST_RETRY_SEC
        while True:
            try:
                await self._store.save(records)
            except StoreDown as error:
                if self.last_error is None:
                    log.warning("the store is down, %d records wait: %s", self.depth, error.message)
                self.last_error = error.message
                await self._pause(random.uniform(wait_sec / 2, wait_sec))  # noqa: S311 - spreads retries, no secret
                wait_sec = min(2 * wait_sec, LAST_RETRY_SEC)
                continue
            self.saved += len(records)
            if self.last_error is not None:
                log.warning("the store is back, %d records wait", self.depth)
                self.last_error = None
            return

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless somebody is waiting for the outcome."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()
