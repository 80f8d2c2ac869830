"""Following the log, on each store: every reading that is stored comes once, wherever in time it belongs."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.store.records import moment, segment
from undervoice.errors import BadInput
from undervoice.store import LogQuery, Store, open_store


async def all_new(store: Store, follow: str | None, **query: Any) -> tuple[list[str], str]:
    """Return the ids that a follower gets until there are none, and from where it goes on."""
    found: list[str] = []
    while True:
        page = await store.logs(LogQuery(follow=follow, **query))
        assert page.next_cursor is None
        assert page.follow is not None
        if page.follow == follow:
            assert not page.items
            return found, follow
        found += [item.segment_id for item in page.items]
        follow = page.follow


async def test_a_follower_gets_what_was_stored_since_in_that_order(store: Store) -> None:
    await store.save([segment(n) for n in range(3)])
    page = await store.logs(LogQuery(limit=1))
    assert page.next_cursor is not None
    assert (await store.logs(LogQuery(limit=1, cursor=page.next_cursor))).follow is None
    assert await all_new(store, page.follow) == ([], page.follow)
    late = segment(0, "c-late", at_sec=-86_400)
    await store.save([segment(9)])
    await store.save([late])
    await store.save([late, segment(9), segment(3)])
    found, follow = await all_new(store, page.follow, limit=1)
    assert found == [segment(9).segment_id, late.segment_id, segment(3).segment_id]
    assert await all_new(store, follow) == ([], follow)


async def test_an_empty_log_can_be_followed_by_agent_and_emotion(store: Store) -> None:
    follow = (await store.logs(LogQuery())).follow
    await store.save([segment(n, agent_id=f"a-{n % 2}", detected_emotion=("sad", "angry")[n // 2]) for n in range(4)])

    async def found(**query: Any) -> list[int]:
        return [int(name[-9:]) // 40_000 for name in (await all_new(store, follow, **query))[0]]

    assert await found(agent_id="a-1") == [1, 3]
    assert await found(emotion="sad") == [0, 1]
    assert await found(emotion="sad", agent_id="a-1", limit=1) == [1]
    assert await found(agent_id="nobody") == []


async def test_erased_readings_do_not_stop_a_follower(store: Store) -> None:
    await store.save([segment(0), segment(0, "c-2")])
    follow = (await store.logs(LogQuery())).follow
    await store.erase("c-2")  # which was stored last
    await store.save([segment(0, "c-3")])
    await store.save([segment(1, "c-3")])
    found, _ = await all_new(store, follow)
    assert found == [segment(n, "c-3").segment_id for n in range(2)]


async def test_a_follower_misses_and_repeats_nothing_while_others_write(store: Store, store_url: str) -> None:
    """Two servers store at once, with moments of any order; what a third one sees of it is the whole."""
    servers = [open_store(store_url) for _ in range(2)]
    rest = 2 * len(servers)

    async def write(server: Store, number: int) -> None:
        nonlocal rest
        chance = random.Random(number)
        for n in range(12):
            calls = [
                segment(n, f"c-{number}-{k}", at_sec=chance.uniform(-9e5, 9e5)) for k in range(chance.randint(1, 4))
            ]
            await server.save([*calls, segment(n, "c-both")])
        rest -= 1

    await store.save([segment(0, "c-before")])
    writing = [asyncio.create_task(write(server, n)) for n, server in enumerate(servers * 2)]
    page = await store.logs(LogQuery(limit=500))
    seen, follow = [item.segment_id for item in page.items], page.follow
    while rest:
        new, follow = await all_new(store, follow, limit=7)
        seen += new
    await asyncio.gather(*writing)
    seen += (await all_new(store, follow))[0]
    assert len(seen) == len(set(seen))
    assert set(seen) == {item.segment_id for item in (await store.logs(LogQuery(limit=500))).items}
    for server in servers:
        await server.close()


@pytest.mark.parametrize("follow", ["", "x", "WyJmb2xsb3ciXQ", "WyJmb2xsb3ciLCItMSJd", "WyJmb2xsb3ciLCJ4IiwieSJd"])
async def test_what_no_page_gave_is_refused(store: Store, follow: str) -> None:
    with pytest.raises(BadInput) as caught:
        await store.logs(LogQuery(follow=follow))
    assert caught.value.code == "bad_cursor"
    await store.save([segment(n) for n in range(2)])
    page = await store.logs(LogQuery(limit=1))
    with pytest.raises(BadInput):
        await store.logs(LogQuery(cursor=page.follow))
    with pytest.raises(BadInput):
        await store.logs(LogQuery(follow=page.next_cursor))


async def test_a_moment_is_no_place_to_follow_from(store: Store) -> None:
    with pytest.raises(BadInput):
        await store.logs(LogQuery(follow=moment(0)))
