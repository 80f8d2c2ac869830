"""Work on all cores: this process does its share and helper processes theirs, one on each other core."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")

START_SEC = 1.0
"""About what it takes until a fresh helper is there: with less to do it would come too late."""


@contextmanager
def shared(
    work: Callable[[Part], Done], parts: Sequence[Part], cost_sec: float, initializer: Callable[..., object], *args: Any
) -> Iterator[Iterator[Done]]:
    """Yield what ``work`` makes of each part, in order; ``work`` must be a function that a fresh process can import.

    Args:
        work: is called here and in the helpers.
        parts: what is to be done.
        cost_sec: about how long one process would take for all of it.
        initializer: is called once in each helper, with ``args``.
    """
    helpers = min(os.cpu_count() or 1, len(parts)) - 1
    if helpers <= 0 or cost_sec < START_SEC:
        yield map(work, parts)
        return
    # Processes, since half of the work holds the interpreter's lock.
    with ProcessPoolExecutor(helpers, _context(), initializer=initializer, initargs=args) as pool:
        try:
            yield _together(work, parts, [pool.submit(work, part) for part in parts])
        finally:
            pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Return how helpers start: as copies of this process, which are there at once, where it has no thread to lose."""
    own = Path("/proc/self/task")
    alone = own.is_dir() and len(list(own.iterdir())) == 1
    return multiprocessing.get_context("fork" if alone else "spawn")


def _together(work: Callable[[Part], Done], parts: Sequence[Part], theirs: list[Future[Done]]) -> Iterator[Done]:
    """Yield results in order; rather than wait for one, do the next that no helper has begun."""
    mine: dict[int, Future[Done]] = {}
    unbegun = iter(range(len(parts)))
    for number, future in enumerate(theirs):
        while not future.done():
            taken = next((other for other in unbegun if theirs[other].cancel()), None)
            if taken is None:
                break
            mine[taken] = _finished(work, parts[taken])
        yield mine.pop(number, future).result()


def _finished(work: Callable[[Part], Done], part: Part) -> Future[Done]:
    """Do a part here and now; what it raises waits for its turn, as a helper's does."""
    future: Future[Done] = Future()
    try:
        future.set_result(work(part))
    except Exception as error:
        future.set_exception(error)
    return future
