"""The embedded store: one SQLite file, readings written and read off the event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from undervoice.resources import (
    Call,
    CallPage,
    EmotionMetrics,
    LoggedAlert,
    LoggedFeedback,
    LoggedHintFeedback,
    LoggedSegment,
    SegmentPage,
)
from undervoice.store import CallQuery, LogQuery, MetricsQuery, QueueState, Record, sqlite_queue
from undervoice.store import sqlite_erasing as erasing
from undervoice.store.batches import Batch, begun, replaces
from undervoice.store.cursors import instant
from undervoice.store.hours import count
from undervoice.store.listings import bodies, call_page, calls_of, followed, log_page
from undervoice.store.tallies import Span, tally
from undervoice.store.tombstones import horizon, now
from undervoice.store.trends import metrics
from undervoice.store.worker import Worker
from undervoice.wall import QueuedCaller

T = TypeVar("T")


class SqliteStore:
    """A ``Store`` in one file, or in memory (``:memory:``), opened by the first verb.

    Writes go through one thread and one connection, so they queue instead of locking each
    other out; reads have their own, which WAL lets run beside them. A batch is one transaction.

    Args:
        path: the file.
        retention_days: how long readings are kept; 0: for good. What is older is not stored any
            more, or a late replay of what has expired would be counted a second time.
    """

    uncounted = 0
    """A transaction holds all or nothing."""

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
        return await self._read(lambda db: bodies(db.execute(sql, (call_id,)), LoggedSegment))

    async def logs(self, query: LogQuery) -> SegmentPage:
        """Return a page of final readings of all calls, newest first, or what was stored since another one."""
        page = followed if query.follow is not None else log_page
        return await self._read(lambda db: page(db, query))

    async def call(self, call_id: str) -> Call | None:
        """Return one call with its alerts, or ``None``."""
        found = await self._read(lambda db: calls_of(db, call_id))
        return found[0] if found else None

    async def calls(self, query: CallQuery) -> CallPage:
        """Return a page of calls with their alerts, newest first."""
        return await self._read(lambda db: call_page(db, query))

    async def feedback(self, call_id: str) -> list[LoggedFeedback]:
        """Return what was said about one call's readings, oldest first."""
        sql = "SELECT body FROM feedback WHERE call_id = ? ORDER BY at, segment_id"
        return await self._read(lambda db: bodies(db.execute(sql, (call_id,)), LoggedFeedback))

    async def hint_feedback(self, call_id: str) -> list[LoggedHintFeedback]:
        """Return what was said of one call's hints, oldest first."""
        sql = "SELECT body FROM hint_feedback WHERE call_id = ? ORDER BY at, alert_id"
        return await self._read(lambda db: bodies(db.execute(sql, (call_id,)), LoggedHintFeedback))

    async def metrics(self, query: MetricsQuery) -> list[EmotionMetrics]:
        """Return aggregates of the final readings; hours without any are left out."""
        span = Span.of(query)
        return await self._read(lambda db: metrics(db, query, span))

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

    async def enqueue(self, caller: QueuedCaller, since: str) -> QueuedCaller | None:
        """Let a caller into the queue, or renew one who waits; ``None`` if its call was erased."""
        return await self._writes.run(lambda db: sqlite_queue.enqueue(db, caller, instant(since)))

    async def dequeue(self, call_id: str, at: str, *, served: bool) -> bool:
        """Take a caller off the queue; return whether it waited."""
        return await self._writes.run(lambda db: sqlite_queue.dequeue(db, call_id, at, served=served))

    async def queue(self, since: str) -> QueueState:
        """Return who waits and the latest services, of those who came at or after a moment."""
        return await self._read(lambda db: sqlite_queue.read_queue(db, instant(since)))

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
        first = _insert_segments(db, batch.segments.values())
        for key, counted in tally(first).items():
            count(db, key, counted)
        for call in batch.calls.values():
            _put_call(db, call)
        for alert in batch.alerts.values():
            _put_alert(db, alert)
        for table, words in (("feedback", batch.feedback), ("hint_feedback", batch.hints)):
            _put_words(db, table, words)


def _put_words(db: sqlite3.Connection, table: str, words: Mapping[str, LoggedFeedback | LoggedHintFeedback]) -> None:
    for key, word in words.items():
        said = (key, word.call_id, instant(word.timestamp), msgspec.json.encode(word))
        db.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at,"  # noqa: S608 - names are our own
                   " call_id = excluded.call_id, body = excluded.body WHERE excluded.at >= at", said)  # fmt: skip


def _insert_segments(db: sqlite3.Connection, segments: Iterable[LoggedSegment]) -> list[LoggedSegment]:
    """Keep readings whose ids are new, numbered in the order in which they are stored; return those."""
    (end,) = db.execute("SELECT number FROM log_end").fetchone()
    new: list[LoggedSegment] = []
    for segment in segments:
        row = (
            segment.segment_id,
            segment.call_id,
            segment.agent_id,
            instant(segment.timestamp),
            segment.start_offset_sec,
            segment.detected_emotion,
            msgspec.json.encode(segment),
            end + len(new) + 1,
        )
        if db.execute("INSERT OR IGNORE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount == 1:
            new.append(segment)
    db.execute("UPDATE log_end SET number = ?", (end + len(new),))
    return new


def _put_call(db: sqlite3.Connection, call: Call) -> None:
    kept = db.execute("SELECT body FROM calls WHERE call_id = ?", (call.call_id,)).fetchone()
    if kept is None or replaces(call, msgspec.json.decode(kept[0], type=Call)):
        upset_sec, priority = (call.mood.upset_sec, call.mood.priority) if call.mood else (0.0, 0.0)
        row = (call.call_id, call.agent_id, instant(call.started_at), call.live, msgspec.json.encode(call))
        alerted = "(SELECT count(*) FROM alerts WHERE call_id = ?)"
        db.execute(f"REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, {alerted} > 0)",  # noqa: S608 - a constant
                   (*row, upset_sec, priority, call.call_id))  # fmt: skip


def _put_alert(db: sqlite3.Connection, alert: LoggedAlert) -> None:
    row = (alert.alert_id, alert.call_id, instant(alert.timestamp), msgspec.json.encode(alert))
    if db.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?)", row).rowcount:
        db.execute("UPDATE calls SET alerted = 1 WHERE call_id = ? AND NOT alerted", (alert.call_id,))
