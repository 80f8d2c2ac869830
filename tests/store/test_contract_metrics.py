"""What every store counts, on each of them."""

from __future__ import annotations

import pytest

from tests.store.records import segment
from undervoice.errors import BadInput
from undervoice.store import LogQuery, MetricsQuery, Store


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


async def test_labels_of_any_name_are_counted_and_found(store: Store) -> None:
    labels = ["calm_voice", "ça va", "very upset", "a.b", "it`s", "x/y", "1", "_", "*"]
    await store.save([segment(n, detected_emotion=label) for n, label in enumerate(labels)])
    await store.save([segment(n, "c-2", detected_emotion=label) for n, label in enumerate(labels)])
    (row,) = await store.metrics(MetricsQuery())
    assert row.emotion_distribution == dict.fromkeys(labels, 2)
    for label in labels:
        page = await store.logs(LogQuery(emotion=label))
        assert [item.detected_emotion for item in page.items] == [label] * 2


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
