"""What is set up in Firestore beside the service: no index that time alone makes hot, unless a question needs it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import pytest

from tests.deploy.charts import DEPLOY
from tests.emulator import PROJECT
from tests.store.records import alert, call, hint_word, moment, segment, word
from tests.store.test_firestore import composite, every_query
from undervoice.store import queries
from undervoice.store.documents import Document, document_of
from undervoice.store.firestore_erasing import KEYS
from undervoice.wall import QueuedCaller

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")


def documents() -> dict[str, Document]:
    """Return a document of each collection that has an entry a reading, alert, call or caller."""
    caller = QueuedCaller(call_id="c-1", source="call", upset_score=0.5, arousal=0.5, arrived_at=moment(0))
    kept = partial(document_of, retention_days=1)
    stored = {"stored_at": datetime.fromisoformat(moment(0))}
    return {
        "segments": kept(segment()) | stored,
        "calls": kept(call(live=False, ended_at=moment(60))),
        "alerts": kept(alert()),
        "feedback": kept(word()),
        "hint_feedback": kept(hint_word()),
        "queue": msgspec.to_builtins(caller) | {"at": moment(0), "left_at": moment(9), "expires_at": moment(99)},
        "tombstones": {"at": moment(0), "expires_at": moment(99)},
    }


def growing(document: Document) -> set[str]:
    """Return the fields that are later the later they are written, so that all writes hit one end of an index."""
    return {
        name
        for name, value in document.items()
        if isinstance(value, datetime) or (isinstance(value, str) and INSTANT.match(value))
    }


def asked_alone(client: Any) -> set[tuple[str, str]]:
    """Return the fields whose own index a query goes along, by collection."""
    some_older = partial(queries.some_older, client, before=moment(0), limit=9)
    found = [*every_query(client), *(some_older(collection=name) for name in (*KEYS, "tombstones"))]
    alone = set()
    for query in found:
        parts = query._to_protobuf()
        if composite(query) is None:
            fields = [order.field.field_path for order in parts.order_by] + [parts.where.field_filter.field.field_path]
            alone |= {(parts.from_[0].collection_id, name) for name in fields if name not in ("", "__name__")}
    return alone


def test_no_index_is_hot_but_those_that_are_asked() -> None:
    """Some 500 writes a second is what an index takes whose values only grow."""
    pytest.importorskip("google.cloud.firestore")
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.firestore import AsyncClient

    assert set(documents()) == {*KEYS, "tombstones"}
    overrides = json.loads((DEPLOY / "firestore.indexes.json").read_text())["fieldOverrides"]
    without = {(one["collectionGroup"], one["fieldPath"]) for one in overrides if one["indexes"] == []}
    hot = {(name, field) for name, document in documents().items() for field in growing(document)} - without
    needed = asked_alone(AsyncClient(project=PROJECT, credentials=AnonymousCredentials()))
    assert hot == {(name, field) for name, field in needed if field in growing(documents()[name])}
