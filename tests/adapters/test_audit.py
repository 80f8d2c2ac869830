"""The audit log: lines that are there whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.test_chains import DAYS, KEYS, write
from undervoice import audit
from undervoice.audit import AuditLog, Entry
from undervoice.chains import files_of, inspect, replicas
from undervoice.errors import Overloaded


def on_disk(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a folder's one chain."""
    (replica,) = replicas(folder)
    return [json.loads(line) for path in files_of(folder, replica) for line in path.read_text().splitlines()]


CHILD = """
import asyncio, sys
from pathlib import Path
from undervoice.audit import AuditLog, Entry
from undervoice.chains import HeadKeys

async def main():
    log = AuditLog(Path(sys.argv[1]), HeadKeys(sys.argv[2]))
    for n in range(1_000_000):
        for m in range(50):
            log.note(Entry(action="read_call", call_id=f"c-{n}-{m}"))
        await log.confirm(Entry(action="erase_call", call_id=f"c-{n}"))
        print(f"c-{n}", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("heard", [1, 4, 9])
def test_what_was_confirmed_survives_kill_9(tmp_path: Path, heard: int) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path), "a secret that is longer than 32 bytes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        confirmed = [child.stdout.readline().strip() for _ in range(heard)]
        child.send_signal(signal.SIGKILL)
        confirmed += child.stdout.read().split()
    (replica,) = replicas(tmp_path)
    found = inspect(tmp_path, replica, KEYS)
    assert found.broken is None
    erased = [line["call_id"] for line in on_disk(tmp_path) if line["action"] == "erase_call"]
    assert erased[: len(confirmed)] == confirmed
    write(tmp_path, days=("2999-01-01",))
    assert inspect(tmp_path, replica, KEYS).lines == found.lines + 4


async def test_lines_are_written_in_order_and_at_the_latest_at_the_end(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEYS)
    for n in range(1200):
        log.note(Entry(action="read_call", call_id=f"c-{n}"))
    assert await log.close() == 0
    lines = on_disk(tmp_path)
    assert [line["call_id"] for line in lines] == [f"c-{n}" for n in range(1200)]
    assert [line["seq"] for line in lines] == list(range(1, 1201))


async def test_each_day_has_its_file(tmp_path: Path) -> None:
    now = datetime(2026, 5, 24, 23, 59, tzinfo=UTC)
    log = AuditLog(tmp_path, KEYS, clock=lambda: now)
    await log.confirm(Entry(action="erase_call"))
    now += timedelta(minutes=2)
    await log.confirm(Entry(action="erase_call"))
    await log.close()
    (replica,) = replicas(tmp_path)
    assert [path.name for path in files_of(tmp_path, replica)] == [f"{replica}-{day}.jsonl" for day in DAYS[:2]]
    assert inspect(tmp_path, replica, KEYS).lines == 2


async def test_two_servers_in_one_folder_have_a_chain_each_and_the_next_start_goes_on(tmp_path: Path) -> None:
    one, other = AuditLog(tmp_path, KEYS), AuditLog(tmp_path, KEYS)
    await asyncio.gather(*(log.confirm(Entry(action="erase_call")) for log in (one, other, one, other)))
    await one.close()
    await other.close()
    names = replicas(tmp_path)
    assert [inspect(tmp_path, name, KEYS).lines for name in names] == [2, 2]
    again = AuditLog(tmp_path, KEYS)
    await again.confirm(Entry(action="erase_call"))
    await again.close()
    assert replicas(tmp_path) == names
    assert sorted(inspect(tmp_path, name, KEYS).lines for name in names) == [2, 3]


async def test_what_a_killed_server_left_is_noted_by_the_next(tmp_path: Path) -> None:
    replica = write(tmp_path, days=DAYS[:1])
    head = (tmp_path / f"{replica}.head").read_bytes()
    write(tmp_path, days=DAYS[:1], lines=3)
    (tmp_path / f"{replica}.head").write_bytes(head)
    log = AuditLog(tmp_path, KEYS)
    await log.confirm(Entry(action="erase_call"))
    await log.close()
    assert [(line["action"], line.get("count")) for line in on_disk(tmp_path)[-2:]] == [
        ("recovered", 3),
        ("erase_call", None),
    ]


async def test_a_full_disk_fails_no_read_refuses_erasures_and_loses_nothing_that_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = AuditLog(tmp_path, KEYS)
    await log.confirm(Entry(action="erase_call", call_id="before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))  # some lines more, and then none
    try:
        for n in range(30):
            log.note(Entry(action="read_call", call_id=f"c-{n}"))
        for _ in range(3):
            with pytest.raises(Overloaded) as caught:
                await log.confirm(Entry(action="erase_call", call_id="refused"))
            assert caught.value.code == "audit_down"
        assert log.last_error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await log.confirm(Entry(action="erase_call", call_id="after"))
    assert log.last_error is None
    assert await log.close() == 0
    assert [line["call_id"] for line in on_disk(tmp_path)] == ["before", *(f"c-{n}" for n in range(30)), "after"]
    (replica,) = replicas(tmp_path)
    assert inspect(tmp_path, replica, KEYS).broken is None
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1


async def test_what_is_too_much_to_wait_is_counted_and_told_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "CAPACITY", 5)
    folder = tmp_path / "log"
    folder.write_text("in the way")
    log = AuditLog(folder, KEYS)
    for n in range(12):
        log.note(Entry(action="read_call", call_id=f"c-{n}"))
    with pytest.raises(Overloaded):
        await log.confirm(Entry(action="erase_call"))
    folder.unlink()
    assert await log.close() == 7
    assert [(line["action"], line.get("count")) for line in on_disk(folder)] == [
        *[("read_call", None)] * 5,
        ("lost", 7),
    ]


async def test_a_disk_without_any_room_gathers_no_litter(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEYS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    opened = len(os.listdir("/proc/self/fd"))
    try:
        for _ in range(5):
            with pytest.raises(Overloaded):
                await log.confirm(Entry(action="erase_call"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(os.listdir("/proc/self/fd")) == opened
    assert os.listdir(tmp_path) == []
    await log.confirm(Entry(action="erase_call"))
    assert await log.close() == 0
    assert len(on_disk(tmp_path)) == 1


async def test_a_line_that_cannot_be_written_at_all_does_not_hold_up_the_others(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEYS)
    log.note(Entry(action="read_call", call_id="\ud800"))
    with pytest.raises(Overloaded):
        await log.confirm(Entry(action="erase_call", call_id="in the same batch"))
    await log.confirm(Entry(action="erase_call", call_id="c-1"))
    assert await log.close() == 1
    assert {line["action"] for line in on_disk(tmp_path)} == {"lost", "erase_call"}


async def test_a_closed_log_refuses_erasures_and_counts_the_rest(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEYS)
    await log.close()
    log.note(Entry(action="read_call"))
    assert log.lost == 1
    with pytest.raises(Overloaded):
        await log.confirm(Entry(action="erase_call"))


async def test_no_folder_is_no_log() -> None:
    log = AuditLog(None, KEYS)
    log.note(Entry(action="read_call"))
    await log.confirm(Entry(action="erase_call"))
    assert await log.close() == 0
