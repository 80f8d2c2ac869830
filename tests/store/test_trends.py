"""SQLite alone: metrics from sums are those of the readings, in every zone, over every range, after any history."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.records import segment
from undervoice.resources import LoggedSegment
from undervoice.store import MetricsQuery, schema, spans
from undervoice.store.cursors import instant
from undervoice.store.sqlite import SqliteStore
from undervoice.store.tallies import HourKey, Span, Tally, answer, tally

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",  # half an hour off
    "America/St_Johns",  # changed its clocks at one minute past midnight
    "America/Sao_Paulo",  # and this one at midnight
    "America/Havana",
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kiritimati",
)
DAYS = st.dates(date(2011, 10, 25), date(2012, 1, 2)) | st.dates(date(2026, 2, 26), date(2026, 4, 1))
MOMENTS = st.builds(
    lambda day, minutes: (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat(),
    DAYS,
    st.integers(0, 1439),
)
READINGS = st.builds(
    lambda n, call, agent, at, label, upset: segment(
        n, call, agent_id=agent, timestamp=at, detected_emotion=label, upset_score=upset, confidence_score=upset / 3
    ),
    st.integers(0, 5),
    st.sampled_from(["c-1", "c-2", "c-3", "c-4"]),
    st.sampled_from(["a-1", "a-2", None]),
    MOMENTS,
    st.sampled_from(["sad", "angry", 'a "b", c']),
    st.sampled_from([0.1, 0.5, 0.9]),
)
HISTORY = st.lists(st.lists(READINGS, min_size=1, max_size=8) | st.sampled_from(["c-1", "c-2"]), max_size=8)
"""Readings to save, and calls to erase."""
QUERIES = st.builds(
    lambda interval, agent, zone, first, last: MetricsQuery(
        interval=interval,
        agent_id=agent,
        tz=zone,
        start_date=first and str(first),
        end_date=last and str(last),
        min_calls=2,
    ),
    st.sampled_from(["daily", "hourly", "agent"]),
    st.sampled_from(["a-1", None]),
    st.sampled_from(ZONES),
    DAYS | st.none(),
    DAYS | st.none(),
)


def counted(kept: Iterable[LoggedSegment], query: MetricsQuery) -> list[tuple[str, str, Tally]]:
    """Return the hours that a query is about, counted from the readings themselves."""
    every = [(*key, sums) for key, sums in tally(kept).items()]
    if query.agent_id:
        return [row for row in every if row[1] == query.agent_id]
    return [row for row in every if bool(row[1]) == (query.interval == "agent")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORY, st.lists(QUERIES, min_size=4, max_size=4))
def test_metrics_are_those_of_the_readings(
    history: list[list[LoggedSegment] | str], queries: list[MetricsQuery]
) -> None:
    asyncio.run(check(history, queries))


async def check(history: list[list[LoggedSegment] | str], queries: list[MetricsQuery]) -> None:
    store = SqliteStore(":memory:")
    for step in history:
        await (store.erase(step) if isinstance(step, str) else store.save(list(step)))
    kept = [one for call in ("c-1", "c-2", "c-3", "c-4") for one in await store.segments(call)]
    for query in queries:
        assert await store.metrics(query) == answer(query, Span.of(query), counted(kept, query))
    await store.close()


@settings(max_examples=60, deadline=None)
@given(DAYS, st.integers(0, 3), st.sampled_from(ZONES))
def test_a_stretch_holds_the_hours_that_start_on_its_days(first: date, more: int, zone: str) -> None:
    tz, last = ZoneInfo(zone), first + timedelta(days=more)
    begin, end = spans.stretch(first, last, tz)
    midnight = datetime.combine(first - timedelta(days=2), datetime.min.time(), UTC)
    for hours in range(24 * (more + 5)):
        name = (midnight + timedelta(hours=hours)).strftime("%Y-%m-%dT%H")
        assert (begin <= name <= end) == (first <= spans.local(name, tz).date() <= last)


HOURS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23)).map(lambda at: at.isoformat(timespec="hours"))
NEAR = st.datetimes(datetime(2026, 1, 30), datetime(2026, 5, 3)).map(lambda at: at.isoformat(timespec="hours"))


@given(NEAR | HOURS, NEAR | HOURS, NEAR | HOURS)
def test_a_cover_has_each_hour_once_and_no_other(one: str, other: str, hour: str) -> None:
    first, last = sorted((one, other))
    for asked in (hour, first, last):
        names = {level: asked[:length] for level, length in spans.NAME_LENGTH.items()}
        found = [part for part in spans.cover(first, last) if part.first <= names[part.level] <= part.last]
        assert len(found) == (first <= asked <= last)


def test_a_year_is_covered_by_few_rows() -> None:
    parts = spans.cover("2025-11-20T23", "2026-11-21T22")
    assert [part.level for part in parts] == [spans.HOUR, spans.DAY, spans.MONTH, spans.DAY, spans.HOUR]
    assert spans.cover(spans.FIRST_HOUR, spans.LAST_HOUR) == [(spans.MONTH, "0001-01", "9999-12")]


# ---------------------------------------------------------------- files of earlier versions


def write_earlier(path: Path, readings: list[LoggedSegment], tallies: dict[HourKey, Tally]) -> None:
    """Write a file as it was when sets of calls were counted, hour by hour."""
    db = sqlite3.connect(path)
    for statement in ";".join(schema.MIGRATIONS[:2]).split(";"):
        db.execute(statement)
    for one in readings:
        row = (one.segment_id, one.call_id, one.agent_id, instant(one.timestamp), one.start_offset_sec)
        db.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)",
                   (*row, one.detected_emotion, msgspec.json.encode(one)))  # fmt: skip
    for (hour, agent), sums in tallies.items():
        row_ = (agent, hour, sums.total, sums.uncertain, sums.upset, sums.confidence_sum)
        db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?)", (*row_, msgspec.json.encode(sums.emotions)))
        db.executemany("INSERT INTO metric_calls VALUES (?, ?, ?)", [(agent, hour, call) for call in sums.calls])
    db.execute("PRAGMA user_version = 2")
    db.commit()
    db.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(READINGS, max_size=25, unique_by=lambda one: one.segment_id), st.lists(QUERIES, min_size=6, max_size=6))
def test_what_an_earlier_version_counted_is_summed_up(
    tmp_path_factory: pytest.TempPathFactory, readings: list[LoggedSegment], queries: list[MetricsQuery]
) -> None:
    path = tmp_path_factory.mktemp("earlier") / "store.db"
    write_earlier(path, readings, tally(readings))
    asyncio.run(check_migrated(path, readings, queries))


async def check_migrated(path: Path, readings: list[LoggedSegment], queries: list[MetricsQuery]) -> None:
    store = SqliteStore(str(path))
    for kept in (readings, [one for one in readings if one.call_id != "c-1"]):
        for query in queries:
            assert await store.metrics(query) == answer(query, Span.of(query), counted(kept, query))
        await store.erase("c-1")
    await store.close()
