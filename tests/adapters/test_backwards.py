"""What the audit log says of one call: the newest lines first, of every server in the folder, and never without end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.adapters.test_chains import KEYS
from undervoice import backwards
from undervoice.audit import AuditLog, Entry
from undervoice.backwards import lines_of_call
from undervoice.errors import NotFound


async def written(folder: Path, lines: int, *, servers: int = 2) -> list[str]:
    """Write lines about c-1 and c-10 on two days by some servers; return the actions about c-1, oldest first."""
    now = datetime(2026, 5, 24, 23, 50, tzinfo=UTC)
    logs = [AuditLog(folder, KEYS, clock=lambda: now) for _ in range(servers)]
    told = []
    for n in range(lines):
        now += timedelta(minutes=1)
        for call_id in ("c-1", "c-10"):
            await logs[n % servers].confirm(Entry(action=f"read_{n}", role="supervisor", call_id=call_id, status=200))
        told.append(f"read_{n}")
    for log in logs:
        await log.close()
    return told


@pytest.mark.parametrize("block_bytes", [1, 7, 300, 1 << 20])
async def test_the_newest_lines_come_first_over_days_and_servers(
    tmp_path: Path, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backwards, "BLOCK_BYTES", block_bytes)
    told = await written(tmp_path, 24)
    for limit in (1, 10, 23, 24, 500):
        found = lines_of_call(tmp_path, "c-1", limit)
        assert [line.action for line in found.items] == told[::-1][:limit]
        assert found.complete == (limit >= len(told))
    assert lines_of_call(tmp_path, "c", 10).items == []


async def test_a_log_that_is_too_long_is_not_read_to_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await written(tmp_path, 12, servers=1)
    monkeypatch.setattr(backwards, "BLOCK_BYTES", 512)
    monkeypatch.setattr(backwards, "MOST_BYTES", 1024)
    found = lines_of_call(tmp_path, "c-1", 100)
    assert not found.complete
    assert [line.action for line in found.items] == told[::-1][: len(found.items)]
    assert found.items


def test_what_is_half_written_is_left_out(tmp_path: Path) -> None:
    told = asyncio.run(written(tmp_path, 3, servers=1))
    newest = sorted(tmp_path.glob("*.jsonl"))[-1]
    with newest.open("ab") as file:
        file.write(b'{"seq":99,"call_id":"c-1","acti')
    assert [line.action for line in lines_of_call(tmp_path, "c-1", 9).items] == told[::-1]


async def test_a_look_sees_what_was_noted_just_before(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEYS)
    log.note(Entry(action="read_call", call_id="c-1"))
    assert [line.action for line in (await log.of_call("c-1", 5)).items] == ["read_call"]
    await log.close()


async def test_where_no_log_is_kept_that_is_said() -> None:
    log = AuditLog(None, KEYS)
    with pytest.raises(NotFound, match="no audit log"):
        await log.of_call("c-1", 5)
