"""How a connection comes to a worker process: the parent accepts it and hands it to the worker that has fewest.

A call's socket lives for long, and its work stays with whoever accepted it. Workers that accept from one queue, or each
from a socket of its own that the kernel chooses, take uneven shares, and one that was replaced stays empty meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable

log = logging.getLogger("undervoice.workers")

REPORT = struct.Struct("!II?")
"""How many connections a worker has taken so far, how many are open, whether it takes no call more. The first says that
it answers."""
CONNECTION = b"c"
"""What goes with a connection, since something must."""
AT_ONCE = 64
"""Connections that are accepted before anything else has its turn."""
LATE_SEC = 1.0
"""A worker that has not taken a connection for so long is given others only where all are as late."""
FULL_SEC = 0.5
"""How long nothing is accepted once this process may open no more files."""


class Door:
    """A worker's end: takes the connections that are handed over, and tells how many it has.

    Args:
        line: the socket to the parent.
        protocol: makes what serves a connection.
        orphaned: is called when the parent is gone.
    """

    def __init__(
        self, line: socket.socket, protocol: Callable[[], asyncio.Protocol], orphaned: Callable[[], None]
    ) -> None:
        self._line, self._protocol, self._orphaned = line, protocol, orphaned
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._taken = 0
        self._told: tuple[int, int, bool] | None = None
        line.setblocking(False)
        self._loop.add_reader(line, self._take)

    def tell(self, count: int, *, full: bool) -> None:
        """Say how many connections are open, and whether a call more would be refused, unless that was said already."""
        report = self._taken, count, full
        if report == self._told or self._line.fileno() < 0:
            return
        try:
            self._line.send(REPORT.pack(*report))
        except OSError:
            return  # a parent that reads nothing is told at the next tick; one that is gone is noticed by reading
        self._told = report

    def close(self) -> None:
        """Take no connection any more; the parent notices."""
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line)
            self._line.close()

    def _take(self) -> None:
        try:
            data, handles, _, _ = socket.recv_fds(self._line, len(CONNECTION), 1)
        except BlockingIOError:
            return
        except OSError:
            data, handles = b"", []
        if not data:
            self.close()
            self._orphaned()
        elif not handles:
            self._taken += 1  # this process may open no more files: the kernel has closed it
        for handle in handles:
            task = self._loop.create_task(self._serve(socket.socket(fileno=handle)))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()  # its client is gone already
        finally:
            self._taken += 1


class Desk:
    """The parent's end of one worker's door."""

    def __init__(self, line: socket.socket, answers: Callable[[], None], gone: Callable[[Desk], None]) -> None:
        self._line, self._answers, self._gone = line, answers, gone
        self._loop = asyncio.get_running_loop()
        self._kept = b""
        self._taken = self._open = 0
        self._waits_since: float | None = None
        self.full = False
        """Whether the worker would refuse a call."""
        self.given = 0
        """Connections so far."""
        line.setblocking(False)
        self._loop.add_reader(line, self._read)

    @property
    def load(self) -> int:
        """Connections that the worker has, or will have once it takes what it was given."""
        return self._open + self.given - self._taken

    def is_late(self, now: float) -> bool:
        """Whether a connection has waited for the worker for too long; ``now`` in monotonic seconds."""
        return self._waits_since is not None and now - self._waits_since > LATE_SEC

    def hand(self, connection: socket.socket, now: float) -> bool:
        """Give the worker a connection; return whether that could be done."""
        try:
            socket.send_fds(self._line, [CONNECTION], [connection.fileno()])
        except OSError:
            return False
        self.given += 1
        self._waits_since = self._waits_since or now
        return True

    def close(self) -> None:
        """Hang up."""
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line)
            self._line.close()

    def _read(self) -> None:
        try:
            data = self._line.recv(REPORT.size * 512)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self._gone(self)
            return
        self._kept += data
        whole = len(self._kept) // REPORT.size * REPORT.size
        if whole:
            self._taken, self._open, self.full = REPORT.unpack_from(self._kept, whole - REPORT.size)
            self._kept = self._kept[whole:]
            self._waits_since = time.monotonic() if self._taken < self.given else None
            self._answers()


class Reception:
    """Accepts connections, and hands each to the worker that has fewest; where there is none they wait.

    Args:
        listener: a bound socket, on which nobody listens yet.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._desks: list[Desk] = []
        self._open = False
        listener.setblocking(False)

    def open(self, backlog: int) -> None:
        """Let connections come."""
        self._listener.listen(backlog)
        self._open = True
        self._listen()

    def enter(self, desk: Desk) -> None:
        """Hand connections to one more worker."""
        if desk not in self._desks:
            self._desks.append(desk)
            self._listen()

    def leave(self, desk: Desk) -> None:
        """Hand a worker none any more."""
        if desk in self._desks:
            self._desks.remove(desk)
            self._listen()

    def close(self) -> None:
        """Refuse whoever comes."""
        self._open = False
        self._listen()
        self._listener.close()

    def _listen(self) -> None:
        if self._listener.fileno() < 0:
            return
        if self._open and self._desks:
            self._loop.add_reader(self._listener, self._accept)
        else:
            self._loop.remove_reader(self._listener)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("no connection can be accepted: %s", error.strerror)  # noqa: TRY400
                self._loop.remove_reader(self._listener)
                self._loop.call_later(FULL_SEC, self._listen)
                return
            with connection:
                self._hand(connection)

    def _hand(self, connection: socket.socket) -> None:
        now = time.monotonic()
        by_load = sorted(self._desks, key=lambda desk: (desk.is_late(now), desk.full, desk.load, desk.given))
        any(desk.hand(connection, now) for desk in by_load)
