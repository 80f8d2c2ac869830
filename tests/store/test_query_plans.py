"""SQLite alone: no list and no figure is looked for in a whole table, or sorted after it was found."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.store.records import moment
from undervoice.store import CallQuery, LogQuery, schema, trends
from undervoice.store.cursors import encode_cursor, instant
from undervoice.store.listings import call_sql, follow_sql, log_sql

PLACE = encode_cursor((instant(moment(5)), "c-1:customer:000000000"))
MOMENTS = {"since": (None, moment(0)), "until": (None, moment(9)), "cursor": (None, PLACE)}


def every(**choices: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for chosen in itertools.product(*choices.values()):
        yield dict(zip(choices, chosen, strict=True))


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    """A new store, without any figures that SQLite could guess by."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    yield connection
    connection.close()


def plan(db: sqlite3.Connection, sql: str, values: list[Any]) -> list[str]:
    """Return how SQLite goes about a statement."""
    return [step[3] for step in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def test_a_page_of_the_log_is_read_along_its_index(db: sqlite3.Connection) -> None:
    for query in every(agent_id=(None, "a-1"), emotion=(None, "sad"), **MOMENTS):
        (step,) = plan(db, *log_sql(LogQuery(**query)))
        names = [name for name, wanted in (("agent", query["agent_id"]), ("emotion", query["emotion"])) if wanted]
        index = "segments_by_" + ("_and_".join(names) or "time")
        assert f"segments USING INDEX {index}" in step
        assert step.startswith("SEARCH") or not any(query.values())
        assert step.count("=?") == len(names)


def test_a_follower_reads_only_what_is_new(db: sqlite3.Connection) -> None:
    for query in every(agent_id=(None, "a-1"), emotion=(None, "sad")):
        (step,) = plan(db, *follow_sql(LogQuery(**query), 7, 9))
        assert step == "SEARCH segments USING INDEX segments_by_number (number>? AND number<?)"


FELT = {
    "live": (None, True, False),
    "alerted": (False, True),
    "min_upset_sec": (None, 9.0),
    "min_priority": (None, 50.0),
}


def test_calls_are_looked_for_in_an_index_alone(db: sqlite3.Connection) -> None:
    for query in every(agent_id=(None, "a-1"), **FELT, **MOMENTS):
        (step,) = plan(db, *call_sql(CallQuery(**query)))
        assert "calls USING COVERING INDEX calls_by_" in step
        assert step.startswith("SEARCH") or not any(query[name] for name in (*MOMENTS, "agent_id"))
        if query["agent_id"] is not None:
            assert "calls_by_agent (agent_id=?" in step


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (trends.BY_STRETCH, ["[]", "a"]),
        (trends.REACH_BY_STRETCH, ["[]", "a"]),
        (trends.BY_AGENT, ["[]"]),
        (trends.REACH_BY_AGENT, ["2026-01-01T00", "2026-12-31T23"]),
        (trends.HOURS, ["a", "2026-01-01T00", "2026-12-31T23"]),
        (trends.REACH_BY_HOUR, ["a", "2026-01-01T00", "2026-12-31T23"]),
        (trends.DAYS, ["a", "2026-01-01", "2026-12-31"]),
    ],
)
def test_figures_are_found_by_their_keys(db: sqlite3.Connection, sql: str, values: list[Any]) -> None:
    for step in plan(db, sql, values):
        if step.startswith(("SEARCH", "SCAN")):
            assert step.startswith(("SEARCH", "SCAN agents", "SCAN parts", "SCAN json_each")), step
