"""uvicorn's WebSocket protocol, with a close that reaches the client."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_SEC = 1.0
"""How long what a refused client still sends is read and thrown away."""


class LingeringSocket(WebSocketsSansIOProtocol):
    """Closes after a broken or oversized frame without cutting the client off.

    A TCP connection that is closed while data waits unread is reset, and the reset overtakes the
    close frame: the client would see 1006 where it should see 1009.
    """

    def data_received(self, data: bytes) -> None:
        """Take bytes; after the close they are nobody's."""
        if self.conn.parser_exc is None:
            super().data_received(data)

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
