"""What every store promises of erased and expired calls, on each of them."""

from __future__ import annotations

import asyncio

from tests.store.records import alert, call, hint_word, moment, segment, word
from tests.store.test_contract import everything
from undervoice.store import MetricsQuery, Record, Store, open_store


def whole(call_id: str, *, at_sec: float = 0.0, agent_id: str = "a-1", readings: int = 4) -> list[Record]:
    """Return all that a store keeps of a call."""
    return [
        call(call_id, at_sec=at_sec, agent_id=agent_id, live=False),
        *(segment(n, call_id, at_sec=at_sec + 2.5 * (n + 1), agent_id=agent_id) for n in range(readings)),
        alert(call_id=call_id, timestamp=moment(at_sec + 20), agent_id=agent_id),
        word(0, call_id, at_sec=at_sec + 30, agent_id=agent_id),
        hint_word(20, call_id, at_sec=at_sec + 31, agent_id=agent_id),
    ]


async def nothing_of(store: Store, call_id: str) -> bool:
    """Whether a store keeps nothing of a call."""
    words = [*await store.feedback(call_id), *await store.hint_feedback(call_id)]
    return not words and await store.call(call_id) is None and not await store.segments(call_id)


async def test_an_erased_call_leaves_nothing_and_the_others_as_they_were(store: Store) -> None:
    await store.save(whole("c-1"))
    before = await everything(store)
    await store.save([*whole("c-2"), *whole("c-3", at_sec=7200, agent_id="a-2")])
    assert await store.erase("c-2")
    assert await store.erase("c-3")
    assert await everything(store) == before
    assert await nothing_of(store, "c-2")
    assert [await store.is_erased(name) for name in ("c-1", "c-2", "c-3")] == [False, True, True]


async def test_the_last_call_takes_the_metrics_with_it(store: Store) -> None:
    await store.save(whole("c-1"))
    assert await store.erase("c-1")
    for interval in ("daily", "hourly", "agent"):
        assert await store.metrics(MetricsQuery(interval=interval)) == []  # type: ignore[arg-type]


async def test_what_was_erased_is_never_stored_again(store: Store, store_url: str) -> None:
    await store.save(whole("c-1"))
    await store.erase("c-1")
    replica = open_store(store_url)
    for server in (store, replica):
        await server.save([*whole("c-1"), *whole("c-2", at_sec=60)])
        await server.save([segment(9, "c-1")])
        await server.save([alert("silence", call_id="c-1")])
        await server.save([call("c-1")])
        await server.save([word(3, "c-1"), hint_word(3, "c-1")])
    await replica.close()
    assert await nothing_of(store, "c-1")
    assert len(await store.segments("c-2")) == 4
    (row,) = await store.metrics(MetricsQuery())
    assert (row.total_segments, row.calls) == (4, 1)


async def test_erasing_again_or_what_never_was_finds_nothing(store: Store) -> None:
    await store.save(whole("c-1"))
    assert [await store.erase("c-1"), await store.erase("c-1"), await store.erase("c-9")] == [True, False, False]
    assert await store.is_erased("c-9")
    await store.save([segment(0, "c-9")])
    assert await store.segments("c-9") == []


async def test_only_what_belongs_to_a_call_makes_it_one(store: Store) -> None:
    for record in (segment(0, "c-1"), alert(call_id="c-2"), word(0, "c-3"), call("c-4"), hint_word(1, "c-5")):
        await store.save([record])
        assert await store.erase(record.call_id)
        assert not await store.erase(record.call_id)


async def test_saves_that_race_with_an_erasure_leave_nothing(store: Store, store_url: str) -> None:
    other = open_store(store_url)
    records = whole("c-1", readings=40)
    await store.save(whole("c-2"))

    async def keep_saving(server: Store) -> None:
        for start in range(0, len(records), 4):
            await server.save(records[start : start + 4])

    async def erase() -> None:
        await asyncio.sleep(0.02)
        await store.erase("c-1")

    await asyncio.gather(keep_saving(store), keep_saving(other), erase(), other.erase("c-1"))
    await other.close()
    assert await nothing_of(store, "c-1")
    (row,) = await store.metrics(MetricsQuery())
    assert (row.total_segments, row.calls, row.average_confidence) == (4, 1, 0.75)


async def test_a_long_call_is_erased_whole(store: Store) -> None:
    await store.save([segment(0, "c-2")])
    before = await everything(store)
    await store.save([call(), *(segment(n, confidence_score=0.1 + n / 1000) for n in range(500))])
    assert await store.erase("c-1")
    assert await everything(store) == before


async def test_calls_expire_with_all_that_belongs_to_them_and_stay_counted(store: Store) -> None:
    await store.save([*whole("c-old"), *whole("c-new", at_sec=3600, agent_id="a-2")])
    await store.save([segment(0, "clip-1"), alert(call_id="c-lost"), word(0, "c-lost-too"), hint_word(1, "c-gone")])
    counted = [await store.metrics(MetricsQuery(interval=one)) for one in ("daily", "hourly", "agent")]  # type: ignore[arg-type]
    assert await store.expire(moment(3600)) == 5
    for name in ("c-old", "clip-1", "c-lost", "c-lost-too", "c-gone"):
        assert await nothing_of(store, name)
    assert len(await store.segments("c-new")) == 4
    kept = await store.call("c-new")
    assert kept is not None
    assert len(kept.alerts) == len(await store.feedback("c-new")) == len(await store.hint_feedback("c-new")) == 1
    again = [await store.metrics(MetricsQuery(interval=one)) for one in ("daily", "hourly", "agent")]  # type: ignore[arg-type]
    assert again == counted
    assert await store.expire(moment(3600)) == 0
    assert not await store.is_erased("c-old")


async def test_a_call_expires_by_its_start_with_readings_of_later(store: Store) -> None:
    await store.save([call("c-long"), *(segment(n, "c-long", at_sec=1800.0 * n) for n in range(4))])
    assert await store.expire(moment(1)) == 1
    assert await store.segments("c-long") == []


async def test_many_calls_expire_in_parts(store: Store) -> None:
    records = [record for n in range(60) for record in whole(f"c-{n}", at_sec=n)]
    await store.save(records)
    assert await store.expire(moment(55)) == 55
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == 4 * 60
    assert await store.expire(moment(10_000)) == 5


async def test_old_tombstones_go_and_new_ones_stay(store: Store) -> None:
    await store.erase("c-1")
    await store.expire(moment(0))
    assert await store.is_erased("c-1")
    await store.expire("2999-01-01T00:00:00Z")
    assert not await store.is_erased("c-1")


async def test_what_is_too_old_is_not_stored_any_more(store: Store, store_url: str) -> None:
    """A replay of what has expired would be counted twice."""
    keeping = open_store(store_url, retention_days=30)
    await keeping.save([*whole("c-old", at_sec=-86_400 * 3650), *whole("c-new", at_sec=86_400 * 3650)])
    assert await nothing_of(store, "c-old")
    assert len(await store.segments("c-new")) == 4
    assert await keeping.erase("c-new")
    await keeping.close()
    assert await store.metrics(MetricsQuery()) == []
