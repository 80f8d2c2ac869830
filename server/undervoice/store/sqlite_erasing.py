"""Erasing a call from a SQLite store, and removing what has grown too old.

The writing connection overwrites what it frees with zeros (``PRAGMA secure_delete``, see
``worker.py``), and ``forget`` then empties the write-ahead log, which still holds the pages as they
were. What the file system or a backup keeps of them is out of reach here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from undervoice.resources import LoggedSegment
from undervoice.store.hours import uncount
from undervoice.store.tallies import tally
from undervoice.store.tombstones import tombstone

PART_CALLS, PART_ROWS = 50, 2000
"""What one transaction of ``expire_some`` removes at most: some 20 ms of a disk, then a waiting writer has its turn."""
FORGET_MS = 100
"""How long emptying the write-ahead log waits for readers; the next removal tries again."""

BELONGINGS = (
    ("segments", "segment_id"),
    ("alerts", "alert_id"),
    ("feedback", "segment_id"),
    ("hint_feedback", "alert_id"),
    ("queue", "call_id"),
)
"""Tables of what belongs to a call, with their keys."""


def erased(db: sqlite3.Connection, call_ids: Iterable[str]) -> set[str]:
    """Return which of the calls were erased."""
    sql = "SELECT 1 FROM tombstones WHERE call_hash = ?"
    return {call_id for call_id in call_ids if db.execute(sql, (tombstone(call_id),)).fetchone()}


def erase(db: sqlite3.Connection, call_id: str, at: str) -> bool:
    """Remove a call, all that belongs to it and its share of the metrics; return whether there was anything."""
    db.execute("BEGIN IMMEDIATE")
    with db:
        rows = db.execute("SELECT body FROM segments WHERE call_id = ?", (call_id,)).fetchall()
        for key, counted in tally(msgspec.json.decode(row[0], type=LoggedSegment) for row in rows).items():
            uncount(db, key, counted)
        removed = 0
        for table in ("calls", *(name for name, _ in BELONGINGS)):
            removed += db.execute(f"DELETE FROM {table} WHERE call_id = ?", (call_id,)).rowcount  # noqa: S608 - names are our own, values are bound
        db.execute("REPLACE INTO tombstones VALUES (?, ?)", (tombstone(call_id), at))
    return removed > 0


def expire_some(db: sqlite3.Connection, before: str) -> set[str] | None:
    """Remove a part of what is older than a moment; return the calls that it took, ``None`` if nothing was left."""
    db.execute("BEGIN IMMEDIATE")
    with db:
        sql = "SELECT call_id FROM calls WHERE at < ? ORDER BY at LIMIT ?"
        calls = {row[0] for row in db.execute(sql, (before, PART_CALLS))}
        if calls:
            return _expire_calls(db, calls)
        # What has no record of its call: clips that name none, or a record that never arrived.
        orphans: set[str] = set()
        rows = 0
        for table, key in BELONGINGS:
            sql = f"SELECT {key}, call_id FROM {table} WHERE at < ? LIMIT ?"  # noqa: S608 - names are our own, values are bound
            found = db.execute(sql, (before, PART_ROWS)).fetchall()
            db.executemany(f"DELETE FROM {table} WHERE {key} = ?", [row[:1] for row in found])  # noqa: S608 - names are our own, values are bound
            orphans |= {row[1] for row in found}
            rows += len(found)
        db.execute("DELETE FROM tombstones WHERE at < ?", (before,))
        return orphans if rows else None


def _expire_calls(db: sqlite3.Connection, calls: set[str]) -> set[str]:
    """Remove calls and what belongs to them, or only a part of that where it is much."""
    marks, left = ", ".join("?" * len(calls)), PART_ROWS
    for table, key in BELONGINGS:
        some = f"SELECT {key} FROM {table} WHERE call_id IN ({marks}) LIMIT ?"  # noqa: S608 - names are our own, values are bound
        left -= db.execute(f"DELETE FROM {table} WHERE {key} IN ({some})", (*calls, left)).rowcount  # noqa: S608 - names are our own, values are bound
        if left <= 0:
            return set()
    db.execute(f"DELETE FROM calls WHERE call_id IN ({marks})", tuple(calls))  # noqa: S608 - names are our own, values are bound
    return calls


def forget(db: sqlite3.Connection) -> None:
    """Empty the write-ahead log, unless a reader holds on to it."""
    kept_ms = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute(f"PRAGMA busy_timeout = {FORGET_MS:d}")
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute(f"PRAGMA busy_timeout = {kept_ms:d}")
