"""The outbox broken on purpose: processes killed, disks full, files damaged."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.ledgers import Ledger, eventually
from tests.store.records import alert, call, segment
from undervoice.store import scribe
from undervoice.store.outbox import MB, Outbox
from undervoice.store.writer import Writer

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("UNDERVOICE_TEST_KILLS", "3"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(str(tmp_path / "store.db"))
    yield ledger
    await ledger.close()


def keeper(path: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.keeper", str(path), *words]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(path: Path, name: str) -> list[str]:
    """Return what a process said it had kept before it was killed at a random moment."""
    with keeper(path, name) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


async def test_what_was_kept_survives_kill_9_at_any_moment_and_is_saved_once(store: Ledger, tmp_path: Path) -> None:
    kept = [reading for n in range(KILLS) for reading in killed(tmp_path / "outbox.db", str(n))]
    assert kept
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    waiting = await writer.open()
    assert waiting >= len(kept)
    await writer.flush(60)
    saved = [reading.segment_id for reading in store.saved]  # type: ignore[union-attr]
    assert len(saved) == len(set(saved)) == waiting
    assert set(kept) <= set(saved)
    assert await writer.close() == 0


# ---------------------------------------------------------------- disks


async def test_when_the_outbox_is_full_calls_go_on_and_what_it_has_stays(
    store: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "RETRY_SEC", 0.05)
    store.down = True
    writer = Writer(store, Outbox(tmp_path / "outbox.db", limit_mb=1), capacity=500)
    await writer.open()
    trouble, longest = set(), 0.0
    for n in range(3000):
        began = time.perf_counter()
        await writer.keep([segment(n)])
        longest = max(longest, time.perf_counter() - began)
        trouble.add(writer.outbox.trouble)
    kept = writer.outbox.records
    assert {"filling", "full"} <= trouble
    assert 0 < kept < 3000
    assert writer.outbox.bytes <= MB
    assert longest < scribe.PATIENCE_SEC
    assert writer.unkept > 0
    assert writer.dropped <= 3000 - kept
    assert [line for line in caplog.messages if "outbox" in line] == [
        f"the outbox cannot be written, new records live in memory only: {tmp_path}/outbox.db: database or disk is full"
    ]
    store.down = False
    await writer.flush(20)
    numbers = [reading.seq for reading in store.saved]  # type: ignore[union-attr]
    assert numbers[:kept] == list(range(kept))
    assert len(numbers) == len(set(numbers)) == 3000 - writer.dropped
    await writer.keep([segment(9999)])
    await eventually(lambda: writer.outbox.error is None)
    assert await writer.close() == 0


async def test_when_there_is_room_again_what_only_memory_held_is_written_down(
    store: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "RETRY_SEC", 0.02)
    store.down = True
    outbox = Outbox(tmp_path / "no folder" / "outbox.db")
    (tmp_path / "no folder").write_text("in the way")
    writer = Writer(store, outbox)
    assert await writer.open() == 0
    await writer.keep([segment(n) for n in range(5)])
    assert (writer.unkept, writer.depth, writer.outbox.trouble) == (5, 5, "failing")
    (tmp_path / "no folder").unlink()
    assert await writer.close(0.1) == 0
    again = Writer(store, Outbox(tmp_path / "no folder" / "outbox.db"))
    assert await again.open() == 5
    store.down = False
    await again.flush()
    assert [reading.seq for reading in store.saved] == list(range(5))  # type: ignore[union-attr]
    assert await again.close() == 0


async def test_a_disk_that_is_full_loses_nothing_that_was_kept(store: Ledger, tmp_path: Path) -> None:
    with keeper(tmp_path / "outbox.db", "x", str(200_000)) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    _, *kept, figures = out.splitlines()
    unkept = int(figures.split()[1])
    assert unkept > 0
    assert "error None" not in figures
    assert errors.count("the outbox cannot be written") == 1
    writer = Writer(store, Outbox(tmp_path / "outbox.db"))
    await writer.open()
    await writer.flush(20)
    saved = [reading.segment_id for reading in store.saved]  # type: ignore[union-attr]
    assert len(saved) == len(set(saved))
    assert set(kept) <= set(saved)
    assert await writer.close() == 0


# ---------------------------------------------------------------- damaged files


@pytest.mark.parametrize("damage", ["noise", "cut", "header", "middle"])
async def test_a_corrupt_file_is_set_aside_and_keeps_no_server_from_starting(
    store: Ledger, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    store.down = True
    before = Writer(store, Outbox(path))
    await before.open()
    await before.keep([segment(n) for n in range(200)])
    await before.close(0)
    spoil(path, damage)
    store.down = False
    writer = Writer(store, Outbox(path))
    caplog.clear()
    assert await writer.open() == 0
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "was corrupt: it now is outbox.db.corrupt-" in caplog.text
    await writer.keep([segment(7)])
    assert writer.unkept == 0
    await writer.flush()
    assert store.saved == [segment(7)]
    assert await writer.close() == 0
    assert len(aside(tmp_path)) == 1


def spoil(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    noise = random.Random(damage).randbytes(len(whole))
    third = len(whole) // 3
    spoilt = {
        "noise": noise,
        "cut": whole[:third],
        "header": noise[:100] + whole[100:],
        "middle": whole[:third] + noise[third : 2 * third] + whole[2 * third :],
    }
    path.write_bytes(spoilt[damage])


def aside(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("outbox.db.corrupt-*")]


def overwrite(*paths: Path) -> None:
    """Fill files with noise; from another process, since this one's locks would go if it closed them."""
    script = "import os, sys; f = open(sys.argv[1], 'r+b'); f.write(os.urandom(os.path.getsize(sys.argv[1])))"
    for path in paths:
        subprocess.run([sys.executable, "-c", script, str(path)], check=True)


