"""What is set up in Firestore beside the service: indexes for what is asked, and for nothing else."""

from __future__ import annotations

import json
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
from undervoice.store.documents import Document, document_of, heard_document
from undervoice.store.firestore_erasing import KEYS
from undervoice.wall import QueuedCaller


def documents() -> dict[str, Document]:
    """Return a document of each collection that grows with the calls."""
    caller = QueuedCaller(call_id="c-1", source="call", upset_score=0.5, arousal=0.5, arrived_at=moment(0))
    kept = partial(document_of, retention_days=1)
    stored = {"stored_at": datetime.fromisoformat(moment(0))}
    return {
        "segments": kept(segment()) | stored,
        "calls": kept(call(live=False, ended_at=moment(60))),
        "alerts": kept(alert()),
        "feedback": kept(word()),
        "hint_feedback": kept(hint_word()),
        "queue": msgspec.to_builtins(caller) | dict.fromkeys(("at", "waiting", "served", "left_at", "expires_at")),
        "heard": heard_document(segment(), ["2026-05-24T10"], retention_days=1),
        "tombstones": dict.fromkeys(("call_hash", "at", "expires_at")),
    }


def asked_alone(client: Any) -> set[tuple[str, str]]:
    """Return the fields whose own index a query goes along, by collection."""
    found = list(every_query(client))
    for name in (*KEYS, "tombstones"):
        found.append(queries.some_older(client, collection=name, before=moment(0), limit=9))
        if name in KEYS:
            found.append(queries.some_of_call(client, collection=name, call_id="c-1", limit=9))
    alone = set()
    for query in found:
        parts = query._to_protobuf()
        if composite(query) is None:
            fields = [order.field.field_path for order in parts.order_by] + [parts.where.field_filter.field.field_path]
            alone |= {(parts.from_[0].collection_id, name) for name in fields if name not in ("", "__name__")}
    return alone


def test_nothing_is_indexed_that_nobody_asks() -> None:
    """Firestore indexes every field both ways unless told not to: that is time and space of each write.

    And an index whose values only grow, as moments do, takes some 500 writes a second, however many servers there are.
    """
    pytest.importorskip("google.cloud.firestore")
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.firestore import AsyncClient

    assert set(documents()) == {*KEYS, "tombstones"}
    overrides = json.loads((DEPLOY / "firestore.indexes.json").read_text())["fieldOverrides"]
    without = {(one["collectionGroup"], one["fieldPath"]) for one in overrides if one["indexes"] == []}
    indexed = {(name, field) for name, document in documents().items() for field in document} - without
    assert indexed == asked_alone(AsyncClient(project=PROJECT, credentials=AnonymousCredentials()))
