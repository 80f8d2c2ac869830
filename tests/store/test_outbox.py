"""The outbox: what it took is there for whoever comes next, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.ledgers import Ledger, eventually, left_by_the_dead
from tests.store.records import alert, call, segment, word
from undervoice.messages import Totals
from undervoice.store import CallQuery, LogQuery, Record
from undervoice.store import writer as writing
from undervoice.store.keys import Key, key_of
from undervoice.store.outbox import Outbox
from undervoice.store.writer import BATCH, Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(str(tmp_path / "store.db"))
    yield ledger
    await ledger.close()


# ---------------------------------------------------------------- nothing is lost, nothing twice


async def test_what_was_kept_is_on_disk_until_the_store_has_it(store: Ledger, tmp_path: Path) -> None:
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    assert await writer.open() == 0
    await writer.keep([segment(), call(), alert()])
    assert (writer.outbox.records, writer.depth, writer.unkept) == (3, 3, 0)
    writer.put(word())
    await eventually(lambda: writer.outbox.records == 4)
    store.down = False
    await writer.flush()
    await eventually(lambda: writer.outbox.records == 0)
    assert (writer.depth, writer.saved, writer.dropped) == (0, 4, 0)
    assert await writer.close() == 0


async def test_the_next_process_saves_what_the_last_one_could_not(store: Ledger, tmp_path: Path) -> None:
    heard = [call(totals=Totals(audio_sec=float(n))) for n in range(3)]
    left = [segment(0), heard[0], alert(), heard[2], heard[1], word(correct=True), word(), segment(0, upset_score=0.1)]
    await left_by_the_dead(tmp_path / "outbox.db", left)
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    assert await writer.open() == 4
    await writer.flush()
    assert sorted(map(repr, store.saved)) == sorted(map(repr, [segment(0), heard[2], alert(), word()]))
    assert await store.feedback("c-1") == [word()]
    assert await writer.close() == 0
    again = Writer(store, Outbox(tmp_path / "outbox.db"))
    assert await again.open() == 0
    assert await again.close() == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("segment"), st.integers(0, 30)),
        st.tuples(st.just("call"), st.integers(0, 3)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("alert"), st.integers(0, 5)),
        st.tuples(st.just("word"), st.integers(0, 5)),
        st.tuples(st.just("erase"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["down", "up", "restart", "wait"]), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 8))
def test_whatever_fails_in_between_the_store_ends_with_everything_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], capacity: int
) -> None:
    asyncio.run(_play(tmp_path_factory.mktemp("state") / "outbox.db", steps, capacity))


async def _play(path: Path, steps: list[tuple[str, int]], capacity: int) -> None:
    store = Ledger(":memory:")
    writer, wanted, erased = Writer(store, Outbox(path), capacity=capacity), dict[Key, Record](), set[str]()
    await writer.open()
    for step, (verb, n) in enumerate(steps):
        match verb:
            case "down" | "up":
                store.down = verb == "down"
            case "wait":
                await asyncio.sleep(0.002)
            case "erase":
                erased.add(f"c-{n}")
                await writer.erase(f"c-{n}")
            case "restart":
                assert await writer.close(0) == 0
                writer = Writer(store, Outbox(path), capacity=capacity)
                await writer.open()
            case _:
                record = _record(verb, n, step)
                await writer.keep([record])
                _expect(wanted, record)
    store.down = False
    await writer.flush()
    assert (writer.dropped, writer.unkept) == (0, 0)
    assert await writer.close() == 0
    assert await _contents(store) == {key: record for key, record in wanted.items() if key.call_id not in erased}
    await store.close()


def _record(verb: str, n: int, step: int) -> Record:
    match verb:
        case "segment":
            return segment(n, f"c-{n % 4}", upset_score=step / 100)
        case "alert":
            return alert(offset_sec=float(n), call_id=f"c-{n % 4}")
        case "word":
            return word(n, f"c-{n % 4}", at_sec=float(step))
        case _:
            return call(f"c-{n}", live=verb == "call", totals=Totals(audio_sec=float(step)))


def _expect(wanted: dict[Key, Record], record: Record) -> None:
    if type(record).__name__ in ("LoggedSegment", "LoggedAlert"):
        wanted.setdefault(key_of(record), record)
    else:
        wanted[key_of(record)] = record


async def _contents(store: Ledger) -> dict[Key, Record]:
    calls = (await store.calls(CallQuery(limit=500))).items
    found: list[Record] = [*(await store.logs(LogQuery(limit=500))).items, *(_bare(one) for one in calls)]
    for n in range(4):
        found += await store.feedback(f"c-{n}")
        # Alerts are read with their calls; where there is none one is made, which is not counted.
        await store.save([call(f"c-{n}")])
        whole = await store.call(f"c-{n}")
        found += whole.alerts if whole else []
    return {key_of(record): record for record in found}


def _bare(one: Record) -> Record:
    return call(one.call_id, live=one.live, totals=one.totals)  # type: ignore[union-attr]


async def test_a_long_outage_costs_no_more_memory_than_the_capacity_and_loses_nothing(
    store: Ledger, tmp_path: Path
) -> None:
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db"), capacity=300)
    await writer.open()
    readings = [segment(n) for n in range(5000)]
    for n in range(0, len(readings), 50):
        await writer.keep(readings[n : n + 50])
        assert writer.in_memory <= 300 + BATCH
    writer.put(call())
    await eventually(lambda: writer.outbox.records == 5001)
    assert (writer.depth, writer.dropped, writer.unkept) == (5001, 0, 0)
    store.down = False
    await writer.flush(20)
    assert [record for record in store.saved if record != call()] == readings
    assert store.saved.count(call()) == 1
    assert await writer.close() == 0


async def test_without_an_outbox_what_overflows_memory_is_dropped_and_counted(store: Ledger) -> None:
    store.down = True
    writer = Writer(store, capacity=10)
    assert await writer.open() == 0
    await writer.keep([segment(n) for n in range(25)])
    assert (writer.dropped, writer.unkept, writer.depth) == (15, 25, 10)
    assert writer.outbox.trouble is None
    assert await writer.close(0) == 10


# ---------------------------------------------------------------- erasing, ageing


async def test_an_erased_call_is_gone_from_memory_disk_and_store_and_stays_so(store: Ledger, tmp_path: Path) -> None:
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    await writer.open()
    await writer.keep([segment(0), segment(0, "c-2"), call()])
    await writer.flush()
    store.down = True
    await writer.keep([segment(1), segment(1, "c-2"), alert()])
    await eventually(lambda: writer.last_error is not None)
    await writer.keep([segment(2), segment(2, "c-2")])
    assert await writer.erase("c-1")
    await writer.keep([segment(3)])
    writer.put(word())
    store.down = False
    await writer.flush()
    assert await store.segments("c-1") == []
    assert await store.call("c-1") is None
    assert [one.seq for one in await store.segments("c-2")] == [0, 1, 2]
    assert not await writer.erase("c-1")
    assert await writer.close() == 0


async def test_no_bytes_of_an_erased_call_stay_in_the_outbox(store: Ledger, tmp_path: Path) -> None:
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    await writer.open()
    await writer.keep([segment(n, call_id) for n in range(40) for call_id in ("c-very-secret", "c-2")])
    assert b"c-very-secret" in contents(tmp_path)
    await writer.erase("c-very-secret")
    assert b"c-very-secret" not in contents(tmp_path)
    assert b"c-2" in contents(tmp_path)
    assert await writer.close(0) == 0


def contents(folder: Path) -> bytes:
    """Return the bytes of the outbox's files."""
    return b"".join(path.read_bytes() for path in folder.glob("outbox*"))


