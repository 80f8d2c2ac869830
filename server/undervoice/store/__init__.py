"""Where readings stay. One protocol of few verbs; the URL's scheme picks the backend.

Stores are idempotent: ids come from the audio, the first final reading of an id is kept, and
metrics are counted only in the transaction that first inserts a segment. So a batch may be
saved again after a failure without harm.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from undervoice.errors import BadSettings
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
from undervoice.wall import QueuedCaller

Record = LoggedSegment | Call | LoggedAlert | LoggedFeedback | LoggedHintFeedback
"""Whatever is stored; a later ``Call`` of the same id replaces the earlier one."""

Interval = Literal["daily", "hourly", "agent"]


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which segments, newest first (by ``timestamp``, then id)."""

    limit: int = 20
    cursor: str | None = None
    agent_id: str | None = None
    emotion: str | None = None
    since: str | None = None
    """Inclusive, RFC 3339 UTC."""
    until: str | None = None
    """Exclusive, RFC 3339 UTC."""
    follow: str | None = None
    """A page's ``follow``: what was stored since, in that order, each reading once; ``cursor``, ``since`` and ``until``
    are not looked at then."""


class CallQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls, newest first (by ``started_at``, then id)."""

    limit: int = 20
    cursor: str | None = None
    agent_id: str | None = None
    live: bool | None = None
    since: str | None = None
    """Started then or later, RFC 3339 UTC."""
    until: str | None = None
    """Started before, RFC 3339 UTC."""
    min_upset_sec: float | None = None
    """Seconds upset at least."""
    min_priority: float | None = None
    """By the newest mood, at least."""
    alerted: bool = False
    """Only calls with alerts."""


class MetricsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which aggregates; dates are inclusive days in ``tz``."""

    interval: Interval = "daily"
    start_date: str | None = None
    end_date: str | None = None
    agent_id: str | None = None
    tz: str = "UTC"
    min_calls: int = 20


MOST_WAITING = 10_000
"""Waiting callers that are looked at."""
MOST_SERVICES = 50
"""Services by which waiting times are estimated."""


class Service(msgspec.Struct, frozen=True):
    """When a caller came and when it was served, RFC 3339 UTC."""

    arrived_at: str
    left_at: str


class QueueState(msgspec.Struct, frozen=True):
    """Who waits, in the order in which they came."""

    newest: int
    """The number of whoever came last, waiting or not."""
    waiting: list[QueuedCaller]
    services: list[Service]
    """The latest, newest first."""


class Store(Protocol):
    """What every backend can do. A store that cannot answer in time raises ``StoreDown``."""

    @property
    def uncounted(self) -> int:
        """How many readings so far are stored but in no metrics, since the backend refused to count them."""
        return 0

    async def save(self, records: list[Record]) -> None:
        """Keep all records or raise; saving the same records again changes nothing."""

    async def segments(self, call_id: str) -> list[LoggedSegment]:
        """Return one call's final readings in the order of the audio."""

    async def logs(self, query: LogQuery) -> SegmentPage:
        """Return a page of final readings of all calls, newest first, and from where to follow what is stored after it.

        With ``follow``, return what was stored since, and from where to go on.
        """

    async def call(self, call_id: str) -> Call | None:
        """Return one call with its alerts, or ``None``."""

    async def calls(self, query: CallQuery) -> CallPage:
        """Return a page of calls, newest first; while it has a ``next_cursor``, it may be short, or even empty."""

    async def feedback(self, call_id: str) -> list[LoggedFeedback]:
        """Return what was said about one call's readings, the last word on each, oldest first."""

    async def hint_feedback(self, call_id: str) -> list[LoggedHintFeedback]:
        """Return what was said of one call's hints, the last word on each, oldest first."""

    async def metrics(self, query: MetricsQuery) -> list[EmotionMetrics]:
        """Return aggregates of the final readings."""

    async def erase(self, call_id: str) -> bool:
        """Remove everything of a call and its share of the metrics, for good; return whether there was anything.

        A tombstone (a hash of the id) stays: what a server still holds of the call is never stored again.
        """

    async def is_erased(self, call_id: str) -> bool:
        """Return whether a call of this id was erased."""

    async def expire(self, before: str) -> int:
        """Remove calls that started before a moment (RFC 3339 UTC) with all that belongs to them; return how many.

        Metrics stay: they name no call. Tombstones as old go too.
        """

    async def enqueue(self, caller: QueuedCaller, since: str) -> QueuedCaller | None:
        """Let a caller into the queue and return it with its number; ``None`` if its call was erased.

        One who waits already is renewed and keeps its number. Those who came before ``since`` are forgotten.
        """

    async def dequeue(self, call_id: str, at: str, *, served: bool) -> bool:
        """Take a caller off the queue at a moment; return whether it waited."""

    async def queue(self, since: str) -> QueueState:
        """Return who waits and the latest services, of those who came at or after a moment."""

    async def ping(self) -> None:
        """Raise ``StoreDown`` unless the store answers."""

    async def close(self) -> None:
        """Let go of files, threads and connections."""


def open_store(url: str, *, retention_days: int = 0) -> Store:
    """Return the store that a URL names: ``sqlite:///path`` or ``firestore://project``.

    Nothing is connected before the first verb is called.

    Args:
        url: where readings stay.
        retention_days: how long they are kept; 0: for good. Older ones are not stored any more; ``expire``
            removes those that are there.

    Raises:
        BadSettings: for any other scheme, or when the backend's library is not installed.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        from undervoice.store.sqlite import SqliteStore

        path = rest.removeprefix("/") if rest.startswith("//") else rest.lstrip("/") or ":memory:"
        return SqliteStore(path, retention_days=retention_days)
    if scheme == "firestore":
        from undervoice.store.firestore import FirestoreStore

        return FirestoreStore(rest, retention_days=retention_days)
    raise BadSettings(f"no such store: {scheme}:// (sqlite:///path or firestore://project)")
