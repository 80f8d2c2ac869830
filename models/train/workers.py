"""Work on many recordings, shared by as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Made = TypeVar("Made")

Watch = Callable[[Iterator[Any], int, str], Iterator[Any]]
"""Passes work on while showing how far it is: the work, its length, and what it is."""

FEW = 24
"""So few items are done before other processes have started."""


def unwatched(work: Iterator[Any], _total: int, _words: str) -> Iterator[Any]:
    """Pass work on without a word."""
    return work


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread_work(
    work: Callable[[Item], Made],
    items: Sequence[Item],
    prepare: Callable[..., None] | None = None,
    prepared: tuple[Any, ...] = (),
    workers: int | None = None,
) -> Iterator[Made]:
    """Yield what ``work`` makes of each item, in order.

    Args:
        prepare: called once in every process with ``prepared`` before its first item.
        workers: processes; by default one a core.
    """
    workers = min(workers or cores(), len(items))
    if workers < 2 or len(items) < FEW:
        begin(prepare, prepared)
        yield from map(work, items)
        return
    # Not fork: the threads of onnxruntime and torch would not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=begin_alone, initargs=(prepare, prepared)) as pool:
        try:
            yield from pool.map(work, items, chunksize=max(1, min(16, len(items) // (8 * workers))))
        finally:
            pool.shutdown(cancel_futures=True)


def begin(prepare: Callable[..., None] | None, prepared: tuple[Any, ...]) -> None:
    """Prepare this process, where that is needed."""
    if prepare:
        prepare(*prepared)


def begin_alone(prepare: Callable[..., None] | None, prepared: tuple[Any, ...]) -> None:
    """Prepare a process that has one core to itself: threads of its own would only wait for each other."""
    threadpool_limits(1)
    begin(prepare, prepared)
