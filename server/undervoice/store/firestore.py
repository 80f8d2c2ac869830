"""The cloud store: documents in Firestore, every verb bounded in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TypeVar

from undervoice.resources import (
    Call,
    CallPage,
    EmotionMetrics,
    LoggedFeedback,
    LoggedHintFeedback,
    LoggedSegment,
    SegmentPage,
)
from undervoice.store import CallQuery, LogQuery, MetricsQuery, QueueState, Record, firestore_queue, queries
from undervoice.store import firestore_erasing as erasing
from undervoice.store import firestore_listings as listings
from undervoice.store.batches import Batch, begun, replaces
from undervoice.store.commits import insert, replace
from undervoice.store.cursors import instant
from undervoice.store.documents import (
    Document,
    call_of,
    document_id,
    document_of,
    feedback_of,
    hint_feedback_of,
    hours_of,
    segment_of,
)
from undervoice.store.firestore_readings import Readings
from undervoice.store.link import Link
from undervoice.store.tallies import Span, answer
from undervoice.store.tombstones import horizon
from undervoice.wall import QueuedCaller

COMMIT_SEGMENTS = 120
"""A commit holds at most 500 writes: those of as many calls, each with its agent's day, a tombstone and its hours."""

COMMIT_DOCUMENTS = 240

T = TypeVar("T")


class FirestoreStore:
    """A ``Store`` in a Firestore project (its library honours ``FIRESTORE_EMULATOR_HOST``).

    Readings and the counters that count them are one atomic commit. A ``save`` that raises may
    have kept some of its commits: saving the same again is harmless.

    Args:
        project: the database's.
        retention_days: how long readings are kept; 0: for good. What is older is not stored any
            more, and what is stored says when it is to be gone (``expires_at``).

    Raises:
        BadSettings: the client library is not installed, or no project is named.
    """

    def __init__(self, project: str, *, retention_days: int = 0) -> None:
        self._link = Link(project)
        self._days = retention_days
        self._readings = Readings(self._link, retention_days)

    @property
    def uncounted(self) -> int:
        """How many readings so far are stored but in no metrics, since the database refused to count them."""
        return self._readings.uncounted

    async def save(self, records: list[Record]) -> None:
        """Keep all records; saving them again changes nothing."""
        batch = Batch.of(records)
        if oldest := horizon(self._days):
            batch = batch.only(lambda record: begun(record) >= oldest)
        make = partial(document_of, retention_days=self._days)
        for segments in _chunks(batch.segments, COMMIT_SEGMENTS):
            await self._readings.insert(segments)
        for alerts in _chunks(batch.alerts, COMMIT_DOCUMENTS):
            await insert(self._link, "alerts", alerts, make)
        for calls in _chunks(batch.calls, COMMIT_DOCUMENTS):
            await replace(self._link, "calls", calls, make, _newer_call)
        for words in _chunks(batch.feedback, COMMIT_DOCUMENTS):
            await replace(self._link, "feedback", words, make, _no_older)
        for hints in _chunks(batch.hints, COMMIT_DOCUMENTS):
            await replace(self._link, "hint_feedback", hints, make, _no_older)

    async def segments(self, call_id: str) -> list[LoggedSegment]:
        """Return one call's final readings in the order of the audio."""
        found = await self._link.find(lambda client: queries.segments_of_call(client, call_id))
        return [segment_of(document) for document in found]

    async def logs(self, query: LogQuery) -> SegmentPage:
        """Return a page of final readings of all calls, newest first, or what was stored since another one."""
        page = listings.followed if query.follow is not None else listings.log_page
        return await page(self._link, query)

    async def call(self, call_id: str) -> Call | None:
        """Return one call with its alerts, or ``None``."""
        async with self._link.client() as client:
            found = await client.collection("calls").document(document_id(call_id)).get(**self._link.limits)
        return (await listings.calls_of(self._link, [found.to_dict()]))[0] if found.exists else None

    async def calls(self, query: CallQuery) -> CallPage:
        """Return a page of calls with their alerts, newest first."""
        return await listings.call_page(self._link, query)

    async def feedback(self, call_id: str) -> list[LoggedFeedback]:
        """Return what was said about one call's readings, oldest first."""
        found = await self._link.find(lambda client: queries.feedback_of_call(client, call_id))
        return [feedback_of(one) for one in sorted(found, key=lambda one: (one["at"], one["segment_id"]))]

    async def hint_feedback(self, call_id: str) -> list[LoggedHintFeedback]:
        """Return what was said of one call's hints, oldest first."""
        found = await self._link.find(lambda client: queries.feedback_of_call(client, call_id, "hint_feedback"))
        return [hint_feedback_of(one) for one in sorted(found, key=lambda one: (one["at"], one["alert_id"]))]

    async def metrics(self, query: MetricsQuery) -> list[EmotionMetrics]:
        """Return aggregates of the final readings; hours without any are left out.

        Raises:
            BadInput: ``range_too_wide``, past ``queries.METRIC_DAYS`` documents.
        """
        span = Span.of(query)
        found = await self._link.find(lambda client: queries.metric_days(client, query, span))
        queries.refuse_too_many(len(found))
        return answer(query, span, (row for document in found for row in hours_of(document)))

    async def erase(self, call_id: str) -> bool:
        """Remove everything of a call and its share of the metrics; one that raises may be repeated."""
        return await erasing.erase(self._link, call_id, self._days)

    async def is_erased(self, call_id: str) -> bool:
        """Return whether a call of this id was erased."""
        return await erasing.is_erased(self._link, call_id)

    async def expire(self, before: str) -> int:
        """Remove calls that started before a moment, and tombstones as old; one that raises may be repeated."""
        return await erasing.expire(self._link, instant(before))

    async def enqueue(self, caller: QueuedCaller, since: str) -> QueuedCaller | None:
        """Let a caller into the queue, or renew one who waits; ``None`` if its call was erased."""
        return await firestore_queue.enqueue(self._link, caller, instant(since), self._days)

    async def dequeue(self, call_id: str, at: str, *, served: bool) -> bool:
        """Take a caller off the queue; return whether it waited."""
        return await firestore_queue.dequeue(self._link, call_id, at, served=served)

    async def queue(self, since: str) -> QueueState:
        """Return who waits and the latest services, of those who came at or after a moment."""
        return await firestore_queue.read_queue(self._link, instant(since))

    async def ping(self) -> None:
        """Raise ``StoreDown`` unless a document can be asked for (no call has this id)."""
        async with self._link.client() as client:
            await client.collection("calls").document("_ping").get(**self._link.limits)

    async def close(self) -> None:
        """Close the connection; verbs raise ``StoreDown`` afterwards."""
        await self._link.close()


def _newer_call(new: Document, old: Document) -> bool:
    return replaces(call_of(new), call_of(old))


def _no_older(new: Document, old: Document) -> bool:
    return bool(new["at"] >= old["at"])


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def _chunks(by_id: Mapping[str, T], size: int) -> Iterator[dict[str, T]]:
    return (dict(group) for group in _groups(by_id.items(), size))
