"""The outbox's file: records in order until the store has confirmed them. All of it runs in one thread.

Numbers are those that the process gives its records, 1 and up. What earlier processes left has
numbers from 0 down, so it is older than anything of this one.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from undervoice.resources import Call, LoggedFeedback
from undervoice.store import Record
from undervoice.store.batches import replaces
from undervoice.store.claims import claim, code_of, is_corrupt, set_aside, shrink
from undervoice.store.keys import Key, Numbered, decode, encode, key_of

log = logging.getLogger("undervoice.store")

INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (call_id, kind, id) DO NOTHING"
BY_KEY = "WHERE call_id = ? AND kind = ? AND id = ?"
TABLES = ("records", "unreadable")

T = TypeVar("T")
Row = tuple[int, str, str, str, float, bytes]


@dataclass(slots=True)
class Group:
    """Work for one transaction."""

    appends: dict[int, Record] = field(default_factory=dict)
    confirmed: list[tuple[Key, int]] = field(default_factory=list)
    """Keys and numbers of what the store has; what came later under the same key stays."""
    erased: list[str] = field(default_factory=list)
    """Ids of calls of which nothing may stay."""
    touched: bool = False
    """Whether somebody wants to know how the file stands."""

    def __bool__(self) -> bool:
        return bool(self.appends or self.confirmed or self.erased or self.touched)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group, and how the file stands after it."""

    refused: frozenset[int] = frozenset()
    """Numbers of records that cannot be written down for what they are."""
    bytes: int = 0
    oldest_at: float | None = None
    """When the oldest record was written, seconds since the epoch."""
    error: str | None = None
    """Why nothing was appended."""
    full: bool = False
    """Whether that was for want of room."""
    tidied: bool = False
    """Whether the rest was done all the same."""
    lost: bool = False
    """Whether the file was corrupt and is a new one now."""