async def test_past_the_age_limit_records_are_given_up_and_told_of(
    store: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "SWEEP_SEC", 0.02)
    now = [1e9]
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db", limit_hours=2, clock=lambda: now[0]), capacity=3)
    await writer.open()
    await writer.keep([segment(n) for n in range(9)])
    assert writer.outbox.trouble is None
    now[0] += 3600
    assert (writer.outbox.trouble, writer.outbox.oldest_sec) == ("old", 3600)
    await writer.keep([segment(9)])
    now[0] += 3600.5
    await eventually(lambda: writer.outbox.given_up == 9)
    assert "9 records are given up: no store took them within 2 hours" in caplog.text
    now[0] -= 7200  # a clock that is put back makes nothing younger than it is new
    await eventually(lambda: writer.outbox.oldest_sec == 0)
    store.down = False
    await writer.flush()
    assert segment(9) in store.saved
    assert await writer.close() == 0


# ---------------------------------------------------------------- one file, one process


async def test_two_processes_on_one_folder_have_a_file_each(store: Ledger, tmp_path: Path) -> None:
    writers = [Writer(store, Outbox(tmp_path / "outbox.db")) for _ in range(3)]
    for number, writer in enumerate(writers):
        await writer.open()
        await writer.keep([segment(number)])
    assert modes(tmp_path) == {"outbox.db": 0o600, "outbox-1.db": 0o600, "outbox-2.db": 0o600}
    for writer in writers:
        await writer.flush()
        assert await writer.close() == 0
    assert [one.seq for one in await store.segments("c-1")] == [0, 1, 2]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("outbox*.db")}


