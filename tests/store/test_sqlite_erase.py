"""SQLite alone: what erasing leaves in the file, and metrics that stay right whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.records import call, moment, segment
from tests.store.test_sqlite import READINGS
from undervoice.errors import StoreDown
from undervoice.messages import Totals
from undervoice.resources import LoggedSegment
from undervoice.store import MetricsQuery, Record, worker
from undervoice.store.sqlite import SqliteStore
from undervoice.store.tallies import Span, answer, tally

OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["save", "save", "twice", "full disk", "erase", "other replica"]), READINGS), max_size=8
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS)
def test_metrics_are_those_of_the_kept_readings_whatever_happens(
    operations: list[tuple[str, list[LoggedSegment]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check_metrics(f"{folder}/store.db", operations))


async def check_metrics(path: str, operations: list[tuple[str, list[LoggedSegment]]]) -> None:
    store, replica = SqliteStore(path), SqliteStore(path)
    await store.ping()
    for kind, readings in operations:
        match kind:
            case "erase":
                await store.erase(readings[0].call_id if readings else "nobody")
            case "full disk":
                await fail_to_save(store, readings)
            case "twice":
                await asyncio.gather(store.save(list(readings)), replica.save(list(readings)))
            case "other replica":
                await replica.save(list(readings))
            case _:
                await store.save(list(readings))
    kept = [one for call_id in ("c", "C", "c-", "c.1") for one in await store.segments(call_id)]
    for interval in ("daily", "hourly", "agent"):
        query = MetricsQuery(interval=interval)  # type: ignore[arg-type]
        counted = [(*key, sums) for key, sums in tally(kept).items() if bool(key[1]) == (interval == "agent")]
        assert await store.metrics(query) == answer(query, Span.of(query), counted)
    await replica.close()
    await store.close()


async def fail_to_save(store: SqliteStore, readings: list[LoggedSegment]) -> None:
    """Save what a full disk stops in the middle, unless it is so little that it fits."""
    await store._writes.run(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
    with contextlib.suppress(StoreDown):
        await store.save([*readings, *(segment(n, "c", at_sec=9 * 3600.0) for n in range(300, 400))])
    await store._writes.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())


async def test_nothing_of_an_erased_call_is_left_in_the_file(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    named = "Caller.Named.Such"
    for n in range(60):
        await store.save([call(named, totals=Totals(audio_sec=float(n))), segment(n, named), segment(n, "c-1")])
    assert named.encode() in await asyncio.to_thread(bytes_of, tmp_path)
    await store.erase(named)
    assert named.encode() not in await asyncio.to_thread(bytes_of, tmp_path)
    await store.close()


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_a_reader_that_holds_on_delays_an_erasure_only_a_little(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.save([call(), segment()])
    reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM segments").fetchone()
    began = time.monotonic()
    assert await store.erase("c-1")
    assert time.monotonic() - began < worker.BUSY_MS / 1000
    assert await store.segments("c-1") == []
    reader.close()
    await store.close()


async def test_writers_get_their_turn_while_much_expires(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    for start in range(0, 300, 50):
        await store.save([record for n in range(start, start + 50) for record in old_call(n)])
    expiring = asyncio.create_task(store.expire(moment(0)))
    saves = 0
    while not expiring.done():
        await store.save([segment(saves, "c-new")])
        saves += 1
    assert await expiring == 300
    assert saves > 6  # as many as there are parts: at least one between any two
    assert len(await store.segments("c-new")) == saves
    await store.close()


def old_call(n: int) -> list[Record]:
    name, sec = f"c-{n}", -86_400.0
    return [call(name, at_sec=sec), *(segment(m, name, at_sec=sec + m) for m in range(40))]
