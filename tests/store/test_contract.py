"""What every store promises, on each of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.store.records import alert, call, moment, segment, word
from undervoice.errors import BadInput, StoreDown
from undervoice.messages import Consent, Mood, Peak, Summary, Totals
from undervoice.store import CallQuery, LogQuery, MetricsQuery, Record, Store, open_store

MOOD = Mood(state="upset", since_sec=5.0, upset_score=0.8, upset_sec=12.5, trend=0.5, priority=91.0)
WEIRD = ["A.@=+-_", "0", "a" * 128, "a..", "A__", "a.b@c"]


async def ids(store: Store, **query: Any) -> list[str]:
    return [item.segment_id for item in (await store.logs(LogQuery(**query))).items]


async def everything(store: Store) -> tuple[object, ...]:
    """Return all that a store shows, to see whether something changed."""
    return (
        await store.logs(LogQuery(limit=500)),
        await store.calls(CallQuery(limit=500)),
        await store.feedback("c-1"),
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
    await store.save([word(0, at_sec=30), word(1, at_sec=10), word(0, "c-2"), word(0, at_sec=40, correct=True)])
    await store.save([word(0, at_sec=20, emotion="stale")])
    assert await store.feedback("c-1") == [word(1, at_sec=10), word(0, at_sec=40, correct=True)]


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


async def test_metrics_count_what_customers_felt(store: Store) -> None:
    await store.save([segment(n, f"c-{n % 2}", confidence_score=0.5 + n / 10, upset_score=n / 4) for n in range(4)])
    await store.save([segment(9, "c-2", detected_emotion="neutral", upset_score=0.1, uncertain=True, agent_id=None)])
    (row,) = await store.metrics(MetricsQuery(min_calls=3))
    assert row.date == "2026-05-24"
    assert (row.hour, row.agent_id) == (None, None)
    assert row.total_segments == 5
    assert row.emotion_distribution == {"angry": 4, "neutral": 1}
    assert row.uncertain == 1
    assert row.average_confidence == pytest.approx((0.5 + 0.6 + 0.7 + 0.8 + 0.75) / 5)
    assert row.upset_share == pytest.approx(2 / 5)
    assert row.peak_emotion_time == "2026-05-24T10:00Z"
    assert row.calls == 3
    assert row.enough
    (agent,) = await store.metrics(MetricsQuery(interval="agent"))
    assert (agent.agent_id, agent.total_segments, agent.calls, agent.enough) == ("a-1", 4, 2, False)
    assert await store.metrics(MetricsQuery(agent_id="a-9")) == []


async def spread(store: Store) -> None:
    """Save one call over three hours and two days, one more beside it, and an agent of another day."""
    hour = 3600.0
    await store.save([segment(n, at_sec=n * hour + 12 * hour) for n in range(3)])  # 22:00, 23:00, 00:00
    await store.save([segment(n, "c-2", at_sec=12 * hour + n, upset_score=0.9) for n in range(2)])
    await store.save([segment(0, "c-3", at_sec=-48 * hour, agent_id="a-2", upset_score=0.0)])


async def test_metrics_by_day_hour_and_agent(store: Store) -> None:
    await spread(store)
    days = await store.metrics(MetricsQuery())
    assert [(row.date, row.total_segments, row.calls) for row in days] == [
        ("2026-05-22", 1, 1),
        ("2026-05-24", 4, 2),
        ("2026-05-25", 1, 1),
    ]
    assert [row.peak_emotion_time for row in days] == [None, "2026-05-24T22:00Z", "2026-05-25T00:00Z"]
    hours = await store.metrics(MetricsQuery(interval="hourly", start_date="2026-05-24", end_date="2026-05-24"))
    assert [(row.hour, row.total_segments, row.calls) for row in hours] == [
        ("2026-05-24T22:00Z", 3, 2),
        ("2026-05-24T23:00Z", 1, 1),
    ]
    agents = await store.metrics(MetricsQuery(interval="agent"))
    assert [(row.agent_id, row.total_segments, row.calls) for row in agents] == [("a-1", 5, 2), ("a-2", 1, 1)]
    one = await store.metrics(MetricsQuery(agent_id="a-2"))
    assert [(row.date, row.total_segments) for row in one] == [("2026-05-22", 1)]
    ranged = await store.metrics(MetricsQuery(interval="agent", start_date="2026-05-25", agent_id="a-1"))
    assert [(row.agent_id, row.total_segments) for row in ranged] == [("a-1", 1)]


async def test_metrics_in_the_callers_time_zone(store: Store) -> None:
    await spread(store)
    berlin = await store.metrics(MetricsQuery(tz="Europe/Berlin", start_date="2026-05-25", end_date="2026-05-25"))
    assert [(row.date, row.total_segments, row.calls, row.peak_emotion_time) for row in berlin] == [
        ("2026-05-25", 5, 2, "2026-05-25T00:00+02:00")
    ]
    hours = await store.metrics(MetricsQuery(interval="hourly", tz="America/New_York", end_date="2026-05-22"))
    assert [row.hour for row in hours] == ["2026-05-22T06:00-04:00"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (MetricsQuery(tz="Middle/Earth"), "bad_timezone"),
        (MetricsQuery(tz="../etc/passwd"), "bad_timezone"),
        (MetricsQuery(start_date="24.5.2026"), "bad_date"),
        (MetricsQuery(end_date="2026-02-30"), "bad_date"),
        (LogQuery(since="yesterday"), "bad_time"),
        (LogQuery(until="0001-01-01T00:00:00+23:00"), "bad_time"),
    ],
)
async def test_bad_questions_are_the_clients_fault(store: Store, query: MetricsQuery | LogQuery, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        await (store.logs(query) if isinstance(query, LogQuery) else store.metrics(query))
    assert caught.value.code == code


async def test_a_big_save_is_whole(store: Store) -> None:
    await store.save([segment(n, f"c-{n % 40}", agent_id=f"a-{n % 40}") for n in range(600)])
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
