"""What must still hold of a server after whatever was done to it."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.servers import Server, finals, opening, said
from tests.voices import sentence

SPEECH = sentence(0.4, 1.5, 0.9)
LOGGERS = ("", "uvicorn", "uvicorn.error")
SETTLED_SEC = 15.0


class Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # uvicorn calls every refused socket an error; the command leaves that line out.
        if "returned without completing handshake" not in str(record.msg):
            self.records.append(record.getMessage())


def tasks() -> Counter[str]:
    """Return the tasks of this process that are not done, by what they run."""
    gc.collect()
    found = [thing for thing in gc.get_objects() if issubclass(type(thing), asyncio.Task) and not thing.done()]
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in found)


@contextmanager
def unharmed(server: Server) -> Iterator[None]:
    """Hold a call through what happens within: it ends as if that had not been."""
    with no_trace(server), server.connect(server.token(agent_id="bystander")) as ws:
        ws.send(opening("c-bystander"))
        ws.send(SPEECH[:20_000].tobytes())
        yield
        ws.send(SPEECH[20_000:].tobytes())
        ws.send('{"type":"stop"}')
        messages = said(ws)
        assert (messages[-1]["type"], len(finals(messages))) == ("stopped", 1)


@contextmanager
def no_trace(server: Server) -> Iterator[None]:
    """Nothing is left of what happens within: no connection, call or task, and no error in the log."""
    with server.http() as http:
        http.get("/api/v1/logs")  # what starts with the first request and stays is no leak
    errors, before = Errors(), tasks()
    for name in LOGGERS:
        logging.getLogger(name).addHandler(errors)
    try:
        yield
        settles(lambda: (len(server.service.connections), len(server.service.live)), (0, 0))
        settles(lambda: tasks() - before, Counter())
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(errors)
    assert errors.records == []


def settles(what: Callable[[], object], value: object) -> None:
    """Wait until something becomes a value, as it must soon."""
    until = time.monotonic() + SETTLED_SEC
    while what() != value:
        if time.monotonic() > until:
            raise AssertionError(f"{what()} does not become {value}")
        time.sleep(0.05)


@dataclass
class Tally:
    """How many cases were tried, and how fast."""

    what: str
    cases: int = 0

    def __enter__(self) -> Tally:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._began
        print(f"\n{self.what}: {self.cases:,} cases in {seconds:.1f} s, {self.cases / seconds:,.0f} a second")
