"""WebSocket frames byte by byte (RFC 6455), as no library would send them."""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

from undervoice.terms import SUBPROTOCOL

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: {subprotocol}\r\nAuthorization: Bearer {token}\r\n\r\n"
)


class Op(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def frame(
    op: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    declared: int | None = None,
) -> bytes:
    """Return one frame; ``declared`` is the length that it claims to have."""
    length = len(payload) if declared is None else declared
    short = length if length < 126 else 126 if length < 65_536 else 127
    head = struct.pack("!BB", fin << 7 | reserved << 4 | op, masked << 7 | short)
    head += b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (
        head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    )


def text(message: str | dict[str, Any]) -> bytes:
    """Return a text frame."""
    return frame(Op.TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())


@dataclass
class Wire:
    """One socket to a server's stream, after the upgrade."""

    url: str
    token: str
    closed: int | None = None
    """The code with which the server closed; 1006 where it did so without a word."""
    pongs: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        address = urlsplit(self.url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.send(
            HANDSHAKE.format(
                path="/api/v1/stream", host=address.netloc, subprotocol=SUBPROTOCOL, token=self.token
            ).encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            assert self._fill(), "no answer to the handshake"
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self._buffer[:] = rest

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a server that has closed gets none."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def say(self) -> dict[str, Any] | None:
        """Return the server's next message, or ``None`` at the end."""
        while self.closed is None:
            received = self._frame()
            if received is None:
                self.closed = 1006
                break
            op, payload = received
            if op is Op.TEXT:
                message: dict[str, Any] = json.loads(payload)
                return message
            if op is Op.CLOSE:
                self.closed = struct.unpack("!H", payload[:2])[0] if payload else 1005
            if op is Op.PONG:
                self.pongs.append(payload)
        return None

    def said(self, until: str | None = None) -> list[dict[str, Any]]:
        """Return what the server says, to the end or to a type of message."""
        messages = []
        while (message := self.say()) is not None:
            messages.append(message)
            if message["type"] == until:
                break
        return messages

    def _fill(self) -> bool:
        try:
            data = self._socket.recv(65_536)
        except ConnectionError:
            return False
        self._buffer += data
        return bool(data)

    def _frame(self) -> tuple[Op, bytes] | None:
        while True:
            size = 2 if len(self._buffer) < 2 or self._buffer[1] < 126 else 4 if self._buffer[1] == 126 else 10
            if len(self._buffer) >= size:
                length = self._buffer[1] if size == 2 else int.from_bytes(self._buffer[2:size], "big")
                if len(self._buffer) >= size + length:
                    op, payload = Op(self._buffer[0] & 15), bytes(self._buffer[size : size + length])
                    del self._buffer[: size + length]
                    return op, payload
            if not self._fill():
                return None
