"""Pages of a Firestore store's lists, each from a bounded number of documents."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import Any

import msgspec

from undervoice.resources import Call, CallPage, LoggedAlert, SegmentPage
from undervoice.store import CallQuery, LogQuery, queries
from undervoice.store.batches import with_alerts
from undervoice.store.cursors import clamp, decode_mark, encode_cursor, encode_mark, instant
from undervoice.store.documents import Document, alert_of, call_of, document_id, segment_of
from undervoice.store.link import Link
from undervoice.store.sifting import felt, fits

SIFTED_AT_ONCE, SIFTED = 100, 1000
"""Calls read for one answer to a query about how they felt, of which it may want none."""
NOTHING_STORED = datetime(1970, 1, 1, tzinfo=UTC)
OVERLAP, TOLD, SHORT_BYTES = timedelta(seconds=2), 64, 5
"""How far back a follower looks again, at how many readings at most, and how each of those is named in its mark."""
SETTLED = timedelta(seconds=10)
"""After this nothing is looked at again, however the clocks differ."""

Place = tuple[datetime, str]
"""When a document was stored, and its id: documents of one commit share the moment."""


async def log_page(link: Link, query: LogQuery) -> SegmentPage:
    """Return a page of readings, newest first, and from where to follow what is stored after it."""
    end = await _end(link) if query.cursor is None else None
    found = await link.find(lambda client: queries.log_page(client, query))
    page, cursor = _cut(found, "segment_id", query.limit)
    if end is None:
        return SegmentPage(items=[segment_of(one) for one in page], next_cursor=cursor)
    # What was stored between the two reads comes with the first answer to the follower.
    items = [segment_of(one) for one in page if _place(one) <= end]
    return SegmentPage(items=items, next_cursor=cursor, follow=_mark(end))


async def followed(link: Link, query: LogQuery) -> SegmentPage:
    """Return readings that were stored since ``query.follow``, in the order in which they were.

    Firestore stamps a commit in milliseconds, and before others see it: of two at once the later can be seen
    first. So the last moments are read again, and a follower's mark says what it has been told of them.
    """
    moment, key, told = decode_mark(query.follow, instant, str, _told)
    place, limit = (datetime.fromisoformat(moment), key), clamp(query.limit)
    asked = msgspec.structs.replace(query, limit=clamp(limit + len(told)))
    found = await link.find(lambda client: queries.stored_since(client, asked, place))
    new = [one for one in found if _short(one) not in told]
    page, untold = new[:limit], [_place(one) for one in new[limit:]]
    known = [one for one in found if _place(one) not in untold]
    # Those that are not found are further on, or erased.
    further: set[bytes] = told.difference(map(_short, found)) if len(found) == asked.limit else set()
    if not page and not further and known and datetime.now(UTC) - _place(known[-1])[0] > SETTLED:
        return SegmentPage(items=[], follow=_mark(_place(known[-1])))
    place, known = _settled(place, known, untold[:1], TOLD - len(further))
    return SegmentPage(items=[segment_of(one) for one in page], follow=_mark(place, map(_short, known), further))


def _settled(place: Place, known: list[Document], untold: list[Place], most: int) -> tuple[Place, list[Document]]:
    """Return up to where nothing is looked at again, and what has been told behind that place."""
    places = [_place(one) for one in known]
    dropped = 0
    for at in places:
        droppable = places[-1][0] - at[0] > OVERLAP or len(known) - dropped > most
        if not droppable or (untold and at > untold[0]):
            break
        place, dropped = at, dropped + 1
    return place, known[dropped:]


async def call_page(link: Link, query: CallQuery) -> CallPage:
    """Return a page of calls with their alerts, newest first."""
    items: list[Call] = []
    size = max(query.limit, SIFTED_AT_ONCE) if felt(query) else query.limit
    cursor, seen = query.cursor, 0
    while seen < SIFTED and len(items) < clamp(query.limit):
        asked = msgspec.structs.replace(query, cursor=cursor, limit=size)
        page, cursor = _cut(await link.find(partial(queries.call_page, query=asked)), "call_id", size)
        items += [call for call in await calls_of(link, page) if fits(query, call)]
        seen += len(page)
        if cursor is None:
            break
    if len(items) > clamp(query.limit):
        items = items[: clamp(query.limit)]
        cursor = encode_cursor((instant(items[-1].started_at), items[-1].call_id))
    return CallPage(items=items, next_cursor=cursor)


async def calls_of(link: Link, documents: list[Document]) -> list[Call]:
    """Return the calls that documents hold, with their alerts."""
    calls = [call_of(document) for document in documents]
    alerts: list[LoggedAlert] = []
    ids = iter([call.call_id for call in calls])
    while group := list(islice(ids, queries.IN_VALUES)):
        alerts += [alert_of(one) for one in await link.find(partial(queries.alerts_of_calls, call_ids=group))]
    return [with_alerts(call, (alert for alert in alerts if alert.call_id == call.call_id)) for call in calls]


async def _end(link: Link) -> Place:
    found = await link.find(queries.stored_last)
    return _place(found[0]) if found else (NOTHING_STORED, "")


def _place(document: Document) -> Place:
    # What an earlier version stored does not say when.
    return document.get("stored_at") or NOTHING_STORED, document_id(document["segment_id"])


def _mark(place: Place, *told: Iterable[bytes]) -> str:
    shorts = base64.b64encode(b"".join(chain(*told))).decode()
    return encode_mark(instant(place[0].isoformat()), place[1], shorts)


def _short(document: Document) -> bytes:
    return hashlib.blake2b(document["segment_id"].encode(), digest_size=SHORT_BYTES).digest()


def _told(text: str) -> set[bytes]:
    shorts = base64.b64decode(text, validate=True)
    return {shorts[at : at + SHORT_BYTES] for at in range(0, len(shorts), SHORT_BYTES)}


def _cut(found: list[Document], key: str, limit: int) -> tuple[list[Document], str | None]:
    """Return the page without the item that tells of another one, and the cursor to that."""
    page: list[Any] = found[: clamp(limit)]
    return page, encode_cursor((page[-1]["at"], page[-1][key])) if len(found) > len(page) else None
