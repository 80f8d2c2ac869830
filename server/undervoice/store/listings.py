"""Pages of a SQLite store's lists: each is read along an index that has its order, and no further than it is long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from undervoice.resources import Call, CallPage, LoggedAlert, LoggedSegment, SegmentPage
from undervoice.store import CallQuery, LogQuery
from undervoice.store.batches import with_alerts
from undervoice.store.cursors import clamp, decode_cursor, decode_mark, encode_cursor, encode_mark, instant

FOLLOWED = 5000
"""Readings looked at for one answer to a follower, however few of them it wants."""

LOG_INDEXES = {
    (False, False): "segments_by_time",
    (True, False): "segments_by_agent",
    (False, True): "segments_by_emotion",
    (True, True): "segments_by_agent_and_emotion",
}
"""By whether agent and emotion are given."""

T = TypeVar("T")
Statement = tuple[str, list[Any]]
"""SQL and the values to bind."""


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Read everything within as it stood at one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def bodies(rows: Iterable[tuple[Any, ...]], of: type[T]) -> list[T]:
    """Return the records whose bodies stand first in rows."""
    return [msgspec.json.decode(row[0], type=of) for row in rows]


def log_page(db: sqlite3.Connection, query: LogQuery) -> SegmentPage:
    """Return a page of readings, newest first, and from where to follow what is stored after it."""
    sql, values = log_sql(query)
    with snapshot(db):
        rows = db.execute(sql, values).fetchall()
        follow = encode_mark(str(_end(db))) if query.cursor is None else None
    page, cursor = _cut(rows, query.limit)
    return SegmentPage(items=bodies(page, LoggedSegment), next_cursor=cursor, follow=follow)


def log_sql(query: LogQuery) -> Statement:
    """Return the statement for a page of the log and one item more, which tells whether there is another page."""
    where = [*_wanted(query), *_between(query.since, query.until), *_before(query.cursor, "segment_id")]
    conditions, values = _joined(where)
    # SQLite guesses which index is best, and sometimes guesses wrong.
    index = LOG_INDEXES[query.agent_id is not None, query.emotion is not None]
    page = f"FROM segments INDEXED BY {index} WHERE {conditions} ORDER BY at DESC, segment_id DESC LIMIT ?"
    return f"SELECT body, at, segment_id {page}", [*values, clamp(query.limit) + 1]


def followed(db: sqlite3.Connection, query: LogQuery) -> SegmentPage:
    """Return readings that were stored since ``query.follow``, in the order in which they were."""
    (number,) = decode_mark(query.follow, _number)
    with snapshot(db):
        end = min(_end(db), number + FOLLOWED)
        sql, values = follow_sql(query, number, end)
        rows = db.execute(sql, values).fetchall()
    page = rows[: clamp(query.limit)]
    reached = page[-1][1] if len(rows) > len(page) else max(number, end)
    return SegmentPage(items=bodies(page, LoggedSegment), follow=encode_mark(str(reached)))


def _number(text: str) -> int:
    if (number := int(text)) not in range(2**62):
        raise ValueError("more than SQLite takes")
    return number


def follow_sql(query: LogQuery, number: int, end: int) -> Statement:
    """Return the statement for what was stored behind a number, up to another one."""
    # The plus keeps SQLite from the indexes of agents and emotions: those would have to be read to their ends.
    where = [(f"+{condition}", values) for condition, values in _wanted(query)]
    conditions, values = _joined([("number > ? AND number <= ?", [number, end]), *where])
    sql = f"SELECT body, number FROM segments WHERE {conditions} ORDER BY number LIMIT ?"  # noqa: S608 - names are our own, values are bound
    return sql, [*values, clamp(query.limit) + 1]


def _end(db: sqlite3.Connection) -> int:
    number: int = db.execute("SELECT number FROM log_end").fetchone()[0]
    return number


def call_page(db: sqlite3.Connection, query: CallQuery) -> CallPage:
    """Return a page of calls with their alerts, newest first."""
    sql, values = call_sql(query)
    with snapshot(db):
        page, cursor = _cut([("", *row) for row in db.execute(sql, values)], query.limit)
        calls = [call for _, _, call_id in page for call in calls_of(db, call_id)]
    return CallPage(items=calls, next_cursor=cursor)


def call_sql(query: CallQuery) -> Statement:
    """Return the statement for the places of a page of calls, and of one call more; the index alone answers it."""
    where: list[Statement] = [*_between(query.since, query.until), *_before(query.cursor, "call_id")]
    felt = (("upset_sec >= ?", query.min_upset_sec), ("priority >= ?", query.min_priority))
    given = (("agent_id = ?", query.agent_id), *felt)
    where += [(condition, [value]) for condition, value in given if value is not None]
    # Said without a value, as the partial indexes say it.
    if query.live is not None:
        where.append(("live" if query.live else "NOT live", []))
    if query.alerted:
        where.append(("alerted", []))
    conditions, values = _joined(where)
    index = "agent" if query.agent_id is not None else "time"
    if query.agent_id is None and (query.alerted or query.live):
        index = "alerted" if query.alerted else "live"
    page = f"FROM calls INDEXED BY calls_by_{index} WHERE {conditions} ORDER BY at DESC, call_id DESC LIMIT ?"
    return f"SELECT at, call_id {page}", [*values, clamp(query.limit) + 1]


def calls_of(db: sqlite3.Connection, call_id: str) -> list[Call]:
    """Return a call with its alerts, or nothing."""
    found = bodies(db.execute("SELECT body FROM calls WHERE call_id = ?", (call_id,)), Call)
    alerts = "SELECT body FROM alerts WHERE call_id = ?"
    return [with_alerts(call, bodies(db.execute(alerts, (call_id,)), LoggedAlert)) for call in found]


def _wanted(query: LogQuery) -> list[Statement]:
    given = (("agent_id = ?", query.agent_id), ("detected_emotion = ?", query.emotion))
    return [(condition, [value]) for condition, value in given if value is not None]


def _between(since: str | None, until: str | None) -> list[Statement]:
    given = (("at >= ?", since), ("at < ?", until))
    return [(condition, [instant(moment)]) for condition, moment in given if moment]


def _before(cursor: str | None, key: str) -> list[Statement]:
    place = decode_cursor(cursor)
    return [] if place is None else [(f"(at, {key}) < (?, ?)", list(place))]


def _joined(where: list[Statement]) -> Statement:
    return " AND ".join(condition for condition, _ in where) or "1", [one for _, values in where for one in values]


def _cut(rows: list[tuple[Any, ...]], limit: int) -> tuple[list[tuple[Any, ...]], str | None]:
    """Return the page without the row that tells of another one, and the cursor to that."""
    page = rows[: clamp(limit)]
    return page, encode_cursor(page[-1][1:3]) if len(rows) > len(page) else None
