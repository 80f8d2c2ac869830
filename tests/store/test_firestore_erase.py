"""Firestore alone: shards, expiry and erasures, and metrics that stay right whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.emulator import PROJECT
from tests.store.records import alert, call, segment
from tests.store.test_firestore import DEPLOY, document
from undervoice.resources import LoggedSegment
from undervoice.store import MetricsQuery, documents, firestore, firestore_erasing
from undervoice.store.documents import FIRST_SHARD, SHARDS
from undervoice.store.firestore import FirestoreStore
from undervoice.store.tallies import Span, answer, tally
from undervoice.store.tombstones import tombstone


@pytest.fixture
async def store(clean_emulator: str) -> AsyncIterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT)
    yield opened
    await opened.close()


@pytest.mark.emulator
async def test_everybodys_day_is_spread_over_documents_and_read_as_one(
    store: FirestoreStore, clean_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = itertools.cycle(range(SHARDS))
    monkeypatch.setattr(documents.random, "randrange", lambda _: next(shards))
    for n in range(2 * SHARDS):
        await store.save([segment(n)])
    found = [
        document(clean_emulator, f"metrics/2026-05-24~{shard}") for shard in range(FIRST_SHARD, FIRST_SHARD + SHARDS)
    ]
    hours = [fields["hours"]["mapValue"]["fields"]["h10"]["mapValue"]["fields"] for fields in found]
    assert [hour["total_segments"]["integerValue"] for hour in hours] == ["2"] * SHARDS
    (row,) = await store.metrics(MetricsQuery())
    assert (row.total_segments, row.calls) == (2 * SHARDS, 1)
    await store.erase("c-1")
    assert await store.metrics(MetricsQuery()) == []


@pytest.mark.emulator
async def test_with_retention_documents_say_when_they_are_to_be_gone(clean_emulator: str) -> None:
    store = FirestoreStore(PROJECT, retention_days=10)
    now = datetime.now(UTC)
    begun = now.isoformat().replace("+00:00", "Z")
    later = (now + timedelta(seconds=2.5)).isoformat().replace("+00:00", "Z")
    await store.save([call(started_at=begun), segment(timestamp=later), alert(offset_sec=2.5, timestamp=later)])
    await store.erase("c-2")
    for path in ("calls/c-1", f"segments/{segment().segment_id}", f"alerts/{alert(offset_sec=2.5).alert_id}"):
        expires_at = datetime.fromisoformat(document(clean_emulator, path)["expires_at"]["timestampValue"])
        assert expires_at == now + timedelta(days=10)
    assert "expires_at" in document(clean_emulator, f"tombstones/{tombstone('c-2')}")
    kept = await store.call("c-1")
    assert kept is not None
    assert kept.started_at == begun
    assert len(await store.segments("c-1")) == 1
    await store.close()


@pytest.mark.emulator
async def test_an_erasure_that_was_interrupted_is_repeated_harmlessly(
    store: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore_erasing, "PART", 7)
    await store.save([segment(n, "c-2") for n in range(5)])
    before = [await store.metrics(MetricsQuery(interval=one)) for one in ("daily", "hourly", "agent")]  # type: ignore[arg-type]
    await store.save([call(), *(segment(n) for n in range(40)), alert()])
    for interruption in (0.01, 0.03, 0.05, 0.08):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(store.erase("c-1"), interruption)
    await asyncio.gather(store.erase("c-1"), store.erase("c-1"))
    assert [await store.metrics(MetricsQuery(interval=one)) for one in ("daily", "hourly", "agent")] == before  # type: ignore[arg-type]
    assert (await store.call("c-1"), await store.segments("c-1")) == (None, [])


def reading(chance: random.Random, call_id: str) -> LoggedSegment:
    """Return one of a call, within a few hours of two days, in no order."""
    number, hours = chance.randrange(30), chance.choice([0, 0, 1, 2, 13, 14])
    agent = chance.choice(["a-1", "a-1", "a-2", None])
    return segment(number, call_id, agent_id=agent, at_sec=3600.0 * hours, confidence_score=chance.random())


@pytest.mark.emulator
@pytest.mark.parametrize("seed", range(3))
async def test_metrics_are_those_of_the_kept_readings_whatever_happens(
    store: FirestoreStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, servers = random.Random(seed), [store, FirestoreStore(PROJECT)]
    monkeypatch.setattr(firestore, "COMMIT_SEGMENTS", 5)  # so that a save can stop half-way
    for _ in range(25):
        name = f"c-{chance.randrange(8)}"
        part = [reading(chance, name) for _ in range(chance.randrange(12))]
        match chance.randrange(6):
            case 0:
                await chance.choice(servers).erase(name)
            case 1:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(store.save(list(part)), chance.random() * 0.03)
            case 2:
                await asyncio.gather(*(server.save(list(part)) for server in servers), return_exceptions=True)
            case _:
                await chance.choice(servers).save(list(part))
    await servers[1].close()
    kept = [one for n in range(8) for one in await store.segments(f"c-{n}")]
    for interval in ("daily", "hourly", "agent"):
        query = MetricsQuery(interval=interval)  # type: ignore[arg-type]
        counted = [
            (hour, agent, sums) for (hour, agent), sums in tally(kept).items() if bool(agent) == (interval == "agent")
        ]
        assert await store.metrics(query) == answer(query, Span.of(query), counted)


def test_the_deployment_lets_expired_documents_go() -> None:
    overrides = json.loads((DEPLOY / "firestore.indexes.json").read_text())["fieldOverrides"]
    expiring = {one["collectionGroup"] for one in overrides if one["fieldPath"] == "expires_at" and one["ttl"]}
    assert expiring == {*firestore_erasing.KEYS, "tombstones"}
