"""One queue for all calls: bounded, in order of urgency, and never on the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tests.rules.made import scores
from undervoice.emotion import Scores, Segment
from undervoice.errors import Internal, Overloaded
from undervoice.inference import PER_CALL, Inference, Urgency
from undervoice.scorers import BATCH


def segment(start: int = 0) -> Segment:
    return Segment("customer", start, start + 8000, np.zeros(8000, np.int16), "window", -60.0)


class Gate:
    """A scorer that waits until it is let go, and remembers the order."""

    segment_sec = 0.001

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.order: list[int] = []
        self.batches: list[int] = []

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        self.entered.set()
        self.open.wait(10)
        self.order += [s.start for s in segments]
        self.batches.append(len(segments))
        if any(s.start < 0 for s in segments):
            raise ValueError("a bad segment")
        return [scores()] * len(segments)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def inference(gate: Gate) -> Iterator[Inference]:
    inference = Inference(gate, threads=1, queue_ms=400)
    yield inference
    gate.open.set()
    inference.close()


async def held(inference: Inference, gate: Gate) -> asyncio.Future[Scores | None]:
    """Keep the only thread busy, so that what follows must wait."""
    first = inference.submit(segment(1), "blocker", Urgency.STORED)
    await asyncio.to_thread(gate.entered.wait, 5)
    return first


async def test_live_finals_come_first_then_clips_then_provisionals(inference: Inference, gate: Gate) -> None:
    first = await held(inference, gate)
    waiting = [
        inference.submit(segment(30), "a", Urgency.PROVISIONAL),
        inference.submit(segment(20), "b", Urgency.STORED),
        inference.submit(segment(10), "c", Urgency.LIVE),
    ]
    assert inference.queued == 3
    gate.open.set()
    await asyncio.gather(first, *waiting)
    assert gate.order == [1, 10, 20, 30]
    assert inference.scored == 4


async def test_the_loop_goes_on_while_the_model_works(inference: Inference, gate: Gate) -> None:
    first = await held(inference, gate)
    turns = 0
    for _ in range(50):
        await asyncio.sleep(0.001)
        turns += 1
    assert not first.done()
    assert turns == 50
    gate.open.set()
    assert await first == scores()


async def test_a_provisional_that_cannot_start_in_time_is_skipped(inference: Inference, gate: Gate) -> None:
    first = await held(inference, gate)
    early = inference.submit(segment(2), "a", Urgency.PROVISIONAL)
    await asyncio.sleep(0.2)
    gate.open.set()
    assert await early is None
    await first
    assert (inference.skipped, gate.order) == (1, [1])


async def late(inference: Inference, gate: Gate, by_sec: float) -> None:
    """Let live finals of several calls come late."""
    waiting = [inference.submit(segment(at), at, Urgency.LIVE) for at in range(20)]
    await asyncio.sleep(by_sec)
    gate.open.set()
    await asyncio.gather(*waiting)


async def test_provisionals_give_way_while_finals_come_late(inference: Inference, gate: Gate) -> None:
    await late(inference, gate, 0.1)
    assert inference.submit(segment(), "x", Urgency.PROVISIONAL).result() is None
    assert (inference.skipped, inference.shed) == (1, 0)
    assert not inference.saturated
    await asyncio.sleep(1.1)
    assert await inference.submit(segment(), "x", Urgency.PROVISIONAL) is not None


async def test_a_server_is_saturated_before_anything_is_shed_and_for_no_longer_than_it_is(
    inference: Inference, gate: Gate
) -> None:
    assert not inference.saturated
    await late(inference, gate, 0.3)
    assert inference.saturated
    assert inference.shed == 0
    for at in range(40):
        await inference.submit(segment(at), at, Urgency.LIVE)
    assert not inference.saturated


async def test_a_call_may_have_four_live_segments_waiting_then_its_oldest_goes(
    inference: Inference, gate: Gate
) -> None:
    first = await held(inference, gate)
    waiting = [inference.submit(segment(n), "call", Urgency.LIVE) for n in range(PER_CALL + 2)]
    other = inference.submit(segment(99), "other", Urgency.LIVE)
    gate.open.set()
    results = await asyncio.gather(first, *waiting, other)
    assert [result is None for result in results] == [False, True, True, False, False, False, False, False]
    assert inference.shed == 2


async def test_past_the_bound_of_work_the_oldest_live_segment_is_shed(gate: Gate) -> None:
    inference = Inference(gate, threads=1, queue_ms=10)  # at 1 ms a segment ten may wait
    first = await held(inference, gate)
    waiting = [inference.submit(segment(n), n, Urgency.LIVE) for n in range(15)]
    stored = [inference.submit(segment(100 + n), n, Urgency.STORED) for n in range(15)]
    gate.open.set()
    results = await asyncio.gather(first, *waiting, *stored)
    assert [n for n, result in enumerate(results[1:16]) if result is None] == list(range(inference.shed))
    assert inference.shed == 5
    assert None not in results[16:]
    inference.close()


async def test_segments_are_scored_in_batches_of_bounded_size(inference: Inference, gate: Gate) -> None:
    first = await held(inference, gate)
    waiting = [inference.submit(segment(n), n, Urgency.STORED) for n in range(20)]
    gate.open.set()
    await asyncio.gather(first, *waiting)
    assert gate.batches == [1, BATCH, BATCH, 4]


async def test_a_model_that_throws_fails_its_segment_and_not_the_thread(inference: Inference, gate: Gate) -> None:
    gate.open.set()
    with pytest.raises(Internal):
        await inference.submit(segment(-1), "a", Urgency.LIVE)
    assert await inference.submit(segment(1), "a", Urgency.LIVE) == scores()


async def test_a_result_that_nobody_waits_for_is_let_go(inference: Inference, gate: Gate) -> None:
    first = await held(inference, gate)
    first.cancel()
    gate.open.set()
    assert await inference.submit(segment(2), "a", Urgency.LIVE) == scores()


def test_a_loop_that_is_gone_stops_no_thread(gate: Gate) -> None:
    inference = Inference(gate, threads=1, queue_ms=400)

    async def leave() -> None:
        inference.submit(segment(1), "a", Urgency.LIVE)
        await asyncio.to_thread(gate.entered.wait, 5)

    asyncio.run(leave())
    gate.open.set()

    async def come_back() -> Scores | None:
        return await inference.submit(segment(2), "a", Urgency.LIVE)

    assert asyncio.run(come_back()) == scores()
    inference.close()


async def test_after_the_end_nothing_is_taken(gate: Gate) -> None:
    gate.open.set()
    inference = Inference(gate, threads=2, queue_ms=400)
    inference.close()
    with pytest.raises(Overloaded):
        inference.submit(segment(), "a", Urgency.LIVE)
