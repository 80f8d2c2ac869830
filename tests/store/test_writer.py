"""The writer: nobody waits, nothing is lost that need not be, nothing is stored twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.emulator import PROJECT, Emulator
from tests.store.ledgers import Ledger, eventually
from tests.store.records import alert, call, segment, word
from undervoice.errors import StoreDown
from undervoice.messages import Totals
from undervoice.store import MetricsQuery, Record, Store
from undervoice.store import writer as writing
from undervoice.store.firestore import FirestoreStore
from undervoice.store.writer import BATCH, Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(str(tmp_path / "store.db"))
    yield ledger
    await ledger.close()


@pytest.fixture
async def writer(store: Ledger) -> AsyncIterator[Writer]:
    opened = Writer(store)
    yield opened
    await opened.close(1.0)


async def test_what_was_put_can_be_read_after_a_flush(store: Ledger, writer: Writer) -> None:
    writer.put(segment())
    writer.put(call())
    assert writer.depth == 2
    await writer.flush()
    assert writer.depth == 0
    assert writer.saved == 2
    assert await store.segments("c-1") == [segment()]
    assert await store.call("c-1") == call()
    await writer.flush()


async def test_records_are_saved_without_anybody_asking(store: Ledger, writer: Writer) -> None:
    writer.put(segment())
    await eventually(lambda: bool(store.saved))
    assert store.saved == [segment()]


async def test_records_are_batched_and_in_order(store: Ledger, writer: Writer) -> None:
    records = [segment(n) for n in range(3 * BATCH + 7)]
    for record in records:
        writer.put(record)
    await writer.flush()
    assert store.saved == records
    assert [len(batch) for batch in store.batches] == [BATCH, BATCH, BATCH, 7]


async def test_a_full_batch_does_not_linger(store: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LINGER_SEC", 60)
    writer = Writer(store)
    writer.put(segment(0))
    await asyncio.sleep(0.02)
    for n in range(1, BATCH):
        writer.put(segment(n))
    await eventually(lambda: writer.depth == 0)
    await writer.close()


async def test_a_store_that_is_down_holds_up_nobody_and_gets_everything_once(store: Ledger, writer: Writer) -> None:
    store.down = True
    records: list[Record] = []
    spent = 0.0
    for n in range(500):
        for record in (segment(n), alert(offset_sec=float(n)), word(n)):
            began = time.perf_counter()
            writer.put(record)
            spent += time.perf_counter() - began
            records.append(record)
        if n % 100 == 0:
            await asyncio.sleep(0.05)
    assert spent < 0.5
    with pytest.raises(StoreDown, match="1500 records are not stored yet: out for lunch"):
        await writer.flush(0.2)
    assert writer.last_error == "out for lunch"
    assert writer.depth == 1500
    store.down = False
    await writer.flush(20)
    assert writer.last_error is None
    assert store.saved == records
    assert writer.dropped == 0
    assert len(await store.segments("c-1")) == 500


async def test_it_comes_back_by_itself(store: Ledger, writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "undervoice.store")
    store.down = True
    writer.put(segment())
    await asyncio.sleep(0.3)
    assert writer.depth == 1
    store.down = False
    await eventually(lambda: writer.depth == 0)
    assert [record.getMessage() for record in caplog.records] == [
        "the store is down, 1 records wait: out for lunch",
        "the store is back, 1 records wait",
    ]


async def test_settling_waits_for_a_store_that_works_only(store: Ledger, writer: Writer) -> None:
    writer.put(segment())
    await writer.settle(5)
    assert writer.depth == 0
    store.down = True
    writer.put(segment(1))
    await writer.settle(0.01)
    await eventually(lambda: writer.last_error is not None)
    began = time.monotonic()
    await writer.settle(5)
    assert time.monotonic() - began < 1
    assert writer.depth == 1
    store.down = False


async def test_successive_records_of_a_call_are_saved_as_one(store: Ledger, writer: Writer) -> None:
    for n in range(50):
        writer.put(call(totals=Totals(audio_sec=float(n))))
    writer.put(call(live=False, totals=Totals(audio_sec=50.0)))
    writer.put(call(totals=Totals(audio_sec=49.0)))
    assert writer.depth == 1
    await writer.flush()
    assert store.saved == [call(live=False, totals=Totals(audio_sec=50.0))]


async def test_a_refused_record_does_not_hold_up_the_others(
    store: Ledger, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    store.refuses = segment(17).segment_id
    for n in range(40):
        writer.put(segment(n))
    await writer.flush()
    assert len(await store.segments("c-1")) == 39
    assert (writer.dropped, writer.saved) == (1, 39)
    assert "the store refused a LoggedSegment: BadInput" in caplog.text
    assert "c-1" not in caplog.text


async def test_over_capacity_the_least_precious_goes_first(store: Ledger) -> None:
    store.down = True
    writer = Writer(store, capacity=6)
    sacrificed: list[Record] = [call("c-2"), word(8), alert(), call("c-1", live=False)]
    readings = [segment(n) for n in range(6)]
    for record in [*readings[:2], *sacrificed, *readings[2:5]]:
        writer.put(record)
    assert (writer.depth, writer.dropped) == (6, 3)
    store.down = False
    await writer.flush()
    assert store.saved == [*readings[:2], sacrificed[3], *readings[2:5]]
    await writer.close()


async def test_close_saves_what_is_left_and_takes_no_more(store: Ledger) -> None:
    writer = Writer(store)
    for n in range(450):
        writer.put(segment(n))
    assert await writer.close() == 0
    assert len(await store.segments("c-1")) == 450
    writer.put(segment(999))
    assert (writer.depth, writer.dropped) == (0, 1)
    assert await Writer(store).close() == 0


async def test_close_gives_up_at_its_deadline(store: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    store.down = True
    writer = Writer(store)
    writer.put(segment())
    began = time.monotonic()
    assert await writer.close(0.2) == 1
    assert time.monotonic() - began < 2
    assert "1 records were not stored before the end" in caplog.text


@pytest.mark.emulator
async def test_a_frozen_database_gets_everything_afterwards_in_order_and_once(
    clean_emulator: str, firestore_process: Emulator
) -> None:
    if firestore_process.process is None:
        pytest.skip("the emulator belongs to somebody else")
    store: Store = FirestoreStore(PROJECT)
    writer = Writer(store)
    writer.put(segment(0))
    await writer.flush()
    firestore_process.freeze()
    try:
        for n in range(1, 300):
            writer.put(segment(n))
            if n % 50 == 0:
                await asyncio.sleep(0.06)
        with pytest.raises(StoreDown):
            await writer.flush(1)
        assert writer.depth == 299
    finally:
        firestore_process.thaw()
    await writer.flush(20)
    assert [one.seq for one in await store.segments("c-1")] == list(range(300))
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == 300
    await writer.close()
    await store.close()
