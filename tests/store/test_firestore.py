"""Firestore alone: what the documents look like, and what happens when nobody answers."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import PROJECT, Emulator, free_port
from tests.store.records import alert, call, segment, word
from undervoice.errors import BadInput, BadSettings, StoreDown
from undervoice.messages import Totals
from undervoice.store import CallQuery, LogQuery, MetricsQuery, Record, commits, dial, link, queries
from undervoice.store.cursors import encode_cursor
from undervoice.store.documents import day_documents, document_id
from undervoice.store.firestore import COMMIT_SEGMENTS, FirestoreStore
from undervoice.store.tallies import Span, tally

DEPLOY = Path(__file__).parents[2] / "deploy"
BOUND_SEC = 5.5
"""What a verb may take when nobody answers, and a little for a busy machine."""


@pytest.fixture
async def store(clean_emulator: str) -> AsyncIterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT)
    yield opened
    await opened.close()


@pytest.fixture
def frozen(firestore_process: Emulator) -> Iterator[Emulator]:
    if firestore_process.process is None:
        pytest.skip("the emulator belongs to somebody else")
    yield firestore_process
    firestore_process.thaw()


def document(address: str, path: str) -> dict[str, Any]:
    """Return a document's fields as Firestore's REST interface shows them."""
    url = f"http://{address}/v1/projects/{PROJECT}/databases/(default)/documents/{path}"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer owner"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        fields: dict[str, Any] = json.load(answer)["fields"]
    return fields


@pytest.mark.emulator
async def test_a_segments_document_has_the_fields_of_the_wire(store: FirestoreStore, clean_emulator: str) -> None:
    reading = segment()
    await store.save([reading])
    fields = document(clean_emulator, f"segments/{reading.segment_id}")
    assert set(fields) == set(reading.__struct_fields__) | {"at"}
    assert fields["detected_emotion"] == {"stringValue": "angry"}
    assert fields["confidence_score"] == {"doubleValue": 0.75}
    assert fields["all_emotions_confidence"]["mapValue"]["fields"]["neutral"] == {"doubleValue": 0.25}
    assert fields["timestamp"] == {"stringValue": reading.timestamp}


@pytest.mark.emulator
async def test_metrics_stand_in_a_document_a_day_without_any_calls_name(
    store: FirestoreStore, clean_emulator: str
) -> None:
    await store.save([segment(call_id="c-secret")])
    for key, scope in (("2026-05-24", "all"), ("2026-05-24:a-1", "agent")):
        fields = document(clean_emulator, f"metrics/{key}")
        assert fields["scope"] == {"stringValue": scope}
        hour = fields["hours"]["mapValue"]["fields"]["h10"]["mapValue"]["fields"]
        assert hour["total_segments"] == {"integerValue": "1"}
        assert "c-secret" not in json.dumps(fields)


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


@pytest.mark.emulator
async def test_a_frozen_database_is_down_within_bounds_and_counts_once_afterwards(
    store: FirestoreStore, frozen: Emulator
) -> None:
    await store.save([segment(0)])
    records: list[Record] = [segment(n) for n in range(50)]
    frozen.freeze()
    await all_down(store.save(records), store.logs(LogQuery()), store.call("c-1"), store.ping())
    frozen.thaw()
    # What was sent to the frozen process may still take effect: before, after or during this.
    await until_saved(store, records)
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == len(await store.segments("c-1")) == 50


async def until_saved(store: FirestoreStore, records: list[Record]) -> None:
    for _ in range(10):
        try:
            return await store.save(records)
        except StoreDown:
            await asyncio.sleep(0.2)
    raise AssertionError("the store did not come back")


@pytest.mark.emulator
async def test_every_verb_has_an_outer_bound(store: FirestoreStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr(link, "VERB_SEC", 0)
        await all_down(store.save([segment()]), store.logs(LogQuery()), store.metrics(MetricsQuery()), store.ping())
    await store.save([segment()])


@pytest.mark.emulator
async def test_a_refused_port_is_down_within_bounds_and_the_store_recovers(
    clean_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
    store = FirestoreStore(PROJECT)
    await all_down(store.save([segment(), alert(), word()]), store.segments("c-1"), store.ping())
    async with relay(port, clean_emulator):
        await until_saved(store, [segment()])
        assert len(await store.segments("c-1")) == 1
        await store.close()


async def all_down(*verbs: Coroutine[Any, Any, object]) -> None:
    """Check that each raises ``StoreDown``, and soon."""
    began = time.monotonic()
    outcomes = await asyncio.gather(*verbs, return_exceptions=True)
    assert time.monotonic() - began < BOUND_SEC
    for outcome in outcomes:
        assert isinstance(outcome, StoreDown)
        assert outcome.message.startswith(f"store firestore://{PROJECT}: ")


@asynccontextmanager
async def relay(port: int, address: str) -> AsyncIterator[None]:
    """Make a port answer that nobody answered before."""
    host, real = address.rsplit(":", 1)
    pairs: set[asyncio.Task[Any]] = set()

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pairs.add(asyncio.current_task())  # type: ignore[arg-type]
        there_reader, there_writer = await asyncio.open_connection(host, int(real))
        try:
            await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            there_writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield
    server.close()
    for pair in pairs:
        pair.cancel()
    await asyncio.gather(*pairs)


@pytest.mark.parametrize("emulator", ["127.0.0.1:1", None])
async def test_after_an_outage_it_connects_again_soon(emulator: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, gRPC would wait for up to two minutes."""
    pytest.importorskip("google.cloud.firestore")
    import google.auth
    import grpc
    from google.auth.credentials import AnonymousCredentials

    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), PROJECT))
    if emulator:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    else:
        monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    given: list[tuple[str, Any]] = []
    for name in ("insecure_channel", "secure_channel"):
        real = getattr(grpc.aio, name)

        def channel(*args: Any, real: Callable[..., Any] = real, options: Any = (), **others: Any) -> Any:
            given.extend(options)
            return real(*args, options=options, **others)

        monkeypatch.setattr(grpc.aio, name, channel)
    client = dial.dial(PROJECT)
    await client._firestore_api.transport.close()
    assert set(dial.OPTIONS) <= set(given)
    assert ("grpc.max_receive_message_length", -1) in given


async def test_missing_credentials_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.firestore")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    store = FirestoreStore(PROJECT)
    with pytest.raises(StoreDown, match="no credentials") as caught:
        await store.save([segment()])
    assert "\n" not in caught.value.message
    await store.close()


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
    worst = [segment(n, agent_id=f"a-{n}", at_sec=86_400.0 * n) for n in range(COMMIT_SEGMENTS)]
    assert len(worst) + len(day_documents(tally(worst), int, list)) <= 500


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
    for agent, live in itertools.product(("a", None), (True, False, None)):
        yield queries.call_page(client, CallQuery(agent_id=agent, live=live))
    for agent, interval in itertools.product(("a", None), ("daily", "agent")):
        asked = MetricsQuery(agent_id=agent, interval=interval)  # type: ignore[arg-type]
        yield queries.metric_days(client, asked, Span.of(asked))
    yield queries.segments_of_call(client, "c-1")
    yield queries.feedback_of_call(client, "c-1")
    yield queries.alerts_of_calls(client, ["c-1", "c-2"])


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


@pytest.mark.emulator
async def test_a_race_that_is_never_won_is_the_stores_fault(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "RACES", 0)
    for record in (segment(), call()):
        with pytest.raises(StoreDown, match="others keep writing"):
            await store.save([record])
