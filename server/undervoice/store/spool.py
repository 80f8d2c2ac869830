"""The outbox's file: records in order until the store has confirmed them. All of it runs in one thread.

Numbers are those that the process gives its records, 1 and up. What earlier processes left has
numbers from 0 down, so it is older than anything of this one.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from undervoice.store.claims import claim, code_of, is_corrupt, set_aside, shrink
from undervoice.store.groups import INSERT, Group, Outcome, Row, write
from undervoice.store.keys import Numbered, decode

log = logging.getLogger("undervoice.store")

AT_ONCE = 1000
"""Rows that a long piece of work handles before others get their turn."""

T = TypeVar("T")


class Spool:
    """The outbox file of one process, claimed at first use."""

    def __init__(self, path: Path, *, limit_bytes: int, full_sync: bool, clock: Callable[[], float]) -> None:
        self._wanted, self._limit_bytes, self._full_sync, self._clock = path, limit_bytes, full_sync, clock
        self._db: sqlite3.Connection | None = None
        self._base = 0
        """What a number of this process is smaller than the row's."""
        self._broken: set[int] = set()
        self.path = path
        self.records = 0

    @property
    def unreadable(self) -> int:
        """Rows so far that are no records."""
        return len(self._broken)

    def open(self) -> None:
        """Claim a file.

        Raises:
            sqlite3.Error, OSError: none can be had.
        """
        if self._db is None:
            self.path, self._db = claim(self._wanted, self._limit_bytes, full_sync=self._full_sync)
            self._base = self._one("SELECT max(number) FROM records") or 0
            self._count()

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            shrink(self._db)
            self._db.close()
            self._db = None

    def attempt(self, work: Callable[[], T]) -> tuple[T | None, Exception | None, bool]:
        """Do some work on the file; return its result, why there is none, and whether the file had to go for it."""
        try:
            return work(), None, False
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_corrupt(error) and self._db is not None:
                self._set_aside()
                return None, error, True
            return None, error, False
        except Exception as error:
            log.exception("the outbox %s failed", self.path)
            return None, error, False

    def settle(self, group: Group) -> Outcome:
        """Do a group's work as far as the disk lets it; never raises."""
        refused, error, lost = self.attempt(lambda: self._commit(group))
        if lost:
            refused, error, _ = self.attempt(lambda: self._commit(group))
        size, oldest_at = self.attempt(self._measure)[0] or (0, None)
        if error is None:
            return Outcome(refused or frozenset(), self.records, size, oldest_at, lost=lost)
        # What takes no room may succeed all the same, and makes some.
        tidied = self.attempt(lambda: self._commit(Group({}, group.confirmed, group.erased)))[1] is None
        full = isinstance(error, sqlite3.Error) and code_of(error) == sqlite3.SQLITE_FULL
        return Outcome(frozenset(), self.records, size, oldest_at, f"{self.path}: {error}", full, tidied, lost)

    def read(self, after: int, upto: int, count: int) -> tuple[list[Numbered], int | None]:
        """Return records in order, and the number of the last row looked at, or ``None`` if there are no more.

        Rows that are no records are put aside and counted.

        Raises:
            sqlite3.Error, OSError: they cannot be read.
        """
        sql = "SELECT * FROM records WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
        rows = self._opened().execute(sql, (after + self._base, upto + self._base, count)).fetchall()
        records, broken = [], set()
        for row in rows:
            try:
                records.append(Numbered(row[0] - self._base, decode(row[2], row[5])))
            except ValueError:
                broken.add(row[0])
        if broken - self._broken:
            self._put_away(broken)
        return records, rows[-1][0] - self._base if len(rows) == count else None

    def first(self) -> int | None:
        """Return the lowest number, if there is any record.

        Raises:
            sqlite3.Error, OSError: it cannot be read.
        """
        lowest = self._one("SELECT min(number) FROM records")
        return None if lowest is None else lowest - self._base

    def expire(self, before: float) -> list[int]:
        """Remove some of what was written before a moment, and return the numbers.

        Raises:
            sqlite3.Error, OSError: nothing was removed.
        """
        db = self._opened()
        old = db.execute("SELECT number FROM records WHERE at < ? LIMIT ?", (before, AT_ONCE)).fetchall()
        if old or self._broken:
            db.execute("BEGIN IMMEDIATE")
            with db:
                db.executemany("DELETE FROM records WHERE number = ?", old)
                db.execute("DELETE FROM unreadable WHERE at < ?", (before,))
            self.records -= len(old)
        return [number - self._base for (number,) in old]

    def take_over(self, rows: list[Row]) -> bool:
        """Put rows of another file, the newest first, in front of the own ones.

        Raises:
            sqlite3.Error, OSError: nothing of it was done.
        """
        db = self._opened()
        lowest = min(self._one("SELECT min(number) FROM records") or 0, self._base + 1)
        moved = [(lowest - 1 - place, *row[1:]) for place, row in enumerate(rows)]
        db.execute("BEGIN IMMEDIATE")
        with db:
            # What this process has under the same key is the newer.
            self.records += db.executemany(INSERT, moved).rowcount
        return True

    def _commit(self, group: Group) -> frozenset[int]:
        db = self._opened()
        if not (group.appends or group.confirmed or group.erased):
            return frozenset()
        refused, more = write(db, group, self._base, self._clock())
        self.records += more
        if group.erased:
            with suppress(sqlite3.Error):  # the journal repeats what was written once
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return refused

    def _put_away(self, numbers: set[int]) -> None:
        """Move rows where nobody reads them again; where the disk is too full for that they are passed over."""
        self._broken |= numbers
        log.error("%d records of the outbox %s are unreadable and put aside", len(numbers), self.path)
        rows = [(number,) for number in numbers]
        with suppress(sqlite3.Error), self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO unreadable SELECT * FROM records WHERE number = ?", rows)
            db.executemany("DELETE FROM records WHERE number = ?", rows)
        self._count()

    def _set_aside(self) -> None:
        """Put the file, which is corrupt, out of the way; the next use makes a new one."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
            set_aside(self.path)

    def _measure(self) -> tuple[int, float | None]:
        """Return the bytes in use, and when the oldest record was written."""
        pages, free, page = (self._one(f"PRAGMA {name}") or 0 for name in ("page_count", "freelist_count", "page_size"))
        (oldest,) = self._opened().execute("SELECT min(at) FROM records").fetchone()
        return (pages - free) * page, oldest

    def _count(self) -> None:
        self.records = self._one("SELECT count(*) FROM records") or 0

    def _one(self, sql: str) -> int | None:
        value: int | None = self._opened().execute(sql).fetchone()[0]
        return value

    def _opened(self) -> sqlite3.Connection:
        self.open()
        assert self._db is not None  # noqa: S101 - open raised otherwise
        return self._db