async def test_a_file_that_breaks_while_it_is_used_is_replaced_and_memory_is_written_down_again(
    store: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "outbox.db"
    store.down = True
    outbox = Outbox(path)
    writer = Writer(store, outbox)
    await writer.open()
    await writer.keep([segment(n) for n in range(50)])
    overwrite(path, path.with_name("outbox.db-wal"))
    outbox._spool._opened().execute("PRAGMA shrink_memory")  # what it remembers would hide the damage
    await writer.keep([segment(n) for n in range(50, 60)])
    await eventually(lambda: writer.outbox.records == 60)
    assert len(aside(tmp_path)) == 1
    assert await writer.close(0) == 0
    store.down = False
    again = Writer(store, Outbox(path))
    assert await again.open() == 60
    await again.flush()
    assert await again.close() == 0


async def test_rows_that_are_no_records_are_put_aside_and_counted(
    store: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    store.down = True
    before = Writer(store, Outbox(path))
    await before.open()
    await before.keep([segment(0), call(), segment(1), alert()])
    await before.close(0)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE records SET body = substr(body, 9) WHERE id = ?", (segment(0).segment_id,))
        db.execute("UPDATE records SET kind = 'from the future' WHERE kind = 'alert'")
    store.down = False
    caplog.set_level(logging.INFO)
    writer = Writer(store, Outbox(path))
    assert await writer.open() == 4
    await writer.flush()
    assert store.saved == [call(), segment(1)]
    assert writer.outbox.unreadable == 2
    await eventually(lambda: writer.depth == 0)
    assert await writer.close() == 0
    again = Writer(store, Outbox(path))
    assert await again.open() == 0
    assert await again.close() == 0
    assert "c-1" not in caplog.text


async def test_a_disk_that_does_not_answer_holds_up_nobody(
    store: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scribe, "PATIENCE_SEC", 0.1)
    store.down = True
    outbox, answers = Outbox(tmp_path / "outbox.db"), threading.Event()
    writer = Writer(store, outbox)
    await writer.open()
    hanging = asyncio.create_task(outbox._scribe.run(answers.wait))
    began = time.perf_counter()
    for n in range(20):
        await writer.keep([segment(n)])
    assert time.perf_counter() - began < 1
    assert (writer.unkept, writer.outbox.trouble) == (20, "failing")
    assert [line for line in caplog.messages if "outbox" in line] == [
        "the outbox cannot be written, new records live in memory only: the disk does not answer"
    ]
    answers.set()
    await hanging
    await eventually(lambda: writer.outbox.records == 20)
    assert (writer.unkept, writer.outbox.trouble, writer.depth) == (20, None, 20)
    assert await writer.close(0) == 0
