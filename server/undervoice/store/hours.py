"""What a SQLite store counts: sums by hour, day and month of UTC, for everybody and for each agent.

Calls are counted without sets: of the calls heard in a stretch of hours, each was either never heard
before (``begun``), or last heard in an hour before it; of those the links between the hours of a call tell. So their
number is the ``begun`` of the stretch, which add up over hours, days and months alike, and the links that reach
into it from before. ``metric_hours`` is what the links are made of, call by call.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from undervoice.store.spans import DAY, HOUR, MONTH, NAME_LENGTH
from undervoice.store.tallies import HourKey, Tally

MOST_UPSET = 10**12 - 1
"""Readings an hour, for ``peak`` to sort as it should."""

ROW = "WHERE level = ? AND agent_id = ? AND span = ?"
GET = f"SELECT total, uncertain, upset, confidence_sum, emotions FROM metric_sums {ROW}"  # noqa: S608 - a constant
DELETE = f"DELETE FROM metric_sums {ROW}"  # noqa: S608 - a constant
BEGIN = f"UPDATE metric_sums SET begun = begun + ? {ROW}"  # noqa: S608 - a constant
PUT = (
    "INSERT INTO metric_sums (level, agent_id, span, total, uncertain, upset, confidence_sum, emotions, peak, begun)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET total = excluded.total,"
    " uncertain = excluded.uncertain, upset = excluded.upset, confidence_sum = excluded.confidence_sum,"
    " emotions = excluded.emotions, peak = excluded.peak"
)
LINK = "INSERT INTO metric_links VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls"
FORGET = "DELETE FROM metric_hours WHERE agent_id = ? AND call_hash = ? AND hour = ?"
BEFORE = "SELECT max(hour) FROM metric_hours WHERE agent_id = ? AND call_hash = ? AND hour < ?"
BEHIND = "SELECT min(hour) FROM metric_hours WHERE agent_id = ? AND call_hash = ? AND hour > ?"


def peak(hour: str, upset: int) -> str:
    """Return a text that sorts the hour with the most upset readings first, the earlier one of two alike."""
    return f"{MOST_UPSET - upset:012}{hour}"


def peak_hour(text: str) -> str:
    """Return the hour that a peak names."""
    return text[-NAME_LENGTH[HOUR] :]


def count(db: sqlite3.Connection, key: HourKey, counted: Tally) -> None:
    """Add to an hour, to its day and its month, and note which calls were heard in it."""
    hour, agent = key
    for level in (HOUR, DAY, MONTH):
        sums = _kept(db, level, key) or Tally()
        sums.add(counted)
        _put(db, level, key, sums)
    for call in counted.calls:
        new = (agent, call, hour)
        if db.execute("INSERT OR IGNORE INTO metric_hours VALUES (?, ?, ?)", new).rowcount:
            _join(db, new, 1)


def uncount(db: sqlite3.Connection, key: HourKey, counted: Tally) -> None:
    """Take back what was counted of calls that leave the hour altogether."""
    hour, agent = key
    for call in counted.calls:
        old = (agent, call, hour)
        if db.execute(FORGET, old).rowcount:
            _join(db, old, -1)
    for level in (HOUR, DAY, MONTH):
        if (sums := _kept(db, level, key)) is not None:
            sums.subtract(counted)
            _put(db, level, key, sums)


def _join(db: sqlite3.Connection, place: tuple[str, int, str], by: int) -> None:
    """Put an hour between those around it in which the call was heard (``by`` 1), or take it out (−1)."""
    agent, _, hour = place
    before = db.execute(BEFORE, place).fetchone()[0]
    behind = db.execute(BEHIND, place).fetchone()[0]
    links = [(hour, before, by)]
    if behind is not None:
        links += [(behind, before, -by), (behind, hour, by)]
    for later, earlier, change in links:
        if earlier is None:
            _begin(db, agent, later, change)
        else:
            db.execute(LINK, (agent, later, earlier, change))
    db.execute("DELETE FROM metric_links WHERE agent_id = ? AND hour IN (?, ?) AND calls = 0", (agent, hour, behind))


def _begin(db: sqlite3.Connection, agent: str, hour: str, calls: int) -> None:
    for level in (HOUR, DAY, MONTH):
        name = hour[: NAME_LENGTH[level]]
        db.execute(BEGIN, (calls, level, agent, name))


def _kept(db: sqlite3.Connection, level: int, key: HourKey) -> Tally | None:
    hour, agent = key
    row = db.execute(GET, (level, agent, hour[: NAME_LENGTH[level]])).fetchone()
    if row is None:
        return None
    total, uncertain, upset, confidence_sum, emotions = row
    return Tally(total, uncertain, upset, confidence_sum, msgspec.json.decode(emotions, type=dict[str, int]))


def _put(db: sqlite3.Connection, level: int, key: HourKey, sums: Tally) -> None:
    hour, agent = key
    place = (level, agent, hour[: NAME_LENGTH[level]])
    if not sums.total:
        db.execute(DELETE, place)
        return
    highest = peak(hour, sums.upset) if level == HOUR else _highest(db, place)
    emotions = msgspec.json.encode(sums.emotions).decode()
    db.execute(PUT, (*place, sums.total, sums.uncertain, sums.upset, sums.confidence_sum, emotions, highest))


def _highest(db: sqlite3.Connection, place: tuple[int, str, str]) -> Any:
    """Return the peak of the rows one level below, which are up to date."""
    level, agent, name = place
    sql = "SELECT min(peak) FROM metric_sums WHERE level = ? AND agent_id = ? AND span BETWEEN ? AND ?"
    return db.execute(sql, (level - 1, agent, name, name + "~")).fetchone()[0]