def rows_left(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.glob("outbox*.db"):
        with closing(sqlite3.connect(path)) as db:
            (found[path.name],) = db.execute("SELECT count(*) FROM records").fetchone()
    return found


async def test_what_several_dead_processes_left_is_saved_by_one(
    store: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LINGER_SEC", 60)  # what waits already has no company to wait for
    held = [Outbox(tmp_path / "outbox.db") for _ in range(2)]
    for outbox in held:
        await outbox.open()
    await left_by_the_dead(tmp_path / "outbox.db", [segment(n) for n in range(2500)])
    for outbox in held:
        await outbox.close()
    await left_by_the_dead(tmp_path / "outbox-1.db", [segment(n, "c-2") for n in range(30)])
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    assert await writer.open() == 2530
    await writer.flush(20)
    assert [r.seq for r in store.saved if r.call_id == "c-1"] == list(range(2500))
    assert len(store.saved) == 2530
    assert await writer.close() == 0
    assert rows_left(tmp_path) == {"outbox.db": 0, "outbox-1.db": 0, "outbox-2.db": 0}


async def test_a_corrupt_file_that_a_dead_process_left_is_set_aside(store: Ledger, tmp_path: Path) -> None:
    (tmp_path / "outbox-7.db").write_bytes(b"no database at all" * 1000)
    await left_by_the_dead(tmp_path / "outbox.db", [segment()])
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    assert await writer.open() == 1
    await writer.flush()
    assert store.saved == [segment()]
    assert list(modes(tmp_path)) == ["outbox.db"]
    assert await writer.close() == 0


async def test_a_record_that_cannot_be_written_down_keeps_no_other_from_it(store: Ledger, tmp_path: Path) -> None:
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    await writer.open()
    await writer.keep([segment(0), call("c-2", metadata={"what": object()}), segment(1)])
    assert (writer.outbox.records, writer.unkept, writer.outbox.trouble) == (2, 1, None)
    assert await writer.close(0) == 1


async def test_what_a_process_leaves_is_taken_over_by_one_that_runs(
    store: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SWEEP_SEC", 0.02)
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    await writer.open()
    await left_by_the_dead(tmp_path / "outbox.db", [segment(n) for n in range(20)])
    await eventually(lambda: len(store.saved) == 20)
    await writer.flush()
    assert await writer.close() == 0
