"""The questions put to Firestore, each bounded; ``deploy/firestore.indexes.json`` has an index for every shape."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from undervoice.errors import BadInput
from undervoice.store import MOST_SERVICES, MOST_WAITING, CallQuery, LogQuery, MetricsQuery
from undervoice.store.cursors import clamp, decode_cursor, instant
from undervoice.store.documents import document_id
from undervoice.store.tallies import Span

CALL_ITEMS = 20_000
"""Readings, alerts or feedback of one call at most: more than five hours of the shortest segments."""

METRIC_DAYS = 10_000
"""Metrics documents read for one answer at most: a month of 300 agents, or 20 months of everybody."""

IN_VALUES = 30
"""What one ``in`` filter takes."""

SOME = 300
"""Readings by which calls are found that have any."""


def segments_of_call(client: Any, call_id: str) -> Any:
    """Return the query for one call's readings in the order of the audio."""
    return _where(client.collection("segments"), call_id=call_id).order_by("start_offset_sec").limit(CALL_ITEMS)


def feedback_of_call(client: Any, call_id: str, collection: str = "feedback") -> Any:
    """Return the query for one call's feedback, or its ``hint_feedback``, in no order."""
    return _where(client.collection(collection), call_id=call_id).limit(CALL_ITEMS)


def alerts_of_calls(client: Any, call_ids: list[str]) -> Any:
    """Return the query for the alerts of at most ``IN_VALUES`` calls, in no order."""
    from google.cloud.firestore import FieldFilter

    return client.collection("alerts").where(filter=FieldFilter("call_id", "in", call_ids)).limit(CALL_ITEMS)


def readings_of_calls(client: Any, call_ids: list[str]) -> Any:
    """Return the query for some readings of at most ``IN_VALUES`` calls, in no order, by their calls' names alone."""
    from google.cloud.firestore import FieldFilter

    mine = client.collection("segments").where(filter=FieldFilter("call_id", "in", call_ids))
    return mine.select(["call_id"]).limit(SOME)


def some_of_call(client: Any, *, collection: str, call_id: str, limit: int) -> Any:
    """Return the query for some documents of one call, in no order."""
    return _where(client.collection(collection), call_id=call_id).limit(limit)


def some_older(client: Any, *, collection: str, before: str, limit: int) -> Any:
    """Return the query for some documents of before a moment, the oldest first."""
    return _between(client.collection(collection), "at", None, before).limit(limit)


def log_page(client: Any, query: LogQuery) -> Any:
    """Return the query for a page of the log and one item more."""
    found = _where(client.collection("segments"), agent_id=query.agent_id, detected_emotion=query.emotion)
    since = instant(query.since) if query.since else None
    until = instant(query.until) if query.until else None
    return _page(_between(found, "at", since, until), query)


def stored_since(client: Any, query: LogQuery, place: tuple[datetime, str]) -> Any:
    """Return the query for readings in the order in which they were stored, behind a moment and an id."""
    found = _where(client.collection("segments"), agent_id=query.agent_id, detected_emotion=query.emotion)
    found = found.order_by("stored_at").order_by("__name__")
    # An id is never empty for Firestore: this one sorts before all others.
    return found.start_after({"stored_at": place[0], "__name__": place[1] or "-"}).limit(clamp(query.limit))


def stored_last(client: Any) -> Any:
    """Return the query for the reading that was stored last."""
    newest = client.collection("segments").order_by("stored_at", direction="DESCENDING")
    return newest.order_by("__name__", direction="DESCENDING").limit(1)


def call_page(client: Any, query: CallQuery) -> Any:
    """Return the query for a page of calls and one item more, however they felt."""
    found = _where(client.collection("calls"), agent_id=query.agent_id, live=query.live)
    since = instant(query.since) if query.since else None
    until = instant(query.until) if query.until else None
    return _page(_between(found, "at", since, until), query)


def waiting(client: Any) -> Any:
    """Return the query for those who wait, in the order in which they came."""
    return _where(client.collection("queue"), waiting=True).order_by("arrival").limit(MOST_WAITING)


def services(client: Any) -> Any:
    """Return the query for those who were served last."""
    served = _where(client.collection("queue"), served=True)
    return served.order_by("left_at", direction="DESCENDING").limit(MOST_SERVICES)


def metric_days(client: Any, query: MetricsQuery, span: Span) -> Any:
    """Return the query for the metrics documents of a span, and one more than may be."""
    days = client.collection("metrics")
    scope = "agent" if query.interval == "agent" else "all"
    days = _where(days, agent_id=query.agent_id) if query.agent_id else _where(days, scope=scope)
    days = _between(days, "day", span.from_hour[:10], span.to_hour[:10] + "~")  # "~" sorts behind: the day is included
    return days.order_by("day").limit(METRIC_DAYS + 1)


def refuse_too_many(days: int) -> None:
    """Stop an answer that would need unbounded reads.

    Raises:
        BadInput: ``range_too_wide``.
    """
    if days > METRIC_DAYS:
        raise BadInput("too many days and agents for one answer; ask for fewer days", code="range_too_wide")


def _where(query: Any, **fields: Any) -> Any:
    from google.cloud.firestore import FieldFilter

    for name, value in fields.items():
        if value is not None:
            query = query.where(filter=FieldFilter(name, "==", value))
    return query


def _between(query: Any, name: str, first: str | None, end: str | None) -> Any:
    from google.cloud.firestore import FieldFilter

    if first is not None:
        query = query.where(filter=FieldFilter(name, ">=", first))
    if end is not None:
        query = query.where(filter=FieldFilter(name, "<", end))
    return query


def _page(query: Any, page: LogQuery | CallQuery) -> Any:
    query = query.order_by("at", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
    place = decode_cursor(page.cursor)
    if place is not None:
        query = query.start_after({"at": place[0], "__name__": document_id(place[1])})
    return query.limit(clamp(page.limit) + 1)
