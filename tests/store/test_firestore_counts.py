"""Firestore alone: calls are counted without documents that grow with them, and readings are kept before all else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator import PROJECT
from tests.store.records import call, segment
from tests.store.test_firestore import document
from tests.store.test_trends import QUERIES, READINGS
from tests.store.test_trends import counted as counted_in_sets
from undervoice.resources import EmotionMetrics, LoggedSegment
from undervoice.store import MetricsQuery, firestore_erasing
from undervoice.store.documents import FIRST_SHARD, SHARDS, UNCOUNTED, UNSHARDED, day_documents, day_id, document_of
from undervoice.store.firestore import FirestoreStore
from undervoice.store.heard import places, relink
from undervoice.store.tallies import EVERYBODY, HourKey, Span, Tally, answer, tally
from undervoice.store.writer import Writer

FULL = {"filler": "x" * (2**20 - 200)}
"""A field that leaves a document some room, but not for a count."""
DAY = "2026-05-24"
EARLIER_SHARDS = 16
"""Documents for everybody's day that 0.1.0 numbered from 0 on."""


@pytest.fixture
async def store(clean_emulator: str) -> AsyncIterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT)
    yield opened
    await opened.close()


async def put(store: FirestoreStore, paths: Iterable[str], fields: dict[str, Any]) -> None:
    async with store._link.client() as client:
        for path in paths:
            await client.document(path).set(fields)


async def counts(store: FirestoreStore, **query: Any) -> list[tuple[int, int]]:
    return [(row.total_segments, row.calls) for row in await store.metrics(MetricsQuery(**query))]


# ---------------------------------------------------------------- links instead of sets


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(READINGS, min_size=1, max_size=4) | st.sampled_from(["c-1", "c-2"]), max_size=8),
    st.lists(QUERIES, min_size=4, max_size=4),
)
def test_links_count_the_calls_that_sets_would(
    history: list[list[LoggedSegment] | str], queries: list[MetricsQuery]
) -> None:
    """Whatever is saved and erased in whatever order, over any days of any zone."""
    linked: dict[HourKey, Tally] = {}
    kept: dict[str, list[LoggedSegment]] = {}
    for step in history:
        by_call = {step: []} if isinstance(step, str) else _by_call(step)
        for call_id, more in by_call.items():
            old = kept.get(call_id, [])
            kept[call_id] = [*old, *more] if more else []
            relink(linked, places(old), places(kept[call_id]))
    readings = [one for mine in kept.values() for one in mine]
    sums = tally(readings)
    for key, links in linked.items():
        sums.setdefault(key, Tally()).calls.clear()
        sums[key].begun, sums[key].links = links.begun, links.links
    for query in queries:
        asked = [(*key, one) for key, one in sums.items() if _wanted(key[1], query)]
        expected = answer(query, Span.of(query), counted_in_sets(readings, query))
        assert answer(query, Span.of(query), asked) == expected


def _by_call(segments: list[LoggedSegment]) -> dict[str, list[LoggedSegment]]:
    return {name: [one for one in segments if one.call_id == name] for name in {one.call_id for one in segments}}


def _wanted(agent: str, query: MetricsQuery) -> bool:
    return agent == query.agent_id if query.agent_id else bool(agent) == (query.interval == "agent")


@pytest.mark.emulator
async def test_no_document_grows_with_the_calls(store: FirestoreStore, clean_emulator: str) -> None:
    def sizes() -> dict[str, int]:
        paths = [f"metrics/{day_id(DAY, EVERYBODY, one)}" for one in range(FIRST_SHARD, FIRST_SHARD + SHARDS)]
        return {path: len(str(fields)) for path in paths if (fields := known(clean_emulator, path))}

    await store.save([segment(n, f"c-{n}") for n in range(100)])
    (small,) = sizes().values()
    for group in range(8):
        await store.save([segment(n, f"d-{group}-{n}") for n in range(100)])
    assert await counts(store) == [(900, 900)]
    # Numbers have some more digits.
    assert max(sizes().values()) < small + 40


def known(address: str, path: str) -> dict[str, Any]:
    try:
        return document(address, path)
    except OSError:
        return {}


@pytest.mark.emulator
async def test_a_call_is_written_down_once_an_hour(store: FirestoreStore, clean_emulator: str) -> None:
    async def heard() -> tuple[list[str], Any]:
        async with store._link.client() as client:
            kept = await client.document("heard/c-1").get()
        return kept.get("heard"), kept.update_time

    await store.save([call(), segment(0)])
    first = await heard()
    assert first[0] == ["2026-05-24T10", "2026-05-24T10a-1"]
    for n in range(1, 5):
        await store.save([segment(n)])
    assert await heard() == first
    await store.save([segment(5, at_sec=3600)])
    assert (await heard())[0] == [*first[0], "2026-05-24T11", "2026-05-24T11a-1"]
    assert await counts(store, interval="hourly") == [(5, 1), (1, 1)]
    assert await counts(store) == [(6, 1)]


@pytest.mark.emulator
async def test_servers_that_hear_a_call_at_once_count_it_once(store: FirestoreStore) -> None:
    others = [store, *(FirestoreStore(PROJECT) for _ in range(3))]
    for hour in range(3):
        parts = [[segment(4 * hour + n, at_sec=3600.0 * hour)] for n in range(4)]
        await asyncio.gather(*(server.save(list(part)) for server, part in zip(others, parts, strict=True)))
    assert await counts(store, interval="hourly") == [(4, 1)] * 3
    assert await counts(store, interval="agent") == [(12, 1)]
    for server in others[1:]:
        await server.close()


