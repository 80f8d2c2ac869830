"""Firestore alone: what the documents look like, and what the cloud minds where the emulator does not."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import PROJECT
from tests.store.records import call, segment
from undervoice.errors import BadInput, BadSettings, StoreDown
from undervoice.messages import Totals
from undervoice.store import CallQuery, LogQuery, MetricsQuery, commits, queries
from undervoice.store.commits import MOST_WRITES
from undervoice.store.cursors import encode_cursor
from undervoice.store.documents import day_documents, document_id, document_of
from undervoice.store.firestore import COMMIT_DOCUMENTS, COMMIT_SEGMENTS, FirestoreStore
from undervoice.store.firestore_erasing import PART
from undervoice.store.tallies import Span, tally

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
async def store(clean_emulator: str) -> AsyncIterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT)
    yield opened
    await opened.close()


def document(address: str, path: str) -> dict[str, Any]:
    """Return a document's fields as Firestore's REST interface shows them."""
    url = f"http://{address}/v1/projects/{PROJECT}/databases/(default)/documents/{path}"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer owner"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        fields: dict[str, Any] = json.load(answer)["fields"]
    return fields


@pytest.mark.emulator
async def test_a_follower_is_told_once_what_others_see_late(store: FirestoreStore, clean_emulator: str) -> None:
    """Of two commits at once the later can be seen first."""
    start = (await store.logs(LogQuery())).follow
    await store.save([segment(0)])
    first = await store.logs(LogQuery(follow=start))
    assert first.items == [segment(0)]
    stored_at = datetime.fromisoformat(
        document(clean_emulator, f"segments/{segment(0).segment_id}")["stored_at"]["timestampValue"]
    )
    late = document_of(segment(1)) | {"shard": 0, "stored_at": stored_at - timedelta(seconds=1)}
    async with store._link.client() as client:
        await client.collection("segments").document(segment(1).segment_id).set(late)
    second = await store.logs(LogQuery(follow=first.follow, limit=1))
    assert second.items == [segment(1)]
    assert (await store.logs(LogQuery(follow=second.follow))).items == []


@pytest.mark.emulator
async def test_a_segments_document_has_the_fields_of_the_wire(store: FirestoreStore, clean_emulator: str) -> None:
    reading = segment()
    await store.save([reading])
    fields = document(clean_emulator, f"segments/{reading.segment_id}")
    assert set(fields) == set(reading.__struct_fields__) | {"at", "shard", "stored_at"}
    assert fields["detected_emotion"] == {"stringValue": "angry"}
    assert fields["confidence_score"] == {"doubleValue": 0.75}
    assert fields["all_emotions_confidence"]["mapValue"]["fields"]["neutral"] == {"doubleValue": 0.25}
    assert fields["timestamp"] == {"stringValue": reading.timestamp}


@pytest.mark.emulator
async def test_metrics_stand_in_a_document_a_day_without_any_calls_name(
    store: FirestoreStore, clean_emulator: str
) -> None:
    await store.save([segment(call_id="c-secret")])
    shard = int(document(clean_emulator, f"segments/{segment(call_id='c-secret').segment_id}")["shard"]["integerValue"])
    for key, scope in ((f"2026-05-24~{shard:02}", "all"), ("2026-05-24:a-1", "agent")):
        fields = document(clean_emulator, f"metrics/{key}")
        assert fields["scope"] == {"stringValue": scope}
        hour = fields["hours"]["mapValue"]["fields"]["h10"]["mapValue"]["fields"]
        assert hour["total_segments"] == {"integerValue": "1"}
        assert "c-secret" not in json.dumps(fields)


@pytest.mark.emulator
async def test_a_race_that_is_never_won_is_the_stores_fault(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "RACES", 0)
    for record in (segment(), call()):
        with pytest.raises(StoreDown, match="others keep writing"):
            await store.save([record])


@pytest.mark.emulator
async def test_labels_of_another_model_are_counted_as_they_are(store: FirestoreStore) -> None:
    await store.save([segment(n, detected_emotion=name) for n, name in enumerate(["9 lives", "a.b`c\\", "wütend"])])
    (row,) = await store.metrics(MetricsQuery())
    assert row.emotion_distribution == {"9 lives": 1, "a.b`c\\": 1, "wütend": 1}


@pytest.mark.emulator
async def test_a_record_that_firestore_never_takes_is_refused(store: FirestoreStore) -> None:
    with pytest.raises(BadInput) as caught:
        await store.save([call(metadata={"page": "x" * 1_100_000})])
    assert caught.value.code == "refused"


@pytest.mark.emulator
async def test_metrics_are_refused_when_they_would_read_too_much(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "METRIC_DAYS", 3)
    await store.save([segment(n, agent_id=f"a-{n}") for n in range(4)])
    with pytest.raises(BadInput) as caught:
        await store.metrics(MetricsQuery(interval="agent"))
    assert caught.value.code == "range_too_wide"


@pytest.mark.emulator
async def test_replicas_that_race_for_a_call_end_with_the_newest(store: FirestoreStore) -> None:
    records = [call(live=n < 7, totals=Totals(audio_sec=float(n))) for n in range(8)]
    outcomes = await asyncio.gather(*(store.save([one]) for one in records), return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, StoreDown) for outcome in outcomes)
    await store.save([records[-1]])
    assert await store.call("c-1") == records[-1]


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(BadSettings, match=r"pip install undervoice\[firestore\]"):
        FirestoreStore(PROJECT)


def test_a_project_must_be_named() -> None:
    with pytest.raises(BadSettings, match="firestore://my-project"):
        FirestoreStore("")


def test_a_commit_stays_under_500_writes() -> None:
    calls = [segment(0, f"c-{n}", agent_id=f"a-{n}") for n in range(COMMIT_SEGMENTS)]
    tombstones, heard = len(calls), len(calls)
    assert len(calls) + len(day_documents(tally(calls), 0, int, list)) + tombstones + heard <= MOST_WRITES
    assert COMMIT_DOCUMENTS * 2 <= MOST_WRITES
    worst = [segment(n, agent_id=f"a-{n}", at_sec=86_400.0 * n) for n in range(PART)]
    assert len(worst) + len(day_documents(tally(worst), 0, int, list)) <= MOST_WRITES


@pytest.mark.emulator
async def test_what_would_be_more_writes_than_a_commit_takes_is_cut(store: FirestoreStore) -> None:
    worst = [segment(n, f"c-{n}", agent_id=f"a-{n}", at_sec=86_400.0 * n) for n in range(COMMIT_SEGMENTS)]
    assert 3 * len(worst) + len(day_documents(tally(worst), 0, int, list)) > MOST_WRITES
    await store.save(list(worst))
    rows = await store.metrics(MetricsQuery())
    assert [(row.total_segments, row.calls) for row in rows] == [(1, 1)] * COMMIT_SEGMENTS


@pytest.mark.parametrize("key", ["a/b", ".", "..", "__x__", "", "x" * 2000, "ü"])
def test_no_id_can_leave_its_collection(key: str) -> None:
    name = document_id(key)
    assert name.startswith("x-")
    assert len(name) == 66


def test_every_query_has_its_index() -> None:
    """The emulator answers without them, the cloud does not."""
    pytest.importorskip("google.cloud.firestore")
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.firestore import AsyncClient

    client = AsyncClient(project=PROJECT, credentials=AnonymousCredentials())
    listed = {
        (index["collectionGroup"], tuple((field["fieldPath"], field["order"]) for field in index["fields"]))
        for index in json.loads((DEPLOY / "firestore.indexes.json").read_text())["indexes"]
    }
    assert {shape for query in every_query(client) if (shape := composite(query))} == listed


def every_query(client: Any) -> Iterator[Any]:
    cursor = encode_cursor(("2026-05-24T10:00:00.000000Z", "c-1"))
    moments = ("2026-05-24T10:00:00Z", None)
    for agent, emotion, since, until in itertools.product(("a", None), ("sad", None), moments, moments):
        log = LogQuery(agent_id=agent, emotion=emotion, since=since, until=until, cursor=cursor)
        yield queries.log_page(client, log)
    for agent, emotion in itertools.product(("a", None), ("sad", None)):
        stored = LogQuery(agent_id=agent, emotion=emotion)
        yield queries.stored_since(client, stored, (datetime(2026, 5, 24, tzinfo=UTC), "c-1"))
    yield queries.stored_last(client)
    for agent, live, since in itertools.product(("a", None), (True, False, None), moments):
        yield queries.call_page(client, CallQuery(agent_id=agent, live=live, since=since))
    for agent, interval in itertools.product(("a", None), ("daily", "agent")):
        asked = MetricsQuery(agent_id=agent, interval=interval)  # type: ignore[arg-type]
        yield queries.metric_days(client, asked, Span.of(asked))
    yield queries.segments_of_call(client, "c-1")
    yield queries.feedback_of_call(client, "c-1")
    yield queries.alerts_of_calls(client, ["c-1", "c-2"])
    yield queries.readings_of_calls(client, ["c-1", "c-2"])
    yield queries.waiting(client)
    yield queries.services(client)
    yield queries.some_of_call(client, collection="alerts", call_id="c-1", limit=9)
    yield queries.some_older(client, collection="alerts", before="2026-05-24T10:00:00.000000Z", limit=9)


def composite(query: Any) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the composite index that a query needs: equalities first, then the order."""
    parts = query._to_protobuf()
    orders = [(order.field.field_path, order.direction.name) for order in parts.order_by]
    orders = [(name, direction) for name, direction in orders if name != "__name__"]
    where = parts.where
    filters = [one.field_filter for one in where.composite_filter.filters] or [where.field_filter]
    equal = sorted(one.field.field_path for one in filters if one.field.field_path and one.op.name in ("EQUAL", "IN"))
    if not equal or not orders:
        return None
    return parts.from_[0].collection_id, (*((name, "ASCENDING") for name in equal), *orders)


def test_no_browser_may_touch_the_database() -> None:
    rules = (DEPLOY / "firestore.rules").read_text()
    assert rules.count("allow ") == 1
    assert "allow read, write: if false;" in rules
    assert "match /{document=**}" in rules
