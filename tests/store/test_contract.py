"""What every store promises, on each of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.store.records import alert, call, hint_word, moment, segment, word
from undervoice.errors import StoreDown
from undervoice.messages import Mood, Totals
from undervoice.resources import Peak, Summary
from undervoice.store import CallQuery, LogQuery, MetricsQuery, Record, Store, open_store
from undervoice.terms import Consent

MOOD = Mood(state="upset", since_sec=5.0, upset_score=0.8, upset_sec=12.5, trend=0.5, priority=91.0)
WEIRD = ["A.@=+-_", "0", "a" * 128, "a..", "A__", "a.b@c"]


async def ids(store: Store, **query: Any) -> list[str]:
    return [item.segment_id for item in (await store.logs(LogQuery(**query))).items]


async def everything(store: Store) -> tuple[object, ...]:
    """Return all that a store shows, to see whether something changed; where a follower goes on is no part of it."""
    log = await store.logs(LogQuery(limit=500))
    return (
        (log.items, log.next_cursor),
        await store.calls(CallQuery(limit=500)),
        await store.feedback("c-1"),
        await store.hint_feedback("c-1"),
        [await store.metrics(MetricsQuery(interval=interval)) for interval in ("daily", "hourly", "agent")],
    )


async def test_an_empty_store_answers_with_nothing(store: Store) -> None:
    await store.ping()
    await store.save([])
    assert await store.segments("c-1") == []
    assert await store.call("c-1") is None
    assert await store.feedback("c-1") == []
    assert await store.metrics(MetricsQuery()) == []
    for page in (await store.logs(LogQuery()), await store.calls(CallQuery())):
        assert page.items == []
        assert page.next_cursor is None


async def test_what_is_saved_comes_back_as_it_was(store: Store) -> None:
    whole = call(
        agent_id=None,
        live=False,
        ended_at=moment(60),
        reason="stop",
        mood=MOOD,
        totals=Totals(60.0, 40.0, 16, 0.0, 1.5, 0.0),
        summary=Summary({"angry": 3}, 0.5, Peak(12.5, 0.9), "calm"),
        model="compact@3",
        consent=Consent("notice", "ivr-4"),
        metadata={"queue": "Zahlung – ü 😡", "deep": [[1], [2, [3]]], "__x__": {"a.b": None}, "": "", "big": 2**62},
    )
    reading = segment(uncertain=True, agent_id=None)
    await store.save([whole, reading])
    assert await store.call("c-1") == whole
    assert await store.segments("c-1") == [reading]


async def test_the_first_final_of_an_id_is_kept(store: Store) -> None:
    await store.save([segment(0, detected_emotion="sad"), segment(0, detected_emotion="happy")])
    await store.save([segment(0, detected_emotion="angry"), segment(1)])
    assert [kept.detected_emotion for kept in await store.segments("c-1")] == ["sad", "angry"]
    (row,) = await store.metrics(MetricsQuery())
    assert row.emotion_distribution == {"sad": 1, "angry": 1}


async def test_provisional_readings_are_not_kept(store: Store) -> None:
    await store.save([segment(0, final=False, trigger="provisional")])
    assert await store.segments("c-1") == []


async def test_a_replay_changes_nothing(store: Store) -> None:
    records: list[Record] = [call(), *(segment(n) for n in range(5)), alert(), word(), call(live=False)]
    await store.save(records)
    before = await everything(store)
    await store.save(records)
    await store.save(records[:3])
    assert await everything(store) == before


async def test_racing_saves_count_once(store: Store) -> None:
    records: list[Record] = [segment(n) for n in range(20)]
    shifted: list[Record] = [segment(n) for n in range(10, 30)]
    await asyncio.gather(store.save(records), store.save(shifted), store.save(records), store.save([call(), call()]))
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == len(await store.segments("c-1")) == 30


async def test_a_later_record_of_a_call_replaces_the_earlier(store: Store) -> None:
    await store.save([call(totals=Totals(audio_sec=1.0), metadata={"a": {"b": 1}})])
    await store.save([call(totals=Totals(audio_sec=5.0), mood=MOOD)])
    kept = await store.call("c-1")
    assert kept == call(totals=Totals(audio_sec=5.0), mood=MOOD)
    await store.save([call(totals=Totals(audio_sec=5.0), live=False, ended_at=moment(5))])
    kept = await store.call("c-1")
    assert kept is not None
    assert not kept.live


async def test_an_ended_call_stays_ended(store: Store) -> None:
    ended = call(live=False, totals=Totals(audio_sec=9.0))
    await store.save([ended])
    await store.save([call(totals=Totals(audio_sec=9.0)), call(totals=Totals(audio_sec=3.0))])
    assert await store.call("c-1") == ended
    went_on = call(totals=Totals(audio_sec=12.0))
    await store.save([went_on])
    assert await store.call("c-1") == went_on
    await store.save([call(totals=Totals(audio_sec=10.0))])
    assert await store.call("c-1") == went_on


async def test_a_connection_that_ends_late_does_not_end_a_call_that_went_on_elsewhere(store: Store) -> None:
    went_on = call(totals=Totals(audio_sec=90.0))
    await store.save([call(totals=Totals(audio_sec=30.0)), went_on])
    await store.save([call(live=False, reason="idle", totals=Totals(audio_sec=30.0), ended_at=moment(95))])
    assert await store.call("c-1") == went_on
    ended = call(live=False, reason="stop", totals=Totals(audio_sec=90.0), ended_at=moment(91))
    await store.save([ended])
    assert await store.call("c-1") == ended


async def test_a_call_that_started_anew_is_another_run(store: Store) -> None:
    await store.save([call(at_sec=100, live=False)])
    await store.save([call(at_sec=50, live=False, reason="a replay")])
    again = call(at_sec=200)
    await store.save([again])
    assert await store.call("c-1") == again


async def test_calls_are_newest_first_paged_and_filtered(store: Store) -> None:
    await store.save([call(f"c-{n}", at_sec=n // 2, agent_id=f"a-{n % 2}", live=n % 3 == 0) for n in range(9)])

    async def found(**query: Any) -> list[str]:
        return [item.call_id for item in (await store.calls(CallQuery(**query))).items]

    whole = [f"c-{n}" for n in (8, 7, 6, 5, 4, 3, 2, 1, 0)]
    assert await found() == whole
    assert await found(live=True) == ["c-6", "c-3", "c-0"]
    assert await found(live=False, agent_id="a-0") == ["c-8", "c-4", "c-2"]
    assert await found(agent_id="a-1") == ["c-7", "c-5", "c-3", "c-1"]
    paged: list[str] = []
    cursor = None
    while cursor is not None or not paged:
        page = await store.calls(CallQuery(limit=2, cursor=cursor))
        paged += [item.call_id for item in page.items]
        cursor = page.next_cursor
    assert paged == whole


async def test_a_call_comes_with_its_alerts(store: Store) -> None:
    inside = alert("silence", 5.0)
    ended = call(live=False, alerts=[alert(offset_sec=10.0), inside])
    await store.save([alert(offset_sec=20.0), alert(offset_sec=10.0), alert(call_id="c-2"), ended])
    await store.save([call("c-2", at_sec=1), alert(offset_sec=20.0, message="not the first word")])
    kept = await store.call("c-1")
    assert kept is not None
    assert kept.alerts == [inside, alert(offset_sec=10.0), alert(offset_sec=20.0)]
    listed = (await store.calls(CallQuery())).items
    assert [one.alerts for one in listed] == [[alert(call_id="c-2")], kept.alerts]


async def test_feedback_is_the_last_word_on_a_reading(store: Store) -> None:
    calmer = word(1, at_sec=10, emotion=None, upset=False)
    await store.save([word(0, at_sec=30), calmer, word(0, "c-2"), word(0, at_sec=40, correct=True)])
    await store.save([word(0, at_sec=20, emotion="stale")])
    assert await store.feedback("c-1") == [calmer, word(0, at_sec=40, correct=True)]


async def test_feedback_on_hints_is_the_last_word_on_an_alert(store: Store) -> None:
    await store.save([hint_word(5, at_sec=30), hint_word(9, at_sec=10), hint_word(5, "c-2"), word(0)])
    await store.save([hint_word(5, at_sec=20, rule="stale"), hint_word(9, at_sec=40, useful=False)])
    assert await store.hint_feedback("c-1") == [hint_word(5, at_sec=30), hint_word(9, at_sec=40, useful=False)]
    assert await store.feedback("c-1") == [word(0)]


async def test_feedback_on_no_sensible_id_is_kept_too(store: Store) -> None:
    strange = [word(0, segment_id=name, at_sec=n) for n, name in enumerate(["a/b", "..", "__x__", "ü\x00'\";--", " "])]
    await store.save(list(strange))
    assert await store.feedback("c-1") == strange


@pytest.mark.parametrize("name", WEIRD)
async def test_legal_ids_are_safe_however_weird(store: Store, name: str) -> None:
    await store.save([segment(0, name, agent_id=name), segment(1, name, agent_id=name), call(name, agent_id=name)])
    assert [kept.seq for kept in await store.segments(name)] == [0, 1]
    page = await store.logs(LogQuery(agent_id=name, limit=1))
    assert [kept.seq for kept in (await store.logs(LogQuery(limit=1, cursor=page.next_cursor))).items] == [0]
    assert await store.call(name) == call(name, agent_id=name)
    (row,) = await store.metrics(MetricsQuery(interval="agent"))
    assert (row.agent_id, row.total_segments, row.calls) == (name, 2, 1)


async def test_a_big_save_is_whole(store: Store) -> None:
    records = [segment(n, f"c-{n % 40}", agent_id=f"a-{n % 40}") for n in range(600)]
    with suppress(StoreDown):  # its deadline, on a busy machine: whoever saves then saves again, as the writer does
        await store.save(records)
    await store.save(records)
    (row,) = await store.metrics(MetricsQuery())
    assert (row.total_segments, row.calls) == (600, 40)
    assert len(await ids(store, limit=500)) == 500


async def test_another_process_reads_what_was_saved(store: Store, store_url: str) -> None:
    await store.save([segment(), call()])
    other = open_store(store_url)
    assert await other.segments("c-1") == [segment()]
    await other.save([segment(1)])
    await other.close()
    assert len(await store.segments("c-1")) == 2


async def test_a_closed_store_is_down(store: Store) -> None:
    await store.save([segment()])
    await store.close()
    for verb in (store.save([segment()]), store.ping(), store.segments("c-1")):
        with pytest.raises(StoreDown, match="closed"):
            await verb
    await store.close()


def test_one_store_serves_loop_after_loop(store_url: str) -> None:
    opened = open_store(store_url)
    asyncio.run(opened.save([segment()]))

    async def read_and_close() -> int:
        try:
            return len(await opened.segments("c-1"))
        finally:
            await opened.close()

    assert asyncio.run(read_and_close()) == 1
