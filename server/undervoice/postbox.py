"""Alerts that no receiver has confirmed yet, on disk: they survive the death of the process.

The file is claimed, locked and set aside as the outbox's are, and has the same table: ``kind`` names the receiver,
``id`` the alert. One thread writes, off the event loop; a disk that fails or hangs delays nobody for long.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from undervoice.store.adoption import hold, leftovers
from undervoice.store.claims import claim, is_corrupt, set_aside, shrink

log = logging.getLogger("undervoice.webhooks")

LIMIT_BYTES = 256 * 1024 * 1024
PATIENCE_SEC = 1.0
"""How long an alert waits for the disk before it goes out all the same."""
OPEN_SEC = 30.0
INSERT = "INSERT INTO records (call_id, kind, id, at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

T = TypeVar("T")


class Letter(NamedTuple):
    """One alert on its way to one receiver."""

    receiver: str
    """Which, by a name that outlives a restart."""
    call_id: str
    alert_id: str
    at: float
    """When it was taken, seconds since the epoch."""
    body: bytes


class Postbox:
    """A file of letters that belongs to one process; none of its verbs raises.

    Args:
        path: the file; ``webhooks-1.db`` and so on where another process has it.
    """

    def __init__(self, path: Path) -> None:
        self._wanted, self._path = path, path
        self._db: sqlite3.Connection | None = None
        self._hung: asyncio.Future[Any] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self.failing = False
        """Whether the disk took nothing last time: alerts then live in memory only."""

    @property
    def exists(self) -> bool:
        """Whether any process has ever written anything down."""
        return bool(leftovers(self._wanted, Path()))

    async def open(self) -> list[Letter]:
        """Claim a file, take over what dead processes left, and return all that waits, the oldest first."""
        return await self._run(self._load, OPEN_SEC) or []

    async def add(self, letters: Sequence[Letter]) -> bool:
        """Write letters down; return whether they would survive."""
        return bool(await self._run(lambda: self._insert(letters)))

    async def remove(self, letters: Sequence[Letter]) -> None:
        """Forget letters that have arrived, or never will."""
        keys = [(one.call_id, one.receiver, one.alert_id) for one in letters]
        sql = "DELETE FROM records WHERE call_id = ? AND kind = ? AND id = ?"
        await self._run(lambda: self._opened().executemany(sql, keys).rowcount)

    async def forget(self, call_id: str) -> None:
        """Remove everything of a call, also from the file's journal."""
        await self._run(lambda: self._erase(call_id))

    async def close(self) -> None:
        """Let go of the file."""
        await self._run(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    async def _run(self, work: Callable[[], T], patience_sec: float = PATIENCE_SEC) -> T | None:
        """Do work in the thread; ``None`` where the disk fails, or takes too long."""
        if self._hung is not None and not self._hung.done():
            return None
        done = asyncio.get_running_loop().run_in_executor(self._thread, self._attempt, work)
        try:
            async with asyncio.timeout(patience_sec):
                return await asyncio.shield(done)
        except TimeoutError:
            self._hung = done  # nobody else waits for it
            self._tell("the disk does not answer")
            return None

    # ------------------------------------------------------------ in the thread

    def _attempt(self, work: Callable[[], T]) -> T | None:
        try:
            result = work()
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_corrupt(error) and self._db is not None:
                self._close()
                set_aside(self._path)
            self._tell(type(error).__name__)
            return None
        self.failing = False
        return result

    def _tell(self, why: str) -> None:
        if not self.failing:
            log.error("alerts for webhooks cannot be written down, they live in memory only: %s", why)
        self.failing = True

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._path, self._db = claim(self._wanted, LIMIT_BYTES, full_sync=False)
        return self._db

    def _load(self) -> list[Letter]:
        db = self._opened()
        for other in leftovers(self._wanted, self._path):
            self._adopt(db, other)
        rows = db.execute("SELECT kind, call_id, id, at, body FROM records ORDER BY at, number")
        return [Letter(*row) for row in rows]

    @staticmethod
    def _adopt(db: sqlite3.Connection, other: Path) -> None:
        leftover = hold(other)
        if leftover is None:
            return
        with suppress(sqlite3.Error):
            while rows := leftover.newest():
                db.executemany(INSERT, [row[1:] for row in rows])
                leftover.remove(rows)
        leftover.close()

    def _insert(self, letters: Sequence[Letter]) -> bool:
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        with db:
            db.executemany(INSERT, [(one.call_id, one.receiver, one.alert_id, one.at, one.body) for one in letters])
        return True

    def _erase(self, call_id: str) -> None:
        db = self._opened()
        db.execute("DELETE FROM records WHERE call_id = ?", (call_id,))
        with suppress(sqlite3.Error):  # the journal repeats what was written once
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                shrink(self._db)
                self._db.close()
            self._db = None