@pytest.mark.emulator
async def test_a_call_that_begins_elsewhere_meanwhile_is_no_call_of_an_earlier_version(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FirestoreStore(PROJECT)
    look = store._readings._with_readings

    async def after_the_other(call_ids: list[str]) -> list[str]:
        await other.save([segment(0)])
        return await look(call_ids)

    monkeypatch.setattr(store._readings, "_with_readings", after_the_other)
    await store.save([segment(1, at_sec=3600)])
    assert await counts(store) == [(2, 1)]
    assert await counts(store, interval="hourly") == [(1, 1), (1, 1)]
    await other.close()


@pytest.mark.emulator
async def test_a_call_of_many_hours_is_taken_back_in_parts(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore_erasing, "PART_HOURS", 3)
    await store.save([segment(n, at_sec=3600.0 * n, agent_id=f"a-{n % 2}") for n in range(8)])
    await store.save([segment(n, "c-2", at_sec=3600.0 * n) for n in (3, 5)])
    assert await counts(store, interval="agent") == [(4, 1), (6, 2)]
    await asyncio.gather(*(store.erase("c-1") for _ in range(3)))
    assert await counts(store, interval="agent") == [(2, 1)]
    assert await counts(store, interval="hourly") == [(1, 1), (1, 1)]
    assert await counts(store) == [(2, 1)]
    async with store._link.client() as client:
        assert [one.id for one in await client.collection("heard").get()] == ["c-2"]


# ---------------------------------------------------------------- what earlier versions counted


async def write_earlier(store: FirestoreStore, readings: list[LoggedSegment], shard: int) -> None:
    """Write readings as they were when sets of calls were counted."""
    async with store._link.client() as client:
        write = client.batch()
        mark = {} if shard == UNSHARDED else {"shard": shard}
        for one in readings:
            write.set(client.collection("segments").document(one.segment_id), document_of(one) | mark)
        for key, day in day_documents(tally(readings), shard, lambda number: number, list).items():
            write.set(client.collection("metrics").document(key), day, merge=True)
        await write.commit()


@pytest.mark.emulator
@pytest.mark.parametrize("shard", [UNSHARDED, 3])
async def test_calls_of_an_earlier_version_go_on_and_are_taken_back_where_they_were_counted(
    store: FirestoreStore, shard: int
) -> None:
    await write_earlier(store, [segment(n) for n in range(3)], shard)
    await store.save([segment(n, "c-2") for n in range(2)])
    assert await counts(store) == [(5, 2)]
    await store.save([segment(3), segment(4, at_sec=-3600), segment(5, at_sec=3600), segment(2, "c-2", at_sec=3600)])
    assert await counts(store) == [(9, 2)]
    assert await counts(store, interval="hourly") == [(1, 1), (6, 2), (2, 2)]
    assert await counts(store, interval="agent") == [(9, 2)]
    await store.erase("c-1")
    (row,) = await store.metrics(MetricsQuery())
    assert (row.total_segments, row.calls, row.average_confidence) == (3, 1, 0.75)


@pytest.mark.emulator
async def test_a_day_that_an_earlier_version_has_filled_takes_no_readings_from_anybody(store: FirestoreStore) -> None:
    await write_earlier(store, [segment(0)], 0)
    others = [f"metrics/{day_id(DAY, EVERYBODY, shard)}" for shard in range(1, EARLIER_SHARDS)]
    await put(store, others, {"day": DAY, "scope": "all", "agent_id": None, "hours": {}} | FULL)
    await store.save([segment(n, f"c-{n}") for n in range(2, 50)])
    assert store.uncounted == 0
    assert await counts(store) == [(49, 49)]


# ---------------------------------------------------------------- what the database refuses to count


def rows_of(rows: list[EmotionMetrics]) -> list[tuple[str | None, int, int]]:
    return [(row.agent_id, row.total_segments, row.calls) for row in rows]


@pytest.mark.emulator
async def test_a_reading_that_cannot_be_counted_is_stored_all_the_same(
    store: FirestoreStore, caplog: pytest.LogCaptureFixture
) -> None:
    await put(store, [f"metrics/{DAY}:a-9"], {"day": DAY, "scope": "agent", "agent_id": "a-9", "hours": {}} | FULL)
    writer = Writer(store)
    for n in range(20):
        writer.put(segment(n, f"c-{n % 4}", agent_id="a-9" if n % 4 == 1 else "a-1"))
    await writer.flush(30)
    assert (writer.dropped, writer.saved, store.uncounted) == (0, 20, 5)
    assert [one.seq for one in await store.segments("c-1")] == [1, 5, 9, 13, 17]
    assert await counts(store) == [(15, 3)]
    assert rows_of(await store.metrics(MetricsQuery(interval="agent"))) == [("a-1", 15, 3)]
    assert "in no metrics" in caplog.text
    assert "c-1" not in caplog.text
    await writer.close()


@pytest.mark.emulator
async def test_what_was_never_counted_is_not_taken_back(store: FirestoreStore, clean_emulator: str) -> None:
    await put(store, [f"metrics/{DAY}:a-9"], {"day": DAY, "scope": "agent", "agent_id": "a-9", "hours": {}} | FULL)
    await store.save([segment(0, agent_id="a-9")])
    await store.save([segment(n, agent_id="a-1") for n in (1, 2)])
    await store.save([segment(0, "c-2")])
    shard = document(clean_emulator, f"segments/{segment(0).segment_id}")["shard"]
    assert shard == {"integerValue": str(UNCOUNTED)}
    assert await counts(store) == [(3, 2)]
    assert await store.erase("c-1")
    assert await counts(store) == [(1, 1)]
    assert await counts(store, interval="agent") == [(1, 1)]
    assert await store.segments("c-1") == []
