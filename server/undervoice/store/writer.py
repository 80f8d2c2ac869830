"""Writing without waiting: calls put records here, a background task saves them in batches.

Nothing here logs what a record holds, only how many there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from undervoice.errors import StoreDown
from undervoice.histogram import Histogram
from undervoice.store import Record, Store
from undervoice.store.backlog import Backlog
from undervoice.store.outbox import Outbox
from undervoice.store.standing import OutboxState

log = logging.getLogger("undervoice.store")

BATCH = 200
"""Records a save at most."""

LINGER_SEC = 0.05
"""How long the first record of a batch waits for company."""

SETTLE_SEC = 1.0
"""How long an answer waits for what it tells to be stored, so that it can be read back at once."""

FIRST_RETRY_SEC, LAST_RETRY_SEC = 0.1, 5.0
"""The wait after a failed save doubles from the first to the last; each is jittered down to its half."""


SWEEP_SEC = 20.0
"""How often the outbox is looked through for what is too old, or was left by others."""

SAVE_SEC = (0.005, 0.02, 0.05, 0.1, 0.25, 1, 5)

ERASED = 10_000
"""Calls that are remembered as erased; the store's own memory of them lasts."""


class Writer:
    """Saves what is put, in order, batched, and again and again while the store is down.

    It belongs to one event loop. Records of one id are settled while they wait: the newest
    ``Call`` and feedback, the first of anything else. At most ``capacity`` records wait in memory; past that
    those of live calls go first (a newer one follows), then feedback, alerts, ended calls, and final
    readings last. With an outbox they go to disk only, and are saved in their turn; without one, or where it
    takes no more, they are lost and counted in ``dropped``. A record that the store refuses for what it is, is
    dropped and counted too, so that it cannot hold up the others. When the outbox is full, nothing that it has
    is deleted: new records live in memory only, counted in ``unkept``. Past its age limit records are given up.
    """

    def __init__(self, store: Store, outbox: Outbox | None = None, *, capacity: int = 20_000) -> None:
        self._store = store
        self._waiting = Backlog(outbox, capacity)
        self._attempt = asyncio.Lock()
        """Held while the store is asked to save."""
        self._erased: OrderedDict[str, None] = OrderedDict()
        self._refused = 0
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []
        self._hurry, self._progress = asyncio.Event(), asyncio.Event()
        self.saved = 0
        """Records that the store has confirmed."""
        self.failures = 0
        """Batches so far that the store was asked to take in vain."""
        self.saves = Histogram(SAVE_SEC)
        """Seconds that the store took for a batch, its failures included."""
        self.last_error: str | None = None
        """Why the store is down, while it is."""

    @property
    def depth(self) -> int:
        """How many records are not in the store yet."""
        return self._waiting.depth

    @property
    def in_memory(self) -> int:
        """How many of them are in memory: at most the capacity and one batch."""
        return self._waiting.in_memory

    @property
    def dropped(self) -> int:
        """How many records will never be stored."""
        return self._waiting.dropped + self._refused

    @property
    def uncounted(self) -> int:
        """How many readings so far are stored, but in no metrics."""
        return self._store.uncounted

    @property
    def unkept(self) -> int:
        """How many records so far lived in memory only."""
        return self._waiting.unkept

    @property
    def outbox(self) -> OutboxState:
        """How the outbox stands; all zero where there is none."""
        return replace(self._waiting.outbox, unkept=self.unkept)

    @property
    def commits(self) -> Histogram:
        """Seconds that it took the outbox to write a group down."""
        return self._waiting.commits

    async def open(self) -> int:
        """Take over what earlier processes left, and begin to save it; return how many records wait."""
        waiting = await self._waiting.open()
        self._begin()
        self._tasks.append(asyncio.get_running_loop().create_task(self._sweep(), name="outbox-sweep"))
        if waiting:
            log.info("%d records of before wait for the store", waiting)
        return waiting

    def put(self, record: Record) -> None:
        """Take a record to be saved; never waits, never fails. After ``close`` it only counts as dropped."""
        self._put(record)

    async def keep(self, records: Sequence[Record]) -> None:
        """Take records, and return once they would survive the death of the process; never fails.

        Where they cannot be written down it returns all the same, and soon: they are in memory, and counted.
        """
        await self._waiting.kept([self._put(record) for record in records])

    def _put(self, record: Record) -> int | None:
        if self._closed:
            self._refused += 1
            return None
        if record.call_id in self._erased:
            return None
        number = self._waiting.put(record)
        self._begin()
        if len(self._waiting) == BATCH and self.last_error is None:
            self._hurry.set()
        return number

    def _begin(self) -> None:
        if not self._tasks:
            self._tasks.append(asyncio.get_running_loop().create_task(self._run(), name="store-writer"))

    async def erase(self, call_id: str) -> bool:
        """Erase a call in memory, in the outbox and in the store, for good; return whether the store had anything.

        Raises:
            StoreDown: the store could not; what was waiting here is gone all the same.
        """
        self._erased[call_id] = None
        while len(self._erased) > ERASED:
            self._erased.popitem(last=False)
        await self._waiting.forget(call_id)
        async with self._attempt:  # what is being saved now must not come after
            return await self._store.erase(call_id)

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
        """Take no more, save what is left within the deadline, and return how many records were lost.

        What is in the outbox is not lost: the next process saves it.
        """
        self._closed = True
        with contextlib.suppress(StoreDown):
            await self.flush(deadline_sec)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        depth = self.depth
        lost = await self._waiting.close()
        if lost:
            log.error("%d records were not stored before the end", lost)
        if depth > lost:
            log.warning("%d records wait in the outbox for the next start", depth - lost)
        return lost

    def _oldest_number(self) -> float:
        waiting = self._waiting.oldest_number
        return float("inf") if waiting is None else waiting

    async def _run(self) -> None:
        while True:
            await self._waiting.filled.wait()
            if len(self._waiting) < BATCH and not self._waiting.behind:
                await self._pause(LINGER_SEC)
            taken = await self._waiting.take(BATCH)
            for at in range(0, len(taken), BATCH):
                await self._deliver([record for _, record in taken[at : at + BATCH]])
            self._waiting.settle()
            self._progress.set()
            if self._waiting.empty:
                self._waiting.filled.clear()
            elif self._waiting.blocked and not len(self._waiting):
                await self._pause(LAST_RETRY_SEC)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SEC)
            await self._waiting.sweep()

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
        while wanted := [record for record in records if record.call_id not in self._erased]:
            try:
                async with self._attempt:
                    await self._save(wanted)
            except StoreDown as error:
                self.failures += 1
                if self.last_error is None:
                    log.warning("the store is down, %d records wait: %s", self.depth, error.message)
                self.last_error = error.message
                await self._pause(random.uniform(wait_sec / 2, wait_sec))  # noqa: S311 - spreads retries, no secret
                wait_sec = min(2 * wait_sec, LAST_RETRY_SEC)
                continue
            self.saved += len(wanted)
            if self.last_error is not None:
                log.warning("the store is back, %d records wait", self.depth)
                self.last_error = None
            return

    async def _save(self, records: list[Record]) -> None:
        began = time.monotonic()
        try:
            await self._store.save(records)
        finally:
            self.saves.see(time.monotonic() - began)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless somebody is waiting for the outcome."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()
