"""What every store promises of those who wait, on each of them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.store.records import call, moment, segment
from tests.store.test_contract import everything
from undervoice.store import Service, Store, open_store
from undervoice.wall import QueuedCaller

LONG_AGO = moment(-3600)


def caller(call_id: str = "c-1", *, at_sec: float = 0.0, **fields: Any) -> QueuedCaller:
    known: dict[str, Any] = {"source": "call", "upset_score": 0.5, "arousal": 0.5, "arrived_at": moment(at_sec)}
    return QueuedCaller(call_id=call_id, **known | fields)


async def enqueue(store: Store, *callers: QueuedCaller) -> list[int]:
    """Let callers in, and return their numbers."""
    numbers = []
    for one in callers:
        known = await store.enqueue(one, LONG_AGO)
        assert known is not None
        numbers.append(known.arrival)
    return numbers


async def names(store: Store, since: str = LONG_AGO) -> list[str]:
    return [one.call_id for one in (await store.queue(since)).waiting]


async def test_nobody_waits_at_first(store: Store) -> None:
    state = await store.queue(LONG_AGO)
    assert (state.newest, state.waiting, state.services) == (0, [], [])
    assert not await store.dequeue("c-1", moment(1), served=True)


async def test_who_waits_comes_back_as_it_was_with_the_next_number(store: Store) -> None:
    whole = caller(polarity=-0.5, mood="upset", detected_emotion="angry", confidence_score=0.9, uncertain=True)
    clip = caller("clip-1", source="clip", at_sec=1)
    assert await enqueue(store, whole, clip) == [1, 2]
    state = await store.queue(LONG_AGO)
    kept = [(one, one.arrival) for one in state.waiting]
    assert [number for _, number in kept] == [1, 2]
    assert [QueuedCaller(**{**fields(one), "arrival": 0}) for one, _ in kept] == [whole, clip]
    assert state.newest == 2


def fields(one: QueuedCaller) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


async def test_who_comes_again_keeps_the_number_and_sounds_as_now(store: Store) -> None:
    await enqueue(store, caller("c-1"), caller("c-2", at_sec=1))
    assert await enqueue(store, caller("c-1", at_sec=50, upset_score=0.9)) == [1]
    first, second = (await store.queue(LONG_AGO)).waiting
    assert (first.arrival, first.upset_score, first.arrived_at) == (1, 0.9, moment(0))
    assert second.call_id == "c-2"


async def test_who_is_served_waits_no_more_and_is_timed(store: Store) -> None:
    await enqueue(store, caller("c-1"), caller("c-2", at_sec=1), caller("c-3", at_sec=2))
    assert await store.dequeue("c-2", moment(60), served=True)
    assert await store.dequeue("c-3", moment(70), served=False)
    assert not await store.dequeue("c-2", moment(80), served=True)
    state = await store.queue(LONG_AGO)
    assert [one.call_id for one in state.waiting] == ["c-1"]
    assert [(instants(one)) for one in state.services] == [(moment(1), moment(60))], "who hung up was not served"
    assert state.newest == 3


def instants(service: Service) -> tuple[str, str]:
    return service.arrived_at.replace(".000000", ""), service.left_at.replace(".000000", "")


async def test_who_left_and_calls_again_is_a_newcomer(store: Store) -> None:
    await enqueue(store, caller("c-1"), caller("c-2"))
    await store.dequeue("c-1", moment(5), served=True)
    assert await enqueue(store, caller("c-1", at_sec=10)) == [3]
    assert await names(store) == ["c-2", "c-1"]


async def test_numbers_go_on_after_everybody_has_left_and_in_another_server(store: Store, store_url: str) -> None:
    await enqueue(store, caller("c-1"))
    await store.dequeue("c-1", moment(5), served=True)
    other = open_store(store_url)
    assert await enqueue(other, caller("c-2", at_sec=6)) == [2]
    await other.close()
    assert await names(store) == ["c-2"]


async def test_callers_who_come_at_once_on_two_servers_get_numbers_of_their_own(store: Store, store_url: str) -> None:
    other = open_store(store_url)
    for server in (store, other):
        await server.ping()
    came = await asyncio.gather(*(enqueue((store, other)[n % 2], caller(f"c-{n}")) for n in range(8)))
    await other.close()
    assert sorted(number for (number,) in came) == list(range(1, 9))


async def test_who_came_long_ago_is_not_shown_and_then_forgotten(store: Store) -> None:
    await enqueue(store, caller("c-old"), caller("c-1", at_sec=100))
    await store.dequeue("c-old", moment(5), served=True)
    await enqueue(store, caller("c-stale"))
    state = await store.queue(moment(50))
    assert ([one.call_id for one in state.waiting], state.services) == (["c-1"], [])
    assert await store.enqueue(caller("c-2", at_sec=101), moment(50))
    assert sorted(await names(store)) == ["c-1", "c-2"]


async def test_an_erased_call_waits_no_more_and_never_again(store: Store) -> None:
    await store.save([call("c-1"), segment(0, "c-1")])
    await enqueue(store, caller("c-1"), caller("c-2"))
    assert await store.erase("c-1")
    assert await names(store) == ["c-2"]
    assert await store.enqueue(caller("c-1"), LONG_AGO) is None
    assert await names(store) == ["c-2"]
    assert not await store.erase("c-1")


async def test_a_clip_of_which_nothing_else_was_stored_is_erased_too(store: Store) -> None:
    await enqueue(store, caller("clip-1", source="clip"))
    assert await store.erase("clip-1")
    assert await names(store) == []


async def test_an_erasure_that_races_with_an_arrival_leaves_nobody(store: Store, store_url: str) -> None:
    other = open_store(store_url)
    for server in (store, other):
        await server.ping()
    await asyncio.gather(
        store.enqueue(caller("c-1"), LONG_AGO), other.erase("c-1"), store.enqueue(caller("c-1"), LONG_AGO)
    )
    await other.close()
    assert await names(store) == []


async def test_who_waits_goes_with_retention(store: Store) -> None:
    before = await everything(store)
    await enqueue(store, caller("c-1"), caller("c-2", at_sec=100))
    await store.save([call("c-1", at_sec=0)])
    assert await store.expire(moment(50)) == 1
    assert await names(store) == ["c-2"]
    assert await everything(store) == before
