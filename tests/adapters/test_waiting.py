"""The queue in service: time estimates, how long anybody waits, and the bound, over a real store and a made clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from undervoice.store import Store, open_store
from undervoice.triage import LEAST_SERVICES, Weights
from undervoice.waiting import WaitingLine
from undervoice.wall import QueuedCaller


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 24, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    await opened.close()


def caller(call_id: str, upset: float = 0.5) -> QueuedCaller:
    return QueuedCaller(call_id=call_id, source="call", upset_score=upset, arousal=0.5, arrived_at="")


async def test_waiting_times_are_those_that_were_measured(store: Store) -> None:
    clock = Clock()
    line = WaitingLine(store, Weights(), 12, now=clock)
    for number in range(LEAST_SERVICES + 3):
        await line.join(caller(f"c-{number}"), None)
    for number in range(LEAST_SERVICES + 1):
        clock.go_on(90)
        assert await line.leave(f"c-{number}", served=True)
    page = await line.page(10)
    assert (page.service_sec, page.services) == (90, LEAST_SERVICES + 1)
    first, second = page.items
    assert (first.waited_sec, first.wait_sec, second.wait_sec) == (90 * (LEAST_SERVICES + 1), 90, 180)
    assert first.longest_wait_sec == 90 * (1 + first.may_pass)


async def test_nobody_waits_for_longer_than_callers_do(store: Store) -> None:
    clock = Clock()
    line = WaitingLine(store, Weights(), 12, now=clock)
    await line.join(caller("c-forgotten"), None)
    clock.go_on(6 * 3600)
    await line.join(caller("c-1"), None)
    assert (await line.page(10)).waiting == 2
    clock.go_on(6 * 3600 + 1)
    assert [item.call_id for item in (await line.page(10)).items] == ["c-1"]


async def test_a_calm_caller_is_passed_by_the_bound_and_no_more(store: Store) -> None:
    line = WaitingLine(store, Weights(upset=20, arousal=0, words=0, step=5), 12)
    await line.join(caller("c-calm", upset=0.0), None)
    passed = 0
    for number in range(10):
        upset = await line.join(caller(f"c-{number}", upset=1.0), None)
        (calm,) = [item for item in (await line.page(50)).items if item.call_id == "c-calm"]
        passed += upset.position == 1
        assert calm.position <= 1 + (await line.page(0)).bound
        assert calm.may_pass == max(0, 3 - (number + 1))
        if upset.position == 1:
            await line.leave(upset.call_id, served=True)
        else:
            break
    assert (passed, calm.position) == (3, 1)
    assert passed == (await line.page(0)).bound
