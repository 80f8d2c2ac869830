"""Metrics from a SQLite store's sums: what is added up is added up by SQLite, over as few rows as make up a range."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import msgspec

from undervoice.resources import EmotionMetrics
from undervoice.store import MetricsQuery
from undervoice.store.hours import peak_hour
from undervoice.store.listings import snapshot
from undervoice.store.spans import DAY, HOUR, MONTH, cover, local, stretch
from undervoice.store.tallies import EVERYBODY, Span, Tally, row_of

SUMS = """
    total(sums.total), total(sums.uncertain), total(sums.upset), total(sums.confidence_sum), total(sums.begun),
    min(sums.peak), group_concat(sums.emotions)
"""
PARTS = """
    WITH parts AS MATERIALIZED (
        SELECT value ->> 0 AS place, value ->> 1 AS level, value ->> 2 AS first, value ->> 3 AS last FROM json_each(?)
    )
"""
BY_STRETCH = f"""{PARTS}
    SELECT parts.place, {SUMS}
    FROM parts CROSS JOIN metric_sums AS sums
    ON sums.level = parts.level AND sums.agent_id = ? AND sums.span BETWEEN parts.first AND parts.last
    GROUP BY parts.place
"""  # noqa: S608 - names are our own, values are bound
REACH_BY_STRETCH = f"""{PARTS}
    SELECT parts.place, sum(links.calls)
    FROM parts CROSS JOIN metric_links AS links
    ON links.agent_id = ? AND links.hour BETWEEN parts.first AND parts.last AND links.before < parts.first
    GROUP BY parts.place
"""  # noqa: S608 - names are our own, values are bound
AGENTS = f"(SELECT DISTINCT agent_id FROM metric_sums WHERE level = {MONTH} AND agent_id > '')"  # noqa: S608 - a constant
BY_AGENT = f"""{PARTS}
    SELECT sums.agent_id, {SUMS}
    FROM {AGENTS} AS agents CROSS JOIN parts CROSS JOIN metric_sums AS sums
    ON sums.level = parts.level AND sums.agent_id = agents.agent_id AND sums.span BETWEEN parts.first AND parts.last
    GROUP BY sums.agent_id
"""  # noqa: S608 - names are our own, values are bound
REACH_BY_AGENT = f"""
    SELECT links.agent_id, sum(links.calls)
    FROM {AGENTS} AS agents CROSS JOIN metric_links AS links
    ON links.agent_id = agents.agent_id AND links.hour BETWEEN ?1 AND ?2 AND links.before < ?1
    GROUP BY links.agent_id
"""  # noqa: S608 - a constant
HOURS = f"""
    SELECT span, total, uncertain, upset, confidence_sum, begun, peak, emotions FROM metric_sums
    WHERE level = {HOUR} AND agent_id = ? AND span BETWEEN ? AND ?
"""  # noqa: S608 - a constant
REACH_BY_HOUR = """
    SELECT hour, sum(calls) FROM metric_links WHERE agent_id = ? AND hour BETWEEN ? AND ? GROUP BY hour
"""
DAYS = f"SELECT span FROM metric_sums WHERE level = {DAY} AND agent_id = ? AND span BETWEEN ? AND ?"  # noqa: S608 - a constant

_count_lists = msgspec.json.Decoder(list[dict[str, int]])


def metrics(db: sqlite3.Connection, query: MetricsQuery, span: Span) -> list[EmotionMetrics]:
    """Return what ``tallies.answer`` makes of the same readings, read in one transaction."""
    answers = {"daily": _days, "hourly": _hours, "agent": _agents}
    with snapshot(db):  # sums and links shall be of one moment
        return answers[query.interval](db, query, span)


def _days(db: sqlite3.Connection, query: MetricsQuery, span: Span) -> list[EmotionMetrics]:
    agent = query.agent_id or EVERYBODY
    found = db.execute(DAYS, (agent, span.from_hour[:10], span.to_hour[:10]))
    stretches = {str(day): stretch(day, day, span.tz) for day in sorted(_local_days(found, span))}
    parts = [(day, *part) for day, hours in stretches.items() for part in cover(*hours)]
    whole = [(day, HOUR, *hours) for day, hours in stretches.items()]
    reach = dict(db.execute(REACH_BY_STRETCH, (_json(whole), agent)))
    return list(_rows(query, span, db.execute(BY_STRETCH, (_json(parts), agent)), reach))


def _local_days(found: Iterable[tuple[str]], span: Span) -> set[date]:
    """Return the days of the zone, within those asked for, that days of UTC touch."""
    days = {local(f"{day}T{hour}", span.tz).date() for (day,) in found for hour in ("00", "23")}
    return {day for day in days if span.first <= day <= span.last}


def _hours(db: sqlite3.Connection, query: MetricsQuery, span: Span) -> list[EmotionMetrics]:
    asked = (query.agent_id or EVERYBODY, *stretch(span.first, span.last, span.tz))
    reach = dict(db.execute(REACH_BY_HOUR, asked))
    return list(_rows(query, span, db.execute(HOURS, asked), reach))


def _agents(db: sqlite3.Connection, query: MetricsQuery, span: Span) -> list[EmotionMetrics]:
    hours = stretch(span.first, span.last, span.tz)
    parts = [(query.agent_id, *part) for part in cover(*hours)]
    if query.agent_id:
        whole = [(query.agent_id, HOUR, *hours)]
        reach = dict(db.execute(REACH_BY_STRETCH, (_json(whole), query.agent_id)))
        return list(_rows(query, span, db.execute(BY_STRETCH, (_json(parts), query.agent_id)), reach))
    reach = dict(db.execute(REACH_BY_AGENT, hours))
    return list(_rows(query, span, db.execute(BY_AGENT, (_json(parts),)), reach))


def _rows(
    query: MetricsQuery, span: Span, found: Iterable[tuple[Any, ...]], reach: dict[str, int]
) -> Iterator[EmotionMetrics]:
    """Yield a row for each sum: its name, counts, begun calls, peak, and the emotions of all that it sums."""
    hourly = query.interval == "hourly"
    for name, total, uncertain, upset, confidence_sum, begun, peak, emotions in found:
        sums = Tally(int(total), int(uncertain), int(upset), confidence_sum, _added(emotions))
        calls = int(begun) + reach.get(name, 0)
        if hourly:  # a year has thousands: an hour is its own peak, and is named once
            key = highest = span.name(name)
        else:
            key, highest = name, span.name(peak_hour(peak))
        yield row_of(query, key, sums, calls, highest if sums.upset else None)


def _added(emotions: str) -> dict[str, int]:
    """Return the sum of JSON objects with commas between them."""
    sums, *others = _count_lists.decode(f"[{emotions}]")
    for counts in others:
        for emotion, count in counts.items():
            sums[emotion] = sums.get(emotion, 0) + count
    return sums


def _json(parts: list[Any]) -> str:
    return msgspec.json.encode(parts).decode()
