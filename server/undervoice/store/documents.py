"""How records look as Firestore documents, and back.

Fields are the wire's, under the wire's names. Beside them stands ``at``, the moment in a
form that sorts (``cursors.instant``); a reading also has ``stored_at``, the moment of its commit, by which
followers go. A call's ``metadata`` is a JSON text, for Firestore takes
neither lists within lists nor every key that a client may send.

A document of ``metrics`` holds one day of UTC of one agent, or a share of everybody's
(``scope`` is ``agent`` or ``all``), as a map of its hours. Everybody's day is counted by every
commit, and a document takes about one write a second: so it is cut into ``SHARDS`` documents, of
which each commit takes one by chance, and its readings keep the number (``shard``) so that an erasure
takes them back where they were counted. Reading sums whatever documents match.

Such a document holds numbers alone, so it does not grow with the calls: in which hours a call was heard stands in a
small document of its own (``heard``, see ``heard.py``). Earlier versions kept sets of calls (``calls``) instead, and a
document of 1 MiB has room for some 131,000 of them. Such days are read and erased as they are, and a call that has
readings of then is counted that way to its end.

With retention, ``expires_at`` is when a document is to be gone, for a TTL policy.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedHintFeedback, LoggedSegment
from undervoice.store import Record
from undervoice.store.batches import begun
from undervoice.store.cursors import instant
from undervoice.store.tallies import EVERYBODY, HourKey, Tally
from undervoice.store.tombstones import expiry

Document = dict[str, Any]

SHARDS = 16
"""Documents for everybody's day."""
FIRST_SHARD = 16
"""Those before it hold sets of calls, and may be full."""
UNSHARDED = -1
"""Stands for the one document that everybody's day was before there were shards."""
UNCOUNTED = -2
"""Stands for no document: the database refused to count the reading."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@=+:~-]{0,511}")


def document_id(key: str) -> str:
    """Return the id itself where Firestore takes it, else a hash of it (slashes, dots alone, too long)."""
    return key if _PLAIN.fullmatch(key) else "x-" + hashlib.sha256(key.encode()).hexdigest()


def document_of(record: Record, retention_days: int = 0) -> Document:
    """Return a record as a document; a call's alerts have documents of their own."""
    at = record.started_at if isinstance(record, Call) else record.timestamp
    document: Document = msgspec.to_builtins(record) | {"at": instant(at)}
    if isinstance(record, Call):
        document["metadata"] = msgspec.json.encode(record.metadata).decode()
        del document["alerts"]
    if expires_at := expiry(begun(record), retention_days):
        document["expires_at"] = expires_at
    return document


def segment_of(document: Document) -> LoggedSegment:
    """Return the final reading that a document holds."""
    return msgspec.convert(document, LoggedSegment)


def call_of(document: Document) -> Call:
    """Return the call that a document holds, without its alerts."""
    return msgspec.convert(document | {"metadata": msgspec.json.decode(document["metadata"])}, Call)


def alert_of(document: Document) -> LoggedAlert:
    """Return the alert that a document holds."""
    return msgspec.convert(document, LoggedAlert)


def feedback_of(document: Document) -> LoggedFeedback:
    """Return the feedback that a document holds."""
    return msgspec.convert(document, LoggedFeedback)


def hint_feedback_of(document: Document) -> LoggedHintFeedback:
    """Return what a document holds of what was said of a hint."""
    return msgspec.convert(document, LoggedHintFeedback)


def some_shard() -> int:
    """Return the number of one of everybody's documents."""
    return FIRST_SHARD + random.randrange(SHARDS)  # noqa: S311 - spreads load, no secret


def heard_document(first: LoggedSegment, places: Iterable[str], retention_days: int = 0) -> Document:
    """Return what says in which hours a call was heard, which lasts as long as its readings."""
    document: Document = {"call_id": first.call_id, "at": begun(first), "heard": sorted(places)}
    if expires_at := expiry(begun(first), retention_days):
        document["expires_at"] = expires_at
    return document


def day_id(day: str, agent: str, shard: int) -> str:
    """Return the id of the metrics document that counts a day of an agent, or of everybody (a shard of it)."""
    if agent != EVERYBODY:
        return document_id(f"{day}:{agent}")
    return day if shard == UNSHARDED else f"{day}~{shard:02}"


def day_documents(
    tallies: Mapping[HourKey, Tally], shard: int, number: Callable[[float], Any], calls: Callable[[list[int]], Any]
) -> dict[str, Document]:
    """Return what to merge into the metrics documents, by id.

    Args:
        tallies: what was counted.
        shard: which of everybody's documents counts it.
        number: makes Firestore's ``Increment`` of a count, or of its negative.
        calls: makes Firestore's ``ArrayUnion`` or ``ArrayRemove`` of hashes.
    """
    documents: dict[str, Document] = {}
    for (hour, agent), counted in tallies.items():
        counts = _counts(counted, number, calls)
        if not counts:  # merged, an empty map would replace the one that is kept
            continue
        day = hour[:10]
        head: Document = {"day": day, "scope": "agent" if agent else "all", "agent_id": agent or None, "hours": {}}
        document = documents.setdefault(day_id(day, agent, shard), head)
        document["hours"]["h" + hour[11:]] = counts
    return documents


def _counts(counted: Tally, number: Callable[[float], Any], calls: Callable[[list[int]], Any]) -> Document:
    counts: Document = {}
    if counted.total:
        counts = {
            "total_segments": number(counted.total),
            "uncertain": number(counted.uncertain),
            "upset_segments": number(counted.upset),
            "confidence_sum": number(counted.confidence_sum),
            "emotion_distribution": {emotion: number(count) for emotion, count in counted.emotions.items()},
        }
    if counted.calls:
        counts["calls"] = calls(sorted(counted.calls))
    if counted.begun:
        counts["begun"] = number(counted.begun)
    if links := {earlier: number(change) for earlier, change in counted.links.items() if change}:
        counts["links"] = links
    return counts


def hours_of(document: Document) -> Iterable[tuple[str, str, Tally]]:
    """Return the hours that a metrics document counts: (hour, agent, tally)."""
    for name, counts in document["hours"].items():
        counted = Tally(
            counts.get("total_segments", 0),
            counts.get("uncertain", 0),
            counts.get("upset_segments", 0),
            counts.get("confidence_sum", 0.0),
            dict(counts.get("emotion_distribution", ())),
            set(counts.get("calls", ())),
            counts.get("begun", 0),
            dict(counts.get("links", ())),
        )
        yield f"{document['day']}T{name[1:]}", document["agent_id"] or EVERYBODY, counted
