"""How every store shows its readings, on each of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.records import moment, segment
from undervoice.errors import BadInput
from undervoice.store import CallQuery, LogQuery, Store


async def ids(store: Store, **query: Any) -> list[str]:
    return [item.segment_id for item in (await store.logs(LogQuery(**query))).items]


async def test_a_calls_segments_are_in_the_order_of_the_audio(store: Store) -> None:
    await store.save([segment(n) for n in (3, 0, 11, 2)] + [segment(1, "c-2")])
    await store.save([segment(1)])
    assert [kept.start_offset_sec for kept in await store.segments("c-1")] == [0.0, 2.5, 5.0, 7.5, 27.5]


async def test_the_log_is_newest_first_and_its_pages_are_the_whole(store: Store) -> None:
    # Three calls end segments at the same moments, so that ids must break the ties.
    await store.save([segment(n, f"c-{k}") for n in range(7) for k in range(3)])
    whole = await ids(store, limit=500)
    assert whole == sorted(whole, key=lambda key: (key.split(":")[2], key), reverse=True)
    assert len(whole) == 21
    paged: list[str] = []
    cursor = None
    while True:
        page = await store.logs(LogQuery(limit=4, cursor=cursor))
        paged += [item.segment_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        await store.save([segment(90 + len(paged))])  # newer ones do not disturb the pages behind
    assert paged == whole


async def test_the_log_is_filtered(store: Store) -> None:
    await store.save([segment(n, agent_id=f"a-{n % 2}", detected_emotion=("sad", "angry")[n // 2]) for n in range(4)])

    async def found(**query: Any) -> list[int]:
        return [item.seq for item in (await store.logs(LogQuery(**query))).items]

    assert await found(agent_id="a-0") == [2, 0]
    assert await found(emotion="sad") == [1, 0]
    assert await found(agent_id="a-1", emotion="angry") == [3]
    assert await found(since=moment(5)) == [3, 2, 1]
    assert await found(until=moment(5)) == [0]
    assert await found(since="2026-05-24T12:00:05+02:00", until="2026-05-24T10:00:07.500Z") == [1]
    assert await found(agent_id="a-0", emotion="sad", since=moment(0), until=moment(99)) == [0]
    page = await store.logs(LogQuery(agent_id="a-0", emotion="sad", limit=1))
    assert page.next_cursor is None
    first = await store.logs(LogQuery(agent_id="a-0", limit=1))
    assert await found(agent_id="a-0", limit=1, cursor=first.next_cursor) == [0]


async def test_moments_sort_by_time_however_they_are_written(store: Store) -> None:
    written = [
        "2026-05-24T10:00:01Z",
        "2026-05-24T12:00:01.250+02:00",
        "2026-05-24T10:00:01.5Z",
        "2026-05-24T10:00:02Z",
    ]
    await store.save([segment(n, timestamp=text) for n, text in enumerate(written)])
    assert [item.seq for item in (await store.logs(LogQuery())).items] == [3, 2, 1, 0]


@pytest.mark.parametrize("cursor", ["", "x", "ü", "WyJhIiwiYiJd", "eyJhIjoxfQ", "AAAA" * 100, "WzEsMl0", "W10="])
async def test_a_bad_cursor_is_the_clients_fault(store: Store, cursor: str) -> None:
    for refused in (store.logs(LogQuery(cursor=cursor)), store.calls(CallQuery(cursor=cursor))):
        with pytest.raises(BadInput) as caught:
            await refused
        assert caught.value.code == "bad_cursor"


async def test_limits_are_clamped(store: Store) -> None:
    await store.save([segment(n) for n in range(3)])
    assert len(await ids(store, limit=0)) == 1
    assert len(await ids(store, limit=10**9)) == 3
