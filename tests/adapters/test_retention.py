"""Letting what is old expire, hour after hour, on a real store with a clock of the test's own."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.records import START, call, segment
from undervoice.readings import rfc3339
from undervoice.retention import HOUR_SEC, JITTER_SEC, sweep_hourly
from undervoice.store import CallQuery, Store, open_store


class Time:
    """A clock that goes on while somebody sleeps, for so many sleeps."""

    def __init__(self, now: datetime, sleeps: int) -> None:
        self.at, self.left = now, sleeps
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        if len(self.slept) > self.left:
            raise asyncio.CancelledError


async def sweep(store: Store, days: int, time: Time) -> None:
    with pytest.raises(asyncio.CancelledError):
        await sweep_hourly(store, days, now=time.now, sleep=time.sleep)


async def calls(store: Store) -> list[str]:
    return [one.call_id for one in (await store.calls(CallQuery())).items]


async def test_calls_go_hour_by_hour_once_they_are_too_old(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    for n in range(5):
        await store.save([call(f"caller-{n}", at_sec=HOUR_SEC * n), segment(0, f"caller-{n}")])
    time = Time(START + timedelta(days=2, hours=-1, seconds=1), sleeps=4)  # sweeps from an hour before to two after
    await sweep(store, 2, time)
    assert await calls(store) == ["caller-4", "caller-3"]
    assert time.slept[0] <= JITTER_SEC
    assert time.slept[1:] == [HOUR_SEC] * 4
    assert "1 calls older than 2 days were removed" in caplog.text
    assert "caller-" not in caplog.text
    await store.close()


async def test_a_store_that_is_down_is_swept_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    store = open_store(f"sqlite:///{blocked}/store.db")
    time = Time(datetime.now(UTC), sleeps=3)
    await sweep(store, 30, time)
    assert caplog.text.count("could not be removed: StoreDown") == 3
    blocked.unlink()
    await sweep(store, 30, Time(datetime.now(UTC), sleeps=1))
    assert caplog.text.count("could not be removed") == 3
    await store.close()


async def test_servers_that_sweep_at_the_same_time_remove_each_call_once(tmp_path: Path) -> None:
    stores = [open_store(f"sqlite:///{tmp_path}/store.db") for _ in range(2)]
    old = [f"caller-{n}" for n in range(300)]
    for name in old:
        await stores[0].save([call(name), segment(0, name)])
    await stores[1].save([call("new", at_sec=2 * HOUR_SEC)])
    gone = await asyncio.gather(*(store.expire(rfc3339(START + timedelta(hours=1))) for store in stores))
    assert sum(gone) == len(old)
    assert await calls(stores[0]) == ["new"]
    for store in stores:
        await store.close()


async def test_without_retention_nothing_is_ever_swept(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.save([call(at_sec=-1e9)])
    time = Time(datetime.now(UTC), sleeps=0)
    await sweep_hourly(store, 0, now=time.now, sleep=time.sleep)
    assert time.slept == []
    assert await calls(store) == ["c-1"]
    await store.close()
