"""Group commit: what many callers want of the outbox's file, in one transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from undervoice.resources import Call, LoggedFeedback, LoggedHintFeedback
from undervoice.store import Record
from undervoice.store.batches import replaces
from undervoice.store.keys import Key, decode, encode, key_of

INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (call_id, kind, id) DO NOTHING"
BY_KEY = "WHERE call_id = ? AND kind = ? AND id = ?"

Row = tuple[int, str, str, str, float, bytes]
"""Number, call, kind, id, when it was written (seconds since the epoch), and the record."""


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
    records: int = 0
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


def write(db: sqlite3.Connection, group: Group, base: int, now: float) -> tuple[frozenset[int], int]:
    """Do a group's work; return the numbers that cannot be written down, and how many more records there are.

    Args:
        db: a file of records.
        group: what to do.
        base: what a number is smaller than that of its row.
        now: seconds since the epoch.

    Raises:
        sqlite3.Error, OSError: nothing of it was done.
    """
    rows, refused = _rows(group, base, now)
    keys = [(*key, number + base) for key, number in group.confirmed]
    db.execute("BEGIN IMMEDIATE")
    with db:
        gone = db.executemany(f"DELETE FROM records {BY_KEY} AND number <= ?", keys).rowcount if keys else 0  # noqa: S608 - names are our own, values are bound
        gone += sum(_make_way(db, record, row) for record, row in rows)
        came = db.executemany(INSERT, [row for _, row in rows]).rowcount if rows else 0
        gone += sum(_erase(db, call_id) for call_id in group.erased)
    return refused, came - gone


def _rows(group: Group, base: int, now: float) -> tuple[list[tuple[Record, Row]], frozenset[int]]:
    """Return a row for each key, with its record, and the numbers of those that cannot be written down."""
    rows: dict[Key, tuple[Record, Row]] = {}
    refused = set()
    for number, record in group.appends.items():
        key = key_of(record)
        try:
            row = (number + base, *key, now, encode(record))
        except ValueError:
            refused.add(number)
            continue
        if key not in rows or _supersedes(record, rows[key][0]):
            rows[key] = (record, row)
    return list(rows.values()), frozenset(refused)


def _supersedes(new: Record, old: Record) -> bool:
    match new, old:
        case Call(), Call():
            return replaces(new, old)
        case _:
            return isinstance(new, LoggedFeedback | LoggedHintFeedback)


def _make_way(db: sqlite3.Connection, record: Record, row: Row) -> int:
    """Remove what a newer call or feedback replaces, and return how many rows; a first reading or alert stays."""
    if isinstance(record, Call):
        kept = db.execute(f"SELECT body FROM records {BY_KEY}", row[1:4]).fetchone()  # noqa: S608 - names are our own, values are bound
        if kept is None or not _outdated(record, kept[0]):
            return 0
    elif not isinstance(record, LoggedFeedback | LoggedHintFeedback):
        return 0
    return db.execute(f"DELETE FROM records {BY_KEY}", row[1:4]).rowcount  # noqa: S608 - names are our own, values are bound


def _outdated(call: Call, kept: bytes) -> bool:
    try:
        return _supersedes(call, decode("call", kept))
    except ValueError:
        return True


def _erase(db: sqlite3.Connection, call_id: str) -> int:
    db.execute("DELETE FROM unreadable WHERE call_id = ?", (call_id,))
    return db.execute("DELETE FROM records WHERE call_id = ?", (call_id,)).rowcount
