"""SQLite alone: no list and no figure is looked for in a whole table, or sorted after it was found."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.store.records import moment
from undervoice.store import CallQuery, LogQuery, trends
from undervoice.store.cursors import encode_cursor, instant
from undervoice.store.listings import call_sql, follow_sql, log_sql
from undervoice.store.sqlite import SqliteStore

PLACE = encode_cursor((instant(moment(5)), "c-1:customer:000000000"))
MOMENTS = {"since": (None, moment(0)), "until": (None, moment(9)), "cursor": (None, PLACE)}


def every(**choices: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for chosen in itertools.product(*choices.values()):
        yield dict(zip(choices, chosen, strict=True))


def plan(sql: str, values: list[Any]) -> list[str]:
    """Return how SQLite goes about a statement in an empty store, with no figures to guess by."""

    async def explain() -> list[str]:
        store = SqliteStore(":memory:")
        await store.ping()
        steps = await store._reads.run(lambda db: db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())
        await store.close()
        return [step[3] for step in steps]

    return asyncio.run(explain())


@pytest.mark.parametrize("query", every(agent_id=(None, "a-1"), emotion=(None, "sad"), **MOMENTS), ids=str)
def test_a_page_of_the_log_is_read_along_its_index(query: dict[str, Any]) -> None:
    (step,) = plan(*log_sql(LogQuery(**query)))
    names = [name for name, wanted in (("agent", query["agent_id"]), ("emotion", query["emotion"])) if wanted]
    index = "segments_by_" + ("_and_".join(names) or "time")
    assert f"segments USING INDEX {index}" in step
    assert step.startswith("SEARCH" if names or any(query[name] for name in MOMENTS) else "SCAN")


@pytest.mark.parametrize("query", every(agent_id=(None, "a-1"), emotion=(None, "sad")), ids=str)
def test_a_follower_reads_only_what_is_new(query: dict[str, Any]) -> None:
    (step,) = plan(*follow_sql(LogQuery(**query), 7, 9))
    assert step == "SEARCH segments USING INDEX segments_by_number (number>? AND number<?)"


FELT = {
    "live": (None, True, False),
    "alerted": (False, True),
    "min_upset_sec": (None, 9.0),
    "min_priority": (None, 50.0),
}


@pytest.mark.parametrize("query", every(agent_id=(None, "a-1"), **FELT, **MOMENTS), ids=str)
def test_calls_are_looked_for_in_an_index_alone(query: dict[str, Any]) -> None:
    (step,) = plan(*call_sql(CallQuery(**query)))
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
def test_figures_are_found_by_their_keys(sql: str, values: list[Any]) -> None:
    for step in plan(sql, values):
        if step.startswith(("SEARCH", "SCAN")):
            assert step.startswith(("SEARCH", "SCAN agents", "SCAN parts", "SCAN json_each")), step
