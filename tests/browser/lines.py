"""A line between a page and a server that can be cut, and that can fall silent without a word."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection, as a failing network does, instead of ending it in good order."""


class Line:
    """Carries bytes between a port of its own and ``target``, until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.down = False
        """Whether new connections are reset at once."""
        self._mute: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection."""
        for end in list(self._open):
            _reset(end)

    def freeze(self) -> None:
        """Let the present connections stay open and carry nothing any more; new ones work."""
        self._mute |= self._open

    def close(self) -> None:
        """Cut, and take no more."""
        self.down = True
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self.down or not self._join(near):
                _reset(near)

    def _join(self, near: socket.socket) -> bool:
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return False
        self._open |= {near, far}
        for ends in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()
        return True

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._mute:
                    sink.sendall(data)
        if source in self._mute:
            return
        self._open -= {source, sink}
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        end.shutdown(socket.SHUT_RD)
        end.close()


@contextmanager
def line_to(target: str | int) -> Iterator[Line]:
    """Open a line to a port of this machine."""
    line = Line(int(target))
    try:
        yield line
    finally:
        line.close()
