"""SQLite alone: the file, its neighbours, and disks that say no."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.records import call, moment, segment
from undervoice.errors import BadSettings, StoreDown
from undervoice.resources import LoggedSegment
from undervoice.store import CallQuery, LogQuery, MetricsQuery, Record, open_store, schema, worker
from undervoice.store.cursors import encode_cursor, instant
from undervoice.store.sqlite import SqliteStore


async def test_the_file_and_its_folder_are_made_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "store.db"
    store = open_store(f"sqlite:///{path}")
    assert not path.parent.exists()
    await store.save([segment()])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]


async def test_it_lives_on_after_the_process(tmp_path: Path) -> None:
    for n in range(3):
        store = SqliteStore(str(tmp_path / "store.db"))
        await store.save([segment(n)])
        assert len(await store.segments("c-1")) == n + 1
        await store.close()


async def test_memory_is_a_store_of_its_own() -> None:
    store, other = open_store("sqlite:///:memory:"), open_store("sqlite://")
    await store.save([segment(), call()])
    assert await store.segments("c-1") == [segment()]
    assert (await store.calls(CallQuery(live=True))).items == [call()]
    assert await other.segments("c-1") == []
    await store.close()
    await other.close()


def test_only_known_schemes_are_opened() -> None:
    with pytest.raises(BadSettings, match="no such store: mysql://"):
        open_store("mysql://x")


@pytest.mark.parametrize("make", [lambda path: path.write_text("no folder"), lambda path: path.mkdir()])
async def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path, make: object) -> None:
    blocked = tmp_path / "blocked"
    make(blocked)  # type: ignore[operator]
    path = blocked / "store.db" if blocked.is_file() else blocked
    store = SqliteStore(str(path))
    for verb in (store.save([segment()]), store.ping(), store.logs(LogQuery())):
        with pytest.raises(StoreDown) as caught:
            await verb
        assert str(path) in caught.value.message
        assert "\n" not in caught.value.message
    await store.close()


async def test_a_store_that_could_not_be_opened_is_opened_later(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    store = SqliteStore(str(blocked / "store.db"))
    with pytest.raises(StoreDown):
        await store.ping()
    blocked.unlink()
    await store.ping()
    await store.close()


async def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    store = SqliteStore(str(path))
    with pytest.raises(StoreDown, match="not a database"):
        await store.save([segment()])
    await store.close()
    assert path.read_text().startswith("Dear")


async def test_a_newer_programs_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    store = SqliteStore(str(path))
    with pytest.raises(StoreDown, match="newer version"):
        await store.ping()
    await store.close()


async def test_a_full_disk_is_down_and_keeps_all_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.save([segment()])
    await store._writes.run(lambda db: db.execute("PRAGMA max_page_count = 40").fetchone())
    records: list[Record] = [segment(n, "c-2") for n in range(1000)]
    with pytest.raises(StoreDown, match="full"):
        await store.save(records)
    assert await store.segments("c-2") == []
    await store._writes.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await store.save(records)
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == 1001
    await store.close()


async def test_a_locked_file_is_down_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BUSY_MS", 100)
    path = tmp_path / "store.db"
    store = SqliteStore(str(path))
    await store.save([segment()])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreDown, match="locked"):
        await store.save([segment(1)])
    assert len(await store.segments("c-1")) == 1  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    await store.save([segment(1)])
    await store.close()


async def test_processes_that_open_a_new_file_together_all_can(tmp_path: Path) -> None:
    stores = [SqliteStore(str(tmp_path / "store.db")) for _ in range(6)]
    await asyncio.gather(*(store.save([segment(n)]) for n, store in enumerate(stores)))
    (row,) = await stores[0].metrics(MetricsQuery())
    assert row.total_segments == 6
    for store in stores:
        await store.close()


async def test_migrations_go_on_from_where_a_file_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.save([segment()])
    await store.close()
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, "ALTER TABLE calls ADD COLUMN region TEXT"])
    db = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    schema.migrate(db)
    schema.migrate(db)
    assert "region" in [row[1] for row in db.execute("PRAGMA table_info(calls)")]
    assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    db.close()


def test_a_comment_in_a_migration_may_say_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    step = "-- Made; dropped; 'quoted\nCREATE TABLE a (b TEXT DEFAULT ';'); -- and; more\nDROP TABLE a"
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, step])
    db = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(db)
    assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    db.close()


FIRST = """
import asyncio, sys, time
from undervoice.store import open_store

async def main():
    store = open_store(sys.argv[1])
    time.sleep(max(0, float(sys.argv[2]) - time.time()))
    await store.ping()
    await store.close()

asyncio.run(main())
"""


def test_servers_that_open_a_new_file_at_the_same_moment_all_get_it(tmp_path: Path) -> None:
    begin = str(time.time() + 1.5)
    command = [sys.executable, "-c", FIRST, f"sqlite:///{tmp_path}/store.db", begin]
    servers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [server.communicate()[1] for server in servers] == [""] * 4


async def test_nothing_runs_on_the_event_loop_or_outlives_the_store(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.save([segment()])
    await store.segments("c-1")
    assert {"store-write_0", "store-read_0"} <= {thread.name for thread in threading.enumerate()}
    await store.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]


READINGS = st.lists(
    st.builds(
        lambda n, who, sec, emotion: segment(n, who, at_sec=sec, agent_id=who and f"a-{who}", detected_emotion=emotion),
        st.integers(0, 30),
        st.sampled_from(["c", "C", "c-", "c.1"]),
        st.sampled_from([0, 1, 1.5, 3600, 90_000]),
        st.sampled_from(["sad", "angry"]),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(READINGS, st.integers(1, 7), st.sampled_from(["sad", None]))
def test_all_pages_are_the_whole_however_big_they_are(
    readings: list[LoggedSegment], limit: int, emotion: str | None
) -> None:
    asyncio.run(check_pages(readings, limit, emotion))


async def check_pages(readings: list[LoggedSegment], limit: int, emotion: str | None) -> None:
    store = SqliteStore(":memory:")
    await store.save(list(readings))
    first: dict[str, LoggedSegment] = {}
    for reading in readings:
        first.setdefault(reading.segment_id, reading)
    wanted = [one for one in first.values() if emotion in (None, one.detected_emotion)]
    wanted.sort(key=lambda one: (instant(one.timestamp), one.segment_id), reverse=True)
    found, cursor = [], None
    while True:
        page = await store.logs(LogQuery(limit=limit, cursor=cursor, emotion=emotion))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == wanted
    rows = await store.metrics(MetricsQuery(interval="hourly"))
    assert sum(row.total_segments for row in rows) == len(first)
    await store.close()


@given(st.text(max_size=200))
def test_a_cursor_is_plain_text_for_a_url(key: str) -> None:
    cursor = encode_cursor((instant(moment(0)), key))
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()
