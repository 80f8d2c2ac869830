"""What the wall is told of a call, and how long it is kept for those who come back."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.edges.test_live_feed import Event, events_of
from tests.store.records import alert, call
from undervoice.errors import UndervoiceError
from undervoice.feed import KEPT_SEC, Feed
from undervoice.live import LiveCalls
from undervoice.messages import Mood
from undervoice.telling import MOOD_SEC
from undervoice.wall import LiveCall


class Nobody:
    def end(self, error: UndervoiceError) -> None: ...

    def move(self, deadline_sec: float) -> None: ...


def mood(n: int, **fields: Any) -> Mood:
    known: dict[str, Any] = {"state": "calm", "since_sec": 0.0, "upset_sec": 0.0, "trend": 0.0}
    return Mood(upset_score=n / 1000, priority=float(n), **known | fields)


def all_told(feed: Feed, since: int = 0) -> list[Event]:
    """Return what stands in a feed."""
    found: list[Event] = []
    while (part := feed.since(since)) is not None and part[1] > since:
        text, since = part[0].decode(), part[1]
        found += [event for event in events_of(iter(text.split("\n"))) if isinstance(event, Event)]
    return found


async def test_moods_are_told_at_most_twice_a_second_and_the_newest_is_never_lost() -> None:
    calls = LiveCalls()
    claim = calls.claim("c-1", Nobody())
    claim.update(call("c-1", mood=mood(0)))
    began = time.monotonic()
    n = 0
    while time.monotonic() - began < 2.4 * MOOD_SEC:
        n += 1
        claim.update(call("c-1", mood=mood(n)))
        await asyncio.sleep(0.01)
    await asyncio.sleep(MOOD_SEC)
    told = all_told(calls.feed)
    assert [event.kind for event in told] == ["call", "mood", "mood", "mood", "mood"]
    assert told[-1].data["priority"] == n
    claim.release()


async def test_every_alert_is_told_once_and_at_once() -> None:
    calls = LiveCalls()
    claim = calls.claim("c-1", Nobody())
    claim.update(call("c-1", mood=mood(1)))
    alerts = []
    for n in range(5):
        alerts.append(alert(offset_sec=float(n)))  # the call's own list grows
        claim.update(call("c-1", mood=mood(1), alerts=alerts))
        claim.update(call("c-1", mood=mood(1), alerts=alerts))
    told = all_told(calls.feed)
    assert [event.data["alert_id"] for event in told if event.kind == "alert"] == [one.alert_id for one in alerts]
    await asyncio.sleep(MOOD_SEC * 1.2)
    last = all_told(calls.feed)[-1]
    assert (last.kind, last.data["alerts"], last.data["last_alert"]["offset_sec"]) == ("mood", 5, 4)
    claim.release(call("c-1", live=False, reason="stop"))
    assert all_told(calls.feed)[-1].kind == "ended"


async def test_nothing_is_told_behind_the_end() -> None:
    calls = LiveCalls()
    claim = calls.claim("c-1", Nobody())
    for n in range(3):
        claim.update(call("c-1", mood=mood(n)))
    claim.release(call("c-1", live=False, reason="stop"))
    await asyncio.sleep(MOOD_SEC * 1.2)
    assert [event.kind for event in all_told(calls.feed)] == ["call", "mood", "ended"]


async def test_a_call_that_never_started_is_not_told_of() -> None:
    calls = LiveCalls()
    calls.claim("c-1", Nobody()).release()
    assert all_told(calls.feed) == []


@given(st.integers(1, 20), st.lists(st.integers(0, 12), min_size=1, max_size=12), st.data())
def test_whoever_comes_back_gets_all_that_followed_or_is_told_that_it_is_gone(
    kept: int, rounds: list[int], data: st.DataObject
) -> None:
    feed = Feed(kept)
    number = itertools.count(1)
    for count in rounds:
        for _ in range(count):
            feed.tell("mood", LiveCall(call_id=f"c-{next(number)}"))
        last = data.draw(st.integers(0, feed.newest + 2))
        place = feed.number(f"{feed._name}-{last}")
        if feed.newest - kept <= last <= feed.newest:
            assert place == last
            assert [event.data["call_id"] for event in all_told(feed, last)] == [
                f"c-{n}" for n in range(last + 1, feed.newest + 1)
            ]
        else:
            assert place is None


def test_nobody_is_told_of_what_is_long_past() -> None:
    now = 0.0
    feed = Feed(clock=lambda: now)
    feed.tell("mood", LiveCall(call_id="c-1"))
    now = KEPT_SEC - 1
    feed.tell("mood", LiveCall(call_id="c-2"))
    assert [event.data["call_id"] for event in all_told(feed)] == ["c-1", "c-2"]
    now = KEPT_SEC + 1
    assert feed.since(0) is None
    assert feed.number(f"{feed._name}-0") is None
    assert [event.data["call_id"] for event in all_told(feed, 1)] == ["c-2"]


async def test_a_reader_that_takes_nothing_for_long_loses_its_seat() -> None:
    feed = Feed()
    reader = feed.read("t-1")
    feed.tell("mood", LiveCall(call_id="c-1"))
    assert reader.take()
    reader.close()
    reader.close()
    assert (len(feed), reader.take()) == (0, None)