class Spool:
    """The outbox file of one process, claimed at first use."""

    def __init__(self, path: Path, *, limit_bytes: int, full_sync: bool, clock: Callable[[], float]) -> None:
        self._wanted, self._limit_bytes, self._full_sync, self._clock = path, limit_bytes, full_sync, clock
        self._db: sqlite3.Connection | None = None
        self._base = 0
        """What a number of this process is smaller than the row's."""
        self.path = path
        self.records = 0
        self.unreadable = 0

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

    def set_aside(self) -> None:
        """Put the file, which is corrupt, out of the way; the next use makes a new one."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
            set_aside(self.path)

    def settle(self, group: Group) -> Outcome:
        """Do a group's work as far as the disk lets it; never raises."""
        refused, error, lost = self.attempt(lambda: self.commit(group))
        if lost:
            refused, error, _ = self.attempt(lambda: self.commit(group))
        size, oldest_at = self.attempt(self.measure)[0] or (0, None)
        if error is None:
            return Outcome(frozenset(refused or ()), size, oldest_at, lost=lost)
        tidied = self.attempt(lambda: self.commit(Group({}, group.confirmed, group.erased)))[1] is None
        full = isinstance(error, sqlite3.Error) and code_of(error) == sqlite3.SQLITE_FULL
        return Outcome(frozenset(), size, oldest_at, f"{self.path}: {error}", full, tidied, lost)

    def attempt(self, work: Callable[[], T]) -> tuple[T | None, Exception | None, bool]:
        """Do some work on the file; return its result, why there is none, and whether the file had to go for it."""
        try:
            return work(), None, False
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_corrupt(error) and self._db is not None:
                self.set_aside()
                return None, error, True
            return None, error, False
        except Exception as error:
            log.exception("the outbox %s failed", self.path)
            return None, error, False

    def commit(self, group: Group) -> set[int]:
        """Do a group's work in one transaction, and return the numbers that cannot be written down.

        Raises:
            sqlite3.Error, OSError: nothing of it was done.
        """
        db = self._opened()
        rows, refused = self._rows(group)
        db.execute("BEGIN IMMEDIATE")
        with db:
            keys = [(*key, number + self._base) for key, number in group.confirmed]
            gone = db.executemany(f"DELETE FROM records {BY_KEY} AND number <= ?", keys).rowcount  # noqa: S608
            gone += sum(_make_way(db, record, row) for record, row in rows)
            came = db.executemany(INSERT, [row for _, row in rows]).rowcount
            for call_id in group.erased:
                _erase(db, call_id)
        self.records += max(came, 0) - max(gone, 0)
        if group.erased:
            self._count()
            with suppress(sqlite3.Error):  # the journal repeats what was written once
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return refused

    def _rows(self, group: Group) -> tuple[list[tuple[Record, Row]], set[int]]:
        rows: dict[Key, tuple[Record, Row]] = {}
        refused, now = set(), self._clock()
        for number, record in group.appends.items():
            key = key_of(record)
            try:
                row = (number + self._base, *key, now, encode(record))
            except ValueError:
                refused.add(number)
                continue
            kept = rows.get(key)
            if kept is None or _supersedes(record, kept[0]):
                rows[key] = (record, row)
        return list(rows.values()), refused

    def read(self, after: int, upto: int, count: int) -> tuple[list[Numbered], int | None]:
        """Return records in order, and the number of the last row looked at, or ``None`` if there are no more.

        Rows that are no records are put aside and counted.

        Raises:
            sqlite3.Error, OSError: they cannot be read.
        """
        sql = "SELECT * FROM records WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
        rows = self._opened().execute(sql, (after + self._base, upto + self._base, count)).fetchall()
        records, broken = [], []
        for row in rows:
            try:
                records.append(Numbered(row[0] - self._base, decode(row[2], row[5])))
            except ValueError:
                broken.append((row[0],))
        if broken:
            self._put_away(broken)
        return records, rows[-1][0] - self._base if len(rows) == count else None

    def _put_away(self, numbers: list[tuple[int]]) -> None:
        """Move rows where nobody reads them again; a disk that is full must not make a loop of it."""
        self.unreadable += len(numbers)
        log.error("%d records of the outbox %s are unreadable and put aside", len(numbers), self.path)
        with suppress(sqlite3.Error), self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO unreadable SELECT * FROM records WHERE number = ?", numbers)
            db.executemany("DELETE FROM records WHERE number = ?", numbers)
            self._count()

    def first(self) -> int | None:
        """Return the lowest number, if there is any record."""
        lowest = self._one("SELECT min(number) FROM records")
        return None if lowest is None else lowest - self._base

    def expire(self, before: float) -> list[int]:
        """Remove what was written before a moment, and return the numbers."""
        db = self._opened()
        numbers = [row[0] for row in db.execute("SELECT number FROM records WHERE at < ?", (before,))]
        if numbers:
            db.execute("BEGIN IMMEDIATE")
            with db:
                for table in TABLES:
                    db.execute(f"DELETE FROM {table} WHERE at < ?", (before,))  # noqa: S608
            self._count()
        return [number - self._base for number in numbers]

    def take_over(self, rows: list[Row]) -> None:
        """Put rows of another file, the newest first, in front of the own ones.

        Raises:
            sqlite3.Error, OSError: nothing of it was done.
        """
        db = self._opened()
        lowest = min(self._one("SELECT min(number) FROM records") or 0, self._base + 1)
        db.execute("BEGIN IMMEDIATE")
        with db:
            # What this process has under the same key is the newer.
            moved = [(lowest - 1 - place, *row[1:]) for place, row in enumerate(rows)]
            self.records += db.executemany(INSERT, moved).rowcount

    def measure(self) -> tuple[int, float | None]:
        """Return the bytes in use, and when the oldest record was written.

        Raises:
            sqlite3.Error, OSError: it cannot be read.
        """
        pages, free, page = (self._one(f"PRAGMA {name}") or 0 for name in ("page_count", "freelist_count", "page_size"))
        (oldest,) = self._opened().execute("SELECT min(at) FROM records").fetchone()
        return (pages - free) * page, oldest

    def _opened(self) -> sqlite3.Connection:
        self.open()
        assert self._db is not None  # noqa: S101 - open raised otherwise
        return self._db

    def _count(self) -> None:
        self.records = self._one("SELECT count(*) FROM records") or 0

    def _one(self, sql: str) -> int | None:
        value: int | None = self._opened().execute(sql).fetchone()[0]
        return value


def _supersedes(new: Record, old: Record) -> bool:
    match new, old:
        case Call(), Call():
            return replaces(new, old)
        case _:
            return isinstance(new, LoggedFeedback)


def _make_way(db: sqlite3.Connection, record: Record, row: Row) -> int:
    """Remove what a newer call or feedback replaces, and return how many rows; a first reading or alert stays."""
    if isinstance(record, Call):
        kept = db.execute(f"SELECT body FROM records {BY_KEY}", row[1:4]).fetchone()  # noqa: S608
        if kept is None or not _outdated(record, kept[0]):
            return 0
    elif not isinstance(record, LoggedFeedback):
        return 0
    return db.execute(f"DELETE FROM records {BY_KEY}", row[1:4]).rowcount  # noqa: S608


def _erase(db: sqlite3.Connection, call_id: str) -> None:
    for table in TABLES:
        db.execute(f"DELETE FROM {table} WHERE call_id = ?", (call_id,))  # noqa: S608


def _outdated(call: Call, kept: bytes) -> bool:
    try:
        old = decode("call", kept)
    except ValueError:
        return True
    return isinstance(old, Call) and replaces(call, old)
