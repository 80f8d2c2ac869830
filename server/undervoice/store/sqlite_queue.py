"""Who waits, in a SQLite store. Arrival numbers are given in the transaction that lets somebody in."""

from __future__ import annotations

import sqlite3

import msgspec

from undervoice.store import MOST_SERVICES, MOST_WAITING, QueueState, Service
from undervoice.store.cursors import instant
from undervoice.store.sqlite_erasing import erased
from undervoice.wall import QueuedCaller


def enqueue(db: sqlite3.Connection, caller: QueuedCaller, since: str) -> QueuedCaller | None:
    """Let a caller in, or renew one who waits and keep the place; ``None`` if the call was erased."""
    at = instant(caller.arrived_at)
    db.execute("BEGIN IMMEDIATE")
    with db:
        if erased(db, [caller.call_id]):
            return None
        db.execute("DELETE FROM queue WHERE at < ?", (since,))
        sql = "SELECT body FROM queue WHERE call_id = ? AND left_at IS NULL"
        waits = db.execute(sql, (caller.call_id,)).fetchone()
        if waits:
            old = msgspec.json.decode(waits[0], type=QueuedCaller)
            known = msgspec.structs.replace(caller, arrival=old.arrival, arrived_at=old.arrived_at)
            at = instant(known.arrived_at)
        else:
            sql = "UPDATE queue_arrivals SET newest = newest + 1 RETURNING newest"
            known = msgspec.structs.replace(caller, arrival=db.execute(sql).fetchone()[0])
        row = (known.call_id, at, known.arrival, None, None, msgspec.json.encode(known))
        db.execute("REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?)", row)
    return known


def dequeue(db: sqlite3.Connection, call_id: str, at: str, *, served: bool) -> bool:
    """Take a caller off; return whether it waited."""
    sql = "UPDATE queue SET left_at = ?, served = ? WHERE call_id = ? AND left_at IS NULL"
    return db.execute(sql, (instant(at), served, call_id)).rowcount == 1


def read_queue(db: sqlite3.Connection, since: str) -> QueueState:
    """Return who waits and came at or after a moment, and the latest services."""
    db.execute("BEGIN")
    with db:
        newest = db.execute("SELECT newest FROM queue_arrivals").fetchone()[0]
        sql = "SELECT body FROM queue WHERE left_at IS NULL AND at >= ? ORDER BY arrival LIMIT ?"
        waiting = [msgspec.json.decode(row[0], type=QueuedCaller) for row in db.execute(sql, (since, MOST_WAITING))]
        sql = "SELECT at, left_at FROM queue WHERE served AND at >= ? ORDER BY left_at DESC LIMIT ?"
        services = [Service(*row) for row in db.execute(sql, (since, MOST_SERVICES))]
    return QueueState(newest, waiting, services)
