"""A thread of its own for a SQLite connection, so that no disk ever holds up the event loop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from undervoice.errors import StoreDown
from undervoice.store.schema import migrate

BUSY_MS = 3000
"""How long a statement waits for another process before the store counts as down."""

RETRY_SEC = 0.01

T = TypeVar("T")


class Worker:
    """One thread and its connection, opened by the first piece of work."""

    def __init__(self, path: str, *, write: bool) -> None:
        self._path, self._write = path, write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-write" if write else "store-read")
        self._db: sqlite3.Connection | None = None

    async def opened(self) -> None:
        """Open the file, if that has not happened yet."""
        if self._db is None:
            await self.run(lambda _: None)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in the thread.

        Raises:
            StoreDown: the file cannot be opened, written or read, or stays locked too long.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StoreDown(f"store {self._path}: {reason}") from error
        except RuntimeError as error:  # the executor was shut down
            raise StoreDown(f"store {self._path}: closed") from error

    async def close(self) -> None:
        """Let what was begun end, then close the connection and the thread."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._db is not None:
            self._db.close()
            self._db = None

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._db is None:
            self._db = _connect(self._path, write=self._write)
        return work(self._db)


def _use_wal(db: sqlite3.Connection) -> None:
    """Turn on the write-ahead log; while another process does the same, SQLite refuses without waiting."""
    due = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > due:
                raise
            time.sleep(RETRY_SEC)
        else:
            return


def _connect(path: str, *, write: bool) -> sqlite3.Connection:
    """Open the file; the writing side makes it (mode 0600, with its folder) and migrates it."""
    if write and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    # Transactions are begun and ended by hand; the connection is closed from another thread, once idle.
    db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        if write:
            _use_wal(db)
            db.execute("PRAGMA secure_delete = ON")  # what is erased shall not stay behind in freed pages
            migrate(db)
        else:
            db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db
