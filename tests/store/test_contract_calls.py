"""How a supervisor looks for calls, on each store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.records import alert, call, moment
from undervoice.messages import Mood
from undervoice.store import CallQuery, Store, firestore_listings


def felt(upset_sec: float, priority: float) -> Mood:
    return Mood(state="upset", since_sec=0.0, upset_score=0.7, upset_sec=upset_sec, trend=0.0, priority=priority)


async def found(store: Store, **query: Any) -> list[str]:
    """Return the ids of all pages."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await store.calls(CallQuery(cursor=cursor, **query))
        assert len(page.items) <= query.get("limit", 20)
        ids += [item.call_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def fill(store: Store) -> None:
    """Save eight calls, an hour apart: each second one live, each fourth without a mood; two with alerts."""
    await store.save([
        call(f"c-{n}", at_sec=3600.0 * n, agent_id=f"a-{n % 3}", live=n % 2 == 0,
             mood=None if n % 4 == 3 else felt(10.0 * n, 100.0 - 10 * n))
        for n in range(8)
    ])  # fmt: skip
    await store.save([alert(call_id="c-2"), alert(call_id="c-5"), alert("recovered", 40.0, "c-5")])


@pytest.mark.parametrize("limit", [1, 3, 20])
async def test_calls_are_found_by_when_whose_and_how_they_felt(store: Store, limit: int) -> None:
    await fill(store)
    for query, expected in (
        ({}, "76543210"),
        ({"since": moment(3600 * 2)}, "765432"),
        ({"until": moment(3600 * 2)}, "10"),
        ({"since": moment(3600), "until": moment(3600 * 6), "agent_id": "a-2"}, "52"),
        ({"min_upset_sec": 20}, "6542"),
        ({"min_priority": 80}, "210"),
        ({"min_upset_sec": 10, "min_priority": 50, "live": True}, "42"),
        ({"alerted": True}, "52"),
        ({"alerted": True, "live": False}, "5"),
        ({"alerted": True, "agent_id": "a-2", "min_upset_sec": 30}, "5"),
        ({"live": True, "until": moment(3600 * 4)}, "20"),
        ({"min_upset_sec": 1000}, ""),
    ):
        assert "".join(name[2:] for name in await found(store, limit=limit, **query)) == expected, query


async def test_a_calls_feeling_is_that_of_its_newest_record(store: Store) -> None:
    await store.save([call(mood=felt(5, 50)), alert()])
    assert await found(store, min_upset_sec=6) == []
    newer = call(mood=felt(8, 40), live=False, ended_at=moment(60))
    await store.save([newer])
    assert await found(store, min_upset_sec=6, alerted=True) == ["c-1"]
    assert await found(store, min_priority=45) == []
    await store.save([call("c-2"), alert(call_id="c-2", offset_sec=3.0)])
    assert await found(store, alerted=True) == ["c-2", "c-1"]
    await store.erase("c-2")
    assert await found(store, alerted=True) == ["c-1"]


async def test_looking_for_what_is_rare_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore_listings, "SIFTED", 4)
    monkeypatch.setattr(firestore_listings, "SIFTED_AT_ONCE", 2)
    await fill(store)
    assert await found(store, min_priority=100, limit=2) == ["c-0"], "pages may be empty before the last"
