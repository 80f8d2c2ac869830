"""One of a server's worker processes: it serves as a server by itself does, what its parent hands it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from undervoice.app import create_app
from undervoice.cli import serving
from undervoice.cli.door import Door
from undervoice.drain import Drain
from undervoice.hub import HubExchange
from undervoice.limits import Connections
from undervoice.service import Service
from undervoice.settings import Settings

AT_ONCE = signal.SIGUSR1
"""Go without waiting for the calls; the second time, without writing down what waits. Other signals, and however many,
let the calls move: a shell's Ctrl-C and an init system's stop reach parent and workers alike."""


class Place(NamedTuple):
    """What a worker is told when it is started."""

    number: int
    """Which of the server's workers it is, from 0."""
    crew: str
    """What its server is called among those of the deployment."""
    door: int
    """Handle of the socket that connections come by."""
    hub: int | None = None
    """Handle of the socket to the hub, where there is one."""

    @classmethod
    def read(cls, text: str) -> Place:
        """Return what a place was written as."""
        number, crew, *handles = text.split(",")
        return cls(int(number), crew, *map(int, handles))


def run(settings: Settings, place: Place) -> int:
    """Serve until the parent says so, or is gone, and return the exit status."""
    line = socket.socket(fileno=place.door)
    exchange = HubExchange(socket.socket(fileno=place.hub)) if place.hub is not None else None
    app = create_app(share(settings, place.number), exchange=exchange, crew=place.crew)
    service: Service = app.state.service
    return serving.run(Worker(serving.config(app, settings), service.drain, service.connections, line), [])


def share(settings: Settings, number: int) -> Settings:
    """Return the settings of one worker: it has its part of the calls and of the threads, of which it needs one."""
    threads, calls = (_part(total, number, settings.workers) for total in (settings.threads, settings.max_calls))
    return dataclasses.replace(settings, threads=max(1, threads), max_calls=calls)


def _part(total: int, number: int, parts: int) -> int:
    return total // parts + (number < total % parts)


class Worker(serving.Leaving):
    """Serves what comes by its door."""

    def __init__(self, config: uvicorn.Config, drain: Drain, calls: Connections, line: socket.socket) -> None:
        super().__init__(config, drain, self._open)
        self._calls, self._line = calls, line
        self._asked = self._hurried = False

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals from now on to the end of the process: one that comes late makes no failure of a good end."""
        for number in (*HANDLED_SIGNALS, AT_ONCE):
            signal.signal(number, self.handle_exit)
        yield

    def _open(self) -> None:
        self._door = Door(self._line, self._protocol, lambda: self.handle_exit(signal.SIGTERM, None))
        self._tell()

    def _tell(self) -> None:
        full = self._drain.begun or len(self._calls) >= self._calls.most
        self._door.tell(len(self.server_state.connections), full=full)

    def _protocol(self) -> asyncio.Protocol:
        # What uvicorn does for each connection that it accepts itself.
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=self._loop
        )
        return made

    async def on_tick(self, counter: int) -> bool:
        """Tell the parent how many connections there are."""
        self._tell()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no connection any more, and end."""
        self._door.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: it lets the calls move, once, or ends them."""
        if sig == AT_ONCE:
            self.force_exit, self.should_exit = self._hurried, True
            self._asked = self._hurried = True
        elif not self._asked:
            self._asked = True
            super().handle_exit(sig, frame)
