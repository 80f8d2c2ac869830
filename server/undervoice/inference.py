"""One bounded queue for all calls, worker threads behind it.

Order of work: finals of live calls, then those of ``live: false`` and clips, then provisionals.
The chosen model scores finals, the quick one provisionals. A provisional that cannot start in time
is skipped, and all are while finals of live calls come late. When live finals wait for more than a
share of the bound, the oldest fall to the quick model, and all do while a provisional has waited for
half of its time; when even that would not do, the oldest is shed. The others neither fall back nor
are shed, their senders wait instead. The event loop only queues and is told: features and model run
in threads, where onnxruntime releases the GIL.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from undervoice.emotion import Scores, Segment
from undervoice.errors import Internal, Overloaded
from undervoice.histogram import Histogram
from undervoice.scorers import BATCH, Measured, Scorer

PROVISIONAL_WAIT_SEC = 0.15
LATE_SEC = 0.05
"""By how much finals of live calls may come later than their scoring takes before provisionals give way to them."""
FULL = 0.4
"""The same as a share of the bound, before no new calls are let in: well before any of those inside is shed."""
LATE_SMOOTHING = 0.1
LATE_MEMORY_SEC = 1.0
"""What was longer ago says nothing of now."""
PER_CALL = 4
"""Live segments of one call that may wait for the chosen model; past that they fall to the quick one."""
PER_CALL_QUICK = 12
"""Live segments of one call that may wait for the quick model."""
WAIT_SEC = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 1)
BATCH_SEGMENTS = (1, 2, 4, 8, 16, 32)
HURRY = 0.5
"""Share of the bound from which on waiting live finals fall to the quick model."""


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
    """Scores segments of all calls in ``threads`` worker threads; without a quick model one does all."""

    def __init__(self, chosen: Scorer, quick: Scorer | None = None, *, threads: int, queue_ms: float) -> None:
        self._chosen = Measured(chosen)
        self._quick = Measured(quick) if quick else self._chosen
        self._queue_sec = queue_ms / 1000
        self._queues: dict[Urgency, deque[Job]] = {urgency: deque() for urgency in Urgency}
        self._ready = threading.Condition()
        self._closed = False
        self._count = max(1, threads)
        self._threads = [
            threading.Thread(target=self._work, name=f"score-{n}", daemon=True) for n in range(self._count)
        ]
        self.scored = self.fell_back = self.shed = self.skipped = 0
        self.watch: Callable[[Sequence[Job], float, float], None] | None = None
        """Told of each batch, and when it began and ended, monotonic seconds; called in the worker threads."""
        self._turnaround_sec, self._told_at = 0.0, 0.0
        """Smoothed time from a live final's cut to its scores on the loop, and when the last was told."""
        self.waits, self.batches = Histogram(WAIT_SEC), Histogram(BATCH_SEGMENTS)
        """Seconds that segments waited, and how many were scored in one go."""
        for thread in self._threads:
            thread.start()

    @property
    def costs(self) -> tuple[Histogram, ...]:
        """Seconds that a segment took with each model, the chosen one's first."""
        return tuple(scorer.costs for scorer in dict.fromkeys((self._chosen, self._quick)))

    @property
    def queued(self) -> int:
        """Segments that wait."""
        return sum(map(len, self._queues.values()))

    def submit(self, segment: Segment, call: object, urgency: Urgency) -> asyncio.Future[Scores | None]:
        """Queue a segment; never waits. The future gives its scores, or ``None`` if it was shed."""
        job = Job(segment, call, urgency, time.monotonic(), asyncio.get_running_loop().create_future())
        if urgency is Urgency.PROVISIONAL and self._late(LATE_SEC):
            self.skipped += 1
            job.done.set_result(None)
            return job.done
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

    @property
    def saturated(self) -> bool:
        """Whether one more call would be one too many: finals come late although provisionals have given way."""
        return self._late(FULL * self._queue_sec)

    def _late(self, by_sec: float) -> bool:
        """Return whether finals have been coming late: the machine is busy, with scoring or anything else."""
        # Where there are two models finals may wait for the better one: that is not late yet.
        usual_sec = self._chosen.segment_sec + (HURRY * self._queue_sec if self._quick is not self._chosen else 0.0)
        recently = time.monotonic() - self._told_at < LATE_MEMORY_SEC
        return recently and self._turnaround_sec > usual_sec + by_sec

    def _over(self, queue: deque[Job], job: Job) -> Job | None:
        """Return the job that must go: the call's oldest past its share, the oldest of all past the bound."""
        of_call = [waiting for waiting in queue if waiting.call is job.call]
        if len(of_call) > (PER_CALL if self._quick is self._chosen else PER_CALL_QUICK):
            return of_call[0]
        work_sec = len(queue) * self._quick.segment_sec / self._count
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
        while taken := self._take():
            scorer, batch = taken
            began = time.monotonic()
            results = scorer.score([job.segment for job in batch])
            with self._ready:
                self._note(scorer, batch, began, time.monotonic())
            for job, result in zip(batch, results, strict=True):
                _settle(job, result, self._arrived if job.urgency is Urgency.LIVE else None)

    def _arrived(self, job: Job) -> None:
        """Learn, on the loop, how long a live final took."""
        self._told_at = time.monotonic()
        self._turnaround_sec += LATE_SMOOTHING * (self._told_at - job.queued_at - self._turnaround_sec)

    def _note(self, scorer: Measured, batch: list[Job], began: float, ended: float) -> None:
        """Count a batch that was scored."""
        self.scored += len(batch)
        self.batches.see(len(batch))
        self.waits.see_all([began - job.queued_at for job in batch])
        scorer.costs.see((ended - began) / len(batch), len(batch))
        if self.watch is not None:
            self.watch(batch, began, ended)

    def _take(self) -> tuple[Measured, list[Job]] | None:
        """Wait for work; return the most urgent jobs and who scores them, or nothing when all is done and closed."""
        with self._ready:
            while True:
                taken = self._next()
                if taken or self._closed:
                    return taken
                self._ready.wait()

    def _next(self) -> tuple[Measured, list[Job]] | None:
        late = time.monotonic() - PROVISIONAL_WAIT_SEC
        provisionals = self._queues[Urgency.PROVISIONAL]
        while provisionals and provisionals[0].queued_at < late:
            self.skipped += 1
            _settle(provisionals.popleft(), None)
        for urgency, queue in self._queues.items():
            if queue:
                scorer, most = self._scorer_of(urgency)
                # An equal share for each thread, so that none waits while another has a full batch.
                share = max(1, min(scorer.at_once, most, len(queue) // self._count))
                self.fell_back += share * (urgency is Urgency.LIVE and scorer is not self._chosen)
                return scorer, [queue.popleft() for _ in range(share)]
        return None

    def _scorer_of(self, urgency: Urgency) -> tuple[Measured, int]:
        """Return who scores the next jobs, and how many of them at most."""
        if urgency is Urgency.PROVISIONAL:
            return self._quick, BATCH
        if urgency is Urgency.LIVE and (hurried := self._hurried()):
            return self._quick, hurried
        return self._chosen, BATCH

    def _hurried(self) -> int:
        """Return how many of the oldest live finals must fall to the quick model."""
        if self._quick is self._chosen:
            return 0
        queue, provisionals = self._queues[Urgency.LIVE], self._queues[Urgency.PROVISIONAL]
        # The better model is for where there is room: finals that go first must not take all of it from provisionals.
        if provisionals and time.monotonic() - provisionals[0].queued_at > PROVISIONAL_WAIT_SEC / 2:
            return len(queue)
        # One may always wait: a machine that is thought too slow for the chosen model is measured again.
        most = max(1, int(HURRY * self._queue_sec * self._count / self._chosen.segment_sec))
        if len(queue) > most:
            return len(queue) - most
        return int(sum(job.call is queue[0].call for job in queue) > PER_CALL)


def _settle(job: Job, result: Scores | Exception | None, arrived: Callable[[Job], None] | None = None) -> None:
    """Give a job its result on the loop that waits for it; a loop that is gone needs none."""
    try:
        job.done.get_loop().call_soon_threadsafe(_set, job, result, arrived)
    except RuntimeError:
        return


def _set(job: Job, result: Scores | Exception | None, arrived: Callable[[Job], None] | None) -> None:
    if arrived is not None:
        arrived(job)
    if job.done.done():
        return
    if isinstance(result, Exception):
        error = Internal("a segment could not be scored")
        error.__cause__ = result
        job.done.set_exception(error)
    else:
        job.done.set_result(result)
