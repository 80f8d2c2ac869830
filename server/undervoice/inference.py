"""One bounded queue for all calls, worker threads behind it.

Order of work: finals of live calls, then those of ``live: false`` and clips, then provisionals.
A provisional that cannot start in time is skipped. When live finals wait for more than the bound,
the oldest is shed; the others are never shed, their senders wait instead. The event loop only
queues and is told: features and model run in threads, where onnxruntime releases the GIL.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from undervoice.emotion import Scores, Segment
from undervoice.errors import Internal, Overloaded

BATCH = 8
"""Segments scored in one go: more gain little and make the first wait for the last."""
PROVISIONAL_WAIT_SEC = 0.15
PER_CALL = 4
"""Live segments of one call that may wait."""


class Scorer(Protocol):
    """What scores segments: a ``Model``."""

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        """Return each segment's scores, in order."""


class Urgency(IntEnum):
    """What is scored first."""

    LIVE = 0
    STORED = 1
    """Finals of ``live: false`` and of clips."""
    PROVISIONAL = 2


@dataclass(eq=False, slots=True)
class Job:
    """One segment on its way; ``done`` gives ``None`` when it was shed or skipped."""

    segment: Segment
    call: object
    urgency: Urgency
    queued_at: float
    done: asyncio.Future[Scores | None] = field(repr=False)


class Inference:
    """Scores segments of all calls with one model in ``threads`` worker threads."""

    def __init__(self, scorer: Scorer, *, threads: int, queue_ms: float) -> None:
        self._scorer = scorer
        self._queue_sec = queue_ms / 1000
        self._queues: dict[Urgency, deque[Job]] = {urgency: deque() for urgency in Urgency}
        self._ready = threading.Condition()
        self._closed = False
        self._segment_sec = 0.005
        """Smoothed cost of one segment, as measured."""
        self._count = max(1, threads)
        self._threads = [
            threading.Thread(target=self._work, name=f"score-{n}", daemon=True) for n in range(self._count)
        ]
        self.scored = self.shed = self.skipped = 0
        for thread in self._threads:
            thread.start()

    @property
    def queued(self) -> int:
        """Segments that wait."""
        return sum(map(len, self._queues.values()))

    def submit(self, segment: Segment, call: object, urgency: Urgency) -> asyncio.Future[Scores | None]:
        """Queue a segment; never waits. The future gives its scores, or ``None`` if it was shed."""
        loop = asyncio.get_running_loop()
        job = Job(segment, call, urgency, time.monotonic(), loop.create_future())
        with self._ready:
            if self._closed:
                raise Overloaded("the server is going down")
            queue = self._queues[urgency]
            queue.append(job)
            shed = self._over(queue, job) if urgency is Urgency.LIVE else None
            if shed is not None:
                queue.remove(shed)
                self.shed += 1
            self._ready.notify()
        if shed is not None:
            _settle(shed, None)
        return job.done

    def _over(self, queue: deque[Job], job: Job) -> Job | None:
        """Return the job that must go: the call's oldest past its share, the oldest of all past the bound."""
        of_call = [waiting for waiting in queue if waiting.call is job.call]
        if len(of_call) > PER_CALL:
            return of_call[0]
        work_sec = len(queue) * self._segment_sec / self._count
        return queue[0] if work_sec > self._queue_sec and len(queue) > 1 else None

    def close(self) -> None:
        """Score what waits, then end the threads."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)

    # ------------------------------------------------------------ in the worker threads

    def _work(self) -> None:
        while batch := self._take():
            started = time.perf_counter()
            try:
                results: list[Scores | Exception] = [*self._scorer.score([job.segment for job in batch])]
            except Exception as error:  # whatever a model throws must reach the calls, not end the thread
                results = [error] * len(batch)
            cost = (time.perf_counter() - started) / len(batch)
            self._segment_sec += 0.1 * (cost - self._segment_sec)
            self.scored += len(batch)
            for job, result in zip(batch, results, strict=True):
                _settle(job, result)

    def _take(self) -> list[Job]:
        """Wait for work; return the most urgent jobs, or nothing when all is done and closed."""
        with self._ready:
            while True:
                batch = self._next()
                if batch or self._closed:
                    return batch
                self._ready.wait()

    def _next(self) -> list[Job]:
        late = time.monotonic() - PROVISIONAL_WAIT_SEC
        provisionals = self._queues[Urgency.PROVISIONAL]
        while provisionals and provisionals[0].queued_at < late:
            self.skipped += 1
            _settle(provisionals.popleft(), None)
        for queue in self._queues.values():
            if queue:
                # An equal share for each thread, so that none waits while another has a full batch.
                share = max(1, min(BATCH, len(queue) // self._count))
                return [queue.popleft() for _ in range(share)]
        return []


def _settle(job: Job, result: Scores | Exception | None) -> None:
    """Give a job its result on the loop that waits for it; a loop that is gone needs none."""
    try:
        job.done.get_loop().call_soon_threadsafe(_set, job.done, result)
    except RuntimeError:
        return


def _set(done: asyncio.Future[Scores | None], result: Scores | Exception | None) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        error = Internal("a segment could not be scored")
        error.__cause__ = result
        done.set_exception(error)
    else:
        done.set_result(result)
