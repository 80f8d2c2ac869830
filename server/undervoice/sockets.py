"""uvicorn's protocols, with a close that reaches the client, and with an end to waiting."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from undervoice.mailbox import Mailbox

LINGER_SEC = 1.0
"""How long what a refused client still sends is read and thrown away."""
HEAD_SEC = 10.0
"""How long a client may take to say what it wants, and to send what is left of a body that nobody wants."""
MOST_FRAGMENTS = 1024
"""Parts of one message: empty ones cost the sender little, and each would be kept."""

MOST_UNREAD = 4
"""Messages that may wait to be taken before no more is read."""
LONG_MESSAGE = 16_384
"""Bytes from which on one that waits is enough."""


class LingeringSocket(WebSocketsSansIOProtocol):
    """Closes after a broken or oversized frame without cutting the client off, and keeps little for it.

    A TCP connection that is closed while data waits unread is reset, and the reset overtakes the
    close frame: the client would see 1006 where it should see 1009.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue: Mailbox[Any] = Mailbox()  # type: ignore[assignment]  # has all of a queue that is used

    def data_received(self, data: bytes) -> None:
        """Take bytes; after the close they are nobody's."""
        if self.conn.parser_exc is None:
            super().data_received(data)

    async def run_asgi(self) -> None:
        """Serve the call; a client that takes nothing any more does not keep the line when it is over."""
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            # Closing waits until all is written, which such a client would never allow.
            self.loop.call_later(LINGER_SEC, self.transport.abort)

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message; one in too many parts is refused as a frame too large is."""
        if len(self.frames) >= MOST_FRAGMENTS:
            self._break_off(CloseCode.MESSAGE_TOO_BIG)
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless the client takes nothing: answers to a flood would pile up here."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on; text that is none breaks the connection, which is no error of ours to log."""
        if self.curr_msg_data_type == "text" and not _is_text(self.frames):
            self._break_off(CloseCode.INVALID_DATA)
        elif self.read_paused or self.queue.qsize() >= MOST_UNREAD or sum(map(len, self.frames)) > LONG_MESSAGE:
            super().send_receive_event_to_app()
        else:
            # It would stop reading behind every message until that is taken: two system calls for each.
            self.read_paused = True
            super().send_receive_event_to_app()
            self.read_paused = False

    def _break_off(self, code: CloseCode) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code)
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Say why, and leave the line open until the client has had time to read it."""
        close = self.conn.close_sent
        if close is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER_SEC, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()


def _is_text(parts: list[bytes]) -> bool:
    try:
        b"".join(parts).decode()
    except UnicodeDecodeError:
        return False
    return True


class PatientHttp(H11Protocol):
    """Waits for a request only so long: uvicorn alone would hold a silent or dripping connection for ever."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and see whether they were what is waited for."""
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        """Go on to the next request, or to the rest of a body that was refused."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection on; calls have time limits of their own."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; what the application still has to say to it is said to nobody."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with contextlib.suppress(h11.LocalProtocolError):  # an answer has begun already
            super().send_400_response(msg)
        self.transport.close()

    def _wait(self) -> None:
        conn = self.conn
        left_over = conn.our_state is h11.DONE and conn.their_state is h11.SEND_BODY
        if conn.their_state is not h11.IDLE and not left_over:
            self._stop_waiting()
        elif self._waiting is None and self.transport.get_protocol() is self:
            self._waiting = self.loop.call_later(HEAD_SEC, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
