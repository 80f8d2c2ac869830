"""How records look as Firestore documents, and back.

Fields are the wire's, under the wire's names. Beside them stands ``at``, the moment in a
form that sorts (``cursors.instant``). A call's ``metadata`` is a JSON text, for Firestore takes
neither lists within lists nor every key that a client may send.

A document of ``metrics`` holds one day of UTC of one agent, or of everybody (``scope`` is
``agent`` or ``all``), as a map of its hours. Reading sums whatever documents match, so
several writers may keep one each under ids of their own once one is too busy. The sets of
calls (``tallies.call_hash``) allow some 100,000 calls a day in a document of 1 MiB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedSegment
from undervoice.store.cursors import instant
from undervoice.store.tallies import EVERYBODY, HourKey, Tally

Document = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@=+:~-]{0,511}")


def document_id(key: str) -> str:
    """Return the id itself where Firestore takes it, else a hash of it (slashes, dots alone, too long)."""
    return key if _PLAIN.fullmatch(key) else "x-" + hashlib.sha256(key.encode()).hexdigest()


def segment_document(segment: LoggedSegment) -> Document:
    """Return a final reading as a document."""
    return _document(segment) | {"at": instant(segment.timestamp)}


def segment_of(document: Document) -> LoggedSegment:
    """Return the final reading that a document holds."""
    return msgspec.convert(document, LoggedSegment)


def call_document(call: Call) -> Document:
    """Return a call as a document; its alerts have documents of their own."""
    document = _document(call) | {
        "at": instant(call.started_at),
        "metadata": msgspec.json.encode(call.metadata).decode(),
    }
    del document["alerts"]
    return document


def call_of(document: Document) -> Call:
    """Return the call that a document holds, without its alerts."""
    return msgspec.convert(document | {"metadata": msgspec.json.decode(document["metadata"])}, Call)


def alert_document(alert: LoggedAlert) -> Document:
    """Return an alert as a document."""
    return _document(alert) | {"at": instant(alert.timestamp)}


def alert_of(document: Document) -> LoggedAlert:
    """Return the alert that a document holds."""
    return msgspec.convert(document, LoggedAlert)


def feedback_document(word: LoggedFeedback) -> Document:
    """Return feedback as a document."""
    return _document(word) | {"at": instant(word.timestamp)}


def feedback_of(document: Document) -> LoggedFeedback:
    """Return the feedback that a document holds."""
    return msgspec.convert(document, LoggedFeedback)


def day_id(day: str, agent: str) -> str:
    """Return the id of the metrics document that counts a day of an agent, or of everybody."""
    return document_id(f"{day}:{agent}" if agent != EVERYBODY else day)


def day_documents(tallies: Mapping[HourKey, Tally], increment: Any, union: Any) -> dict[str, Document]:
    """Return what to merge into the metrics documents, by id.

    Args:
        tallies: what was counted.
        increment: Firestore's ``Increment``.
        union: Firestore's ``ArrayUnion``.
    """
    documents: dict[str, Document] = {}
    for (hour, agent), counted in tallies.items():
        day = hour[:10]
        head: Document = {"day": day, "scope": "agent" if agent else "all", "agent_id": agent or None, "hours": {}}
        document = documents.setdefault(day_id(day, agent), head)
        document["hours"]["h" + hour[11:]] = {
            "total_segments": increment(counted.total),
            "uncertain": increment(counted.uncertain),
            "upset_segments": increment(counted.upset),
            "confidence_sum": increment(counted.confidence_sum),
            "emotion_distribution": {emotion: increment(count) for emotion, count in counted.emotions.items()},
            "calls": union(sorted(counted.calls)),
        }
    return documents


def hours_of(document: Document) -> Iterable[tuple[str, str, Tally]]:
    """Return the hours that a metrics document counts: (hour, agent, tally)."""
    for name, counts in document["hours"].items():
        counted = Tally(
            counts["total_segments"],
            counts["uncertain"],
            counts["upset_segments"],
            counts["confidence_sum"],
            dict(counts["emotion_distribution"]),
            set(counts["calls"]),
        )
        yield f"{document['day']}T{name[1:]}", document["agent_id"] or EVERYBODY, counted


def _document(record: LoggedSegment | Call | LoggedAlert | LoggedFeedback) -> Document:
    document: Document = msgspec.to_builtins(record)
    return document
