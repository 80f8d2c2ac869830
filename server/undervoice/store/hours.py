"""The hours that a SQLite store counts: one row an hour and agent, and the set of calls counted in it."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from undervoice.store import MetricsQuery
from undervoice.store.tallies import EVERYBODY, HourKey, Span, Tally

TALLIES = "SELECT hour, agent_id, total, uncertain, upset, confidence_sum, emotions FROM metrics"


def count(db: sqlite3.Connection, key: HourKey, counted: Tally) -> None:
    """Add to an hour's row and to the set of calls counted in it."""
    sums = _kept(db, key) or Tally()
    sums.add(counted)
    _put(db, key, sums)
    hour, agent = key
    calls = [(agent, hour, call) for call in counted.calls]
    db.executemany("INSERT OR IGNORE INTO metric_calls VALUES (?, ?, ?)", calls)


def uncount(db: sqlite3.Connection, key: HourKey, counted: Tally) -> None:
    """Take back what was counted of calls that leave the hour altogether."""
    sums = _kept(db, key)
    if sums is None:
        return
    sums.subtract(counted)
    _put(db, key, sums)
    hour, agent = key
    calls = [(agent, hour, call) for call in counted.calls]
    db.executemany("DELETE FROM metric_calls WHERE agent_id = ? AND hour = ? AND call_hash = ?", calls)


def hours(db: sqlite3.Connection, query: MetricsQuery, span: Span) -> list[tuple[str, str, Tally]]:
    """Return the hours that a query touches, with their sets of calls."""
    agents, values = "agent_id = ?", (query.agent_id or EVERYBODY, span.from_hour, span.to_hour)
    if query.interval == "agent" and not query.agent_id:
        agents = "agent_id > ?"
    where = f"WHERE {agents} AND hour BETWEEN ? AND ?"
    found = {(row[0], row[1]): _tally_of(row) for row in db.execute(f"{TALLIES} {where}", values)}
    for hour, agent, call in db.execute(f"SELECT hour, agent_id, call_hash FROM metric_calls {where}", values):  # noqa: S608 - names are our own, values are bound
        # The two reads see one moment only within a transaction; a call without its row is a moment newer.
        if (hour, agent) in found:
            found[hour, agent].calls.add(call)
    return [(hour, agent, counted) for (hour, agent), counted in found.items()]


def _kept(db: sqlite3.Connection, key: HourKey) -> Tally | None:
    hour, agent = key
    row = db.execute(f"{TALLIES} WHERE agent_id = ? AND hour = ?", (agent, hour)).fetchone()
    return None if row is None else _tally_of(row)


def _put(db: sqlite3.Connection, key: HourKey, sums: Tally) -> None:
    hour, agent = key
    if not sums.total:
        db.execute("DELETE FROM metrics WHERE agent_id = ? AND hour = ?", (agent, hour))
        return
    row = (sums.total, sums.uncertain, sums.upset, sums.confidence_sum, msgspec.json.encode(sums.emotions))
    db.execute("REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?)", (agent, hour, *row))


def _tally_of(row: tuple[Any, ...]) -> Tally:
    return Tally(row[2], row[3], row[4], row[5], msgspec.json.decode(row[6], type=dict[str, int]))
