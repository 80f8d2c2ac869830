"""The embedded store: one SQLite file, readings written and read off the event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from undervoice.resources import Call, CallPage, EmotionMetrics, LoggedAlert, LoggedFeedback, LoggedSegment, SegmentPage
from undervoice.store import CallQuery, LogQuery, MetricsQuery, Record
from undervoice.store import sqlite_erasing as erasing
from undervoice.store.batches import Batch, begun, replaces, with_alerts
from undervoice.store.cursors import clamp, decode_cursor, encode_cursor, instant
from undervoice.store.hours import count, hours
from undervoice.store.tallies import Span, answer, tally
from undervoice.store.tombstones import horizon, now
from undervoice.store.worker import Worker

T = TypeVar("T")
Where = list[tuple[str, Any]]
"""SQL conditions and the value of each."""


class SqliteStore:
    """A ``Store`` in one file, or in memory (``:memory:``), opened by the first verb.

    Writes go through one thread and one connection, so they queue instead of locking each
    other out; reads have their own, which WAL lets run beside them. A batch is one transaction.

    Args:
        path: the file.
        retention_days: how long readings are kept; 0: for good. What is older is not stored any
            more, or a late replay of what has expired would be counted a second time.
    """

    def __init__(self, path: str, *, retention_days: int = 0) -> None:
        self._path = path
        self._days = retention_days
        self._writes = Worker(path, write=True)
        # Memory belongs to its one connection.
        self._reads = self._writes if path == ":memory:" else Worker(path, write=False)

    async def save(self, records: list[Record]) -> None:
        """Keep all records in one transaction; saving them again changes nothing."""
        batch = Batch.of(records)
        if oldest := horizon(self._days):
            batch = batch.only(lambda record: begun(record) >= oldest)
        await self._writes.run(lambda db: _save(db, batch))

    async def segments(self, call_id: str) -> list[LoggedSegment]:
        """Return one call's final readings in the order of the audio."""
        sql = "SELECT body FROM segments WHERE call_id = ? ORDER BY start_offset_sec, segment_id"
        return await self._read(lambda db: _bodies(db.execute(sql, (call_id,)), LoggedSegment))

    async def logs(self, query: LogQuery) -> SegmentPage:
        """Return a page of final readings of all calls, newest first."""
        where: Where = [("agent_id = ?", query.agent_id), ("detected_emotion = ?", query.emotion)]
        where.append(("at >= ?", instant(query.since) if query.since else None))
        where.append(("at < ?", instant(query.until) if query.until else None))
        sql, values = _page_sql("segments", "segment_id", where, query)
        rows, cursor = await self._read(lambda db: _page(db, sql, values, query.limit))
        return SegmentPage(items=_bodies(rows, LoggedSegment), next_cursor=cursor)

    async def call(self, call_id: str) -> Call | None:
        """Return one call with its alerts, or ``None``."""
        sql = "SELECT body FROM calls WHERE call_id = ?"
        found = await self._read(lambda db: _calls(db, db.execute(sql, (call_id,)).fetchall()))
        return found[0] if found else None

    async def calls(self, query: CallQuery) -> CallPage:
        """Return a page of calls with their alerts, newest first."""
        where: Where = [("agent_id = ?", query.agent_id)]
        where.append(("live = ?", None if query.live is None else int(query.live)))
        sql, values = _page_sql("calls", "call_id", where, query)

        def read(db: sqlite3.Connection) -> CallPage:
            rows, cursor = _page(db, sql, values, query.limit)
            return CallPage(items=_calls(db, rows), next_cursor=cursor)

        return await self._read(read)

    async def feedback(self, call_id: str) -> list[LoggedFeedback]:
        """Return what was said about one call's readings, oldest first."""
        sql = "SELECT body FROM feedback WHERE call_id = ? ORDER BY at, segment_id"
        return await self._read(lambda db: _bodies(db.execute(sql, (call_id,)), LoggedFeedback))

    async def metrics(self, query: MetricsQuery) -> list[EmotionMetrics]:
        """Return aggregates of the final readings; hours without any are left out."""
        span = Span.of(query)
        return await self._read(lambda db: answer(query, span, hours(db, query, span)))

    async def erase(self, call_id: str) -> bool:
        """Remove everything of a call and its share of the metrics in one transaction, and leave a tombstone."""
        found = await self._writes.run(lambda db: erasing.erase(db, call_id, now()))
        await self._writes.run(erasing.forget)
        return found

    async def is_erased(self, call_id: str) -> bool:
        """Return whether a call of this id was erased."""
        return bool(await self._read(lambda db: erasing.erased(db, [call_id])))

    async def expire(self, before: str) -> int:
        """Remove calls that started before a moment, and tombstones as old; writers get their turn between parts."""
        moment = instant(before)
        gone: set[str] = set()
        while (part := await self._writes.run(lambda db: erasing.expire_some(db, moment))) is not None:
            gone |= part
        await self._writes.run(erasing.forget)
        return len(gone)

    async def ping(self) -> None:
        """Raise ``StoreDown`` unless the file can be opened and written to."""
        await self._writes.run(lambda db: db.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Finish what is being written and let go of the file; verbs raise ``StoreDown`` afterwards."""
        await self._reads.close()
        await self._writes.close()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # Only the writing side makes and migrates the file, so it must have been there first.
        await self._writes.opened()
        return await self._reads.run(work)


def _save(db: sqlite3.Connection, batch: Batch) -> None:
    # IMMEDIATE: what is read here (kept calls, tallies) must not change before it is written.
    db.execute("BEGIN IMMEDIATE")
    with db:
        if erased := erasing.erased(db, batch.call_ids()):
            batch = batch.only(lambda record: record.call_id not in erased)
        first = [segment for segment in batch.segments.values() if _insert_segment(db, segment)]
        for key, counted in tally(first).items():
            count(db, key, counted)
        for call in batch.calls.values():
            _put_call(db, call)
        for alert in batch.alerts.values():
            row = (alert.alert_id, alert.call_id, instant(alert.timestamp), msgspec.json.encode(alert))
            db.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?)", row)
        for word in batch.feedback.values():
            said = (word.segment_id, word.call_id, instant(word.timestamp), msgspec.json.encode(word))
            db.execute("INSERT INTO feedback VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at,"
                       " call_id = excluded.call_id, body = excluded.body WHERE excluded.at >= at", said)  # fmt: skip


def _insert_segment(db: sqlite3.Connection, segment: LoggedSegment) -> bool:
    """Keep a reading unless its id is known; return whether it was new."""
    row = (
        segment.segment_id,
        segment.call_id,
        segment.agent_id,
        instant(segment.timestamp),
        segment.start_offset_sec,
        segment.detected_emotion,
        msgspec.json.encode(segment),
    )
    return db.execute("INSERT OR IGNORE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)", row).rowcount == 1


def _put_call(db: sqlite3.Connection, call: Call) -> None:
    kept = db.execute("SELECT body FROM calls WHERE call_id = ?", (call.call_id,)).fetchone()
    if kept is None or replaces(call, msgspec.json.decode(kept[0], type=Call)):
        row = (call.call_id, call.agent_id, instant(call.started_at), call.live, msgspec.json.encode(call))
        db.execute("REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", row)


def _page_sql(table: str, key: str, where: Where, query: LogQuery | CallQuery) -> tuple[str, list[Any]]:
    """Return the statement for one page and one item more, which tells whether there is another page."""
    given = [(condition, [value]) for condition, value in where if value is not None]
    place = decode_cursor(query.cursor)
    if place is not None:
        given.append((f"(at, {key}) < (?, ?)", list(place)))
    conditions = " AND ".join(condition for condition, _ in given) or "1"
    values = [value for _, some in given for value in some]
    sql = f"SELECT body, at, {key} FROM {table} WHERE {conditions} ORDER BY at DESC, {key} DESC LIMIT ?"  # noqa: S608 - names are our own, values are bound
    return sql, [*values, clamp(query.limit) + 1]


def _page(db: sqlite3.Connection, sql: str, values: list[Any], limit: int) -> tuple[list[tuple[Any, ...]], str | None]:
    rows = db.execute(sql, values).fetchall()
    page = rows[: clamp(limit)]
    return page, encode_cursor(page[-1][1:3]) if len(rows) > len(page) else None


def _calls(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[Call]:
    calls = _bodies(rows, Call)
    sql = "SELECT body FROM alerts WHERE call_id = ?"
    return [with_alerts(call, _bodies(db.execute(sql, (call.call_id,)), LoggedAlert)) for call in calls]


def _bodies(rows: Iterable[tuple[Any, ...]], of: type[T]) -> list[T]:
    return [msgspec.json.decode(row[0], type=of) for row in rows]
