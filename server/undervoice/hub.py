"""What the worker processes of one server tell each other by: the hub in their parent passes each message on.

Every worker has a socket of its own to the hub, inherited, so that there is no path for anybody else to open. A message
is its length, whom it is for (nobody: all others), who told it, and what. A worker that takes too little misses
messages; the others never wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

from undervoice.exchange import Hear, Joined, new_name

log = logging.getLogger("undervoice.workers")

HEADER = struct.Struct("!I32s32s")
"""Bytes of the body; to and from, names as ``new_name`` makes them."""
EVERYBODY = bytes(32)
MOST_BODY_BYTES = 16 * 1024 * 1024
"""Of one message: how things stand with some ten thousand calls."""
MOST_WAITING_BYTES = 2 * MOST_BODY_BYTES
"""What may wait for one worker to take it."""
LAST_WORDS_SEC = 0.5


class Frames:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def of(self, data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield each message that is whole by now: to, from, and all of it with its header."""
        self._kept += data
        at = 0
        while len(self._kept) - at >= HEADER.size:
            size, to, sender = HEADER.unpack_from(self._kept, at)
            end = at + HEADER.size + size
            if len(self._kept) < end:
                break
            yield to, sender, bytes(self._kept[at:end])
            at = end
        del self._kept[:at]


class Line(asyncio.Protocol):
    """One end of a worker's socket to the hub."""

    _transport: asyncio.Transport | None = None

    def __init__(self) -> None:
        self._frames = Frames()
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by name

    def connection_lost(self, exc: Exception | None) -> None:
        """Take nothing any more."""
        self._transport = None
        self.gone.set()

    @property
    def up(self) -> bool:
        """Whether the other end is there."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, frame: bytes) -> bool:
        """Hand a message over, unless too much waits already; return whether it was taken."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(frame) > MOST_WAITING_BYTES:
            return False
        transport.write(frame)
        return True

    def close(self) -> None:
        """Hang up, once what waits is written."""
        if self._transport is not None:
            self._transport.close()


class Hub:
    """The parent's end of all lines."""

    def __init__(self) -> None:
        self._lines: dict[_Relay, bytes] = {}

    async def join(self, line: socket.socket) -> None:
        """Take one more worker in, until its socket is closed."""
        await asyncio.get_running_loop().create_unix_connection(lambda: _Relay(self), sock=line)

    def enter(self, line: _Relay) -> None:
        """Note a line whose name is not known yet."""
        self._lines[line] = EVERYBODY

    def leave(self, line: _Relay) -> None:
        """Forget a line."""
        self._lines.pop(line, None)

    def pass_on(self, line: _Relay, to: bytes, sender: bytes, frame: bytes) -> None:
        """Hand a message to all others, or to the one that it is for."""
        self._lines[line] = sender
        for other, name in self._lines.items():
            if other is not line and to in (EVERYBODY, name):
                other.take(frame)


class _Relay(Line):
    """The parent's end of one line."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub, self._behind = hub, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._hub.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._hub.leave(self)

    def data_received(self, data: bytes) -> None:
        for to, sender, frame in self._frames.of(data):
            self._hub.pass_on(self, to, sender, frame)

    def take(self, frame: bytes) -> None:
        """Write a message for this worker; one that does not keep up misses it."""
        taken = self.write(frame)
        if not taken and not self._behind and self.up:
            log.warning("a worker does not keep up with what the others tell")
        self._behind = not taken


class HubExchange:
    """A worker's end: the exchange among the processes of one server.

    Args:
        line: the socket to the hub.
    """

    def __init__(self, line: socket.socket) -> None:
        self.name = new_name()
        self.lost = self.ignored = 0
        self._socket = line
        self._line: _Listener | None = None

    @property
    def up(self) -> bool:
        """Whether the parent is there."""
        return self._line is not None and self._line.up

    async def open(self, hear: Hear, joined: Joined) -> None:
        """Join; the line is there from the start, and if it goes, so does this process."""
        loop = asyncio.get_running_loop()
        _, self._line = await loop.create_unix_connection(lambda: _Listener(hear), sock=self._socket)
        joined()

    def tell(self, body: bytes, to: str | None = None) -> None:
        """Tell all others, or one of them."""
        head = HEADER.pack(len(body), to.encode() if to else EVERYBODY, self.name.encode())
        if len(body) > MOST_BODY_BYTES or self._line is None or not self._line.write(head + body):
            self.lost += 1

    async def close(self) -> None:
        """Leave, once what was told is written."""
        if self._line is None:
            self._socket.close()
            return
        self._line.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SEC):
                await self._line.gone.wait()


class _Listener(Line):
    """The worker's end of its line."""

    def __init__(self, hear: Hear) -> None:
        super().__init__()
        self._hear = hear

    def data_received(self, data: bytes) -> None:
        for _, sender, frame in self._frames.of(data):
            self._hear(sender.decode(), frame[HEADER.size :])
