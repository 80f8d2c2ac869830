"""``undervoice serve --workers N``: the parent of the processes that serve.

It hears no audio and reads no readings. It has the port and hands connections out (``door.py``), carries what workers
tell each other (``hub.py``), starts another worker where one has died, and passes signals on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from subprocess import DEVNULL

from undervoice.cli.door import Desk, Reception
from undervoice.errors import BadSettings
from undervoice.hub import Hub
from undervoice.settings import Settings

log = logging.getLogger("undervoice.workers")

BACKLOG = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""
SOUND_SEC = 60.0
"""A worker that lived for so long did not fail at once."""
FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.5, 30.0
"""How long to wait before another start, from the second death in a row on."""
GIVE_UP = 5
"""Deaths in a row of a worker after which, where no other answers either, the server ends."""


class Crew:
    """The workers of one server.

    Args:
        settings: those of the server.
        listener: its port, bound.
        variables: what its flags say, as environment variables.
        ready: is called once all workers answer for the first time.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, variables: Mapping[str, str], ready: Callable[[], None]
    ) -> None:
        self._settings, self._listener, self._ready = settings, listener, ready
        self._environ = os.environ | dict(variables)
        self._name = secrets.token_hex(8)
        self._hub = None if settings.redis else Hub()
        self._alive: dict[int, Process] = {}
        self._answering: set[int] = set()
        self._leaving: set[int] = set()
        """Those that were told to let their calls move."""
        self._complete = False
        self._status = 0

    async def run(self) -> int:
        """Serve until a signal ends it, or no worker can; return the exit status."""
        self._stopping, self._first = asyncio.Event(), asyncio.Event()
        self._reception = Reception(self._listener)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        # The first shows whether any can start: a fault is told once, and what all need is made once.
        keeping = [asyncio.create_task(self._keep(0))]
        await self._first.wait()
        if not self._stopping.is_set():
            keeping += [asyncio.create_task(self._keep(number)) for number in range(1, self._settings.workers)]
        await asyncio.gather(*keeping)
        self._reception.close()
        return self._status or int(not self._complete)

    # ------------------------------------------------------------ one worker after another, in one place

    async def _keep(self, number: int) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._serve(number)
            self._first.set()
            if self._stopping.is_set():
                self._status = self._status or int(status != 0 and number in self._leaving)
                return
            deaths = 1 if time.monotonic() - began > SOUND_SEC else deaths + 1
            if not self._complete or (deaths >= GIVE_UP and not self._answering):
                self._give_up(number, status)
                return
            pause_sec = min(LONGEST_PAUSE_SEC, FIRST_PAUSE_SEC * 2 ** (deaths - 2)) if deaths > 1 else 0.0
            log.error("worker %d ended (%s): another starts in %g s", number, _how(status), pause_sec)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_sec):
                    await self._stopping.wait()

    def _give_up(self, number: int, status: int) -> None:
        if self._complete or status <= 0:  # else it has said itself why it cannot start
            log.error("worker %d ended (%s): the server gives up", number, _how(status))
        self._status = status if not self._complete and status > 0 else 1
        self._stop()

    async def _serve(self, number: int) -> int:
        """Run one worker to its end and return its exit status."""
        door, inner = socket.socketpair()
        desk = Desk(door, lambda: self._answers(number, desk), self._reception.leave)
        try:
            with inner:
                process = await self._start(number, inner)
        except OSError as error:
            log.error("worker %d cannot be started: %s", number, error.strerror)  # noqa: TRY400
            desk.close()
            return 1
        self._alive[number] = process
        if self._stopping.is_set():  # since it was begun to be started
            process.terminate()
        status = await process.wait()
        del self._alive[number]
        self._answering.discard(number)
        self._reception.leave(desk)
        desk.close()
        return status

    async def _start(self, number: int, door: socket.socket) -> Process:
        with contextlib.ExitStack() as given:
            handles = [door.fileno()]
            if self._hub is not None:
                line, inner = socket.socketpair()
                handles.append(given.enter_context(inner).fileno())
                await self._hub.join(line)
            place = ",".join(map(str, [number, self._name, *handles]))
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "undervoice", "serve", "--worker", place),
                env=self._environ,
                stdin=DEVNULL,
                stdout=DEVNULL,
                pass_fds=handles,
            )

    def _answers(self, number: int, desk: Desk) -> None:
        self._first.set()
        self._answering.add(number)
        self._reception.enter(desk)
        if not self._complete and len(self._answering) == self._settings.workers:
            self._complete = True
            self._reception.open(BACKLOG)
            self._ready()

    # ------------------------------------------------------------ the end

    def _stop(self) -> None:
        """Let all calls move; the second time do not wait for them."""
        at_once = self._stopping.is_set()
        if not at_once:
            self._leaving = set(self._answering)
        self._stopping.set()
        self._first.set()
        for process in self._alive.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGUSR1 if at_once else signal.SIGTERM)


def run(settings: Settings, listener: socket.socket, variables: Mapping[str, str], ready: Callable[[], None]) -> int:
    """Serve with several processes until a signal ends it; return the exit status."""
    return asyncio.run(Crew(settings, listener, variables, ready).run())


def check() -> None:
    """Look whether this system can do it.

    Raises:
        BadSettings: it cannot.
    """
    if sys.platform == "win32":
        raise BadSettings("UNDERVOICE_WORKERS is 1 on Windows: there, processes cannot hand sockets to each other")


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
