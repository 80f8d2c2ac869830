"""Server-sent events, as the HTML standard writes them, for readers that carry a bearer token.

Fetched as a stream, since an ``EventSource`` cannot send the header. A proxy must not buffer it: the answer
says so in the words of those that listen (``X-Accel-Buffering``, ``no-transform``).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from undervoice import messages as m
from undervoice.auth import Principal
from undervoice.errors import BadToken, TooMany, UndervoiceError
from undervoice.feed import Reader
from undervoice.headers import ANSWER
from undervoice.service import Service

COMMENT_SEC = 15.0
"""How often a comment tells proxies and readers that the line is alive."""
CHECK_SEC = 5.0
"""How often it is asked whether the token still holds, where nothing happens."""
PACE_SEC = 0.1
"""What happens within this time goes out together."""
SEND_SEC = 30.0
"""A reader that takes nothing for this long has lost its seat."""
RETRY_MS = 1000
HEADERS = ANSWER | {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}


async def watch(service: Service, bearer: Principal, reader: Reader, since: int | None) -> AsyncGenerator[bytes, None]:
    """Yield what a reader is to be sent, until its time is over; the last event says why.

    Args:
        service: what is watched.
        bearer: who watches.
        reader: its seat.
        since: the number of the last event that it had, where all that followed is kept; else it gets a snapshot.
    """
    feed = service.live.feed
    yield b"retry: %d\n\n" % RETRY_MS
    if since is None:
        yield feed.event("snapshot", service.live.snapshot(), reader.number)
    else:
        reader.number = since
    clock = asyncio.get_running_loop().time
    comment_at = clock() + COMMENT_SEC
    while (over := feed.ended or _spent(service, bearer)) is None:
        events = reader.take()
        if events is None:
            over = TooMany("this reader is too slow: come again for a snapshot", code="too_slow")
            break
        if clock() >= comment_at:
            comment_at = clock() + COMMENT_SEC
            events += b":\n\n"
        if events:
            yield events
            await asyncio.sleep(PACE_SEC)
        else:
            await reader.wait(max(0.0, min(CHECK_SEC, comment_at - clock())))
    yield feed.event("error", _failed(over), reader.number)


def _spent(service: Service, bearer: Principal) -> UndervoiceError | None:
    if bearer.expires_at <= time.time():
        return BadToken("the token has expired", code="token_expired")
    if service.tokens.is_revoked(bearer):
        return BadToken("the token was revoked", code="token_revoked")
    return None


def _failed(error: UndervoiceError) -> m.Failed:
    return m.Failed(error.code, error.message, error.retryable, error.retry_after_ms)


class EventStream(Response):
    """Sends a reader its events for as long as it stays, and gives its seat back.

    Args:
        events: as they go over the wire.
        reader: the seat.
        head: whether the head of the answer alone was asked for.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], reader: Reader, *, head: bool) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events, self._reader, self._head = events, reader, head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        speaking, leaving = asyncio.create_task(self._speak(send)), asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait([speaking, leaving], return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                await speaking
        finally:
            self._reader.close()
            speaking.cancel()
            leaving.cancel()
            await asyncio.gather(speaking, leaving, return_exceptions=True)
            await self._events.aclose()

    async def _speak(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with contextlib.suppress(OSError):  # the reader has gone
            if not self._head:
                async for part in self._events:
                    await self._patiently(send, part)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _patiently(self, send: Send, part: bytes) -> None:
        sending = asyncio.ensure_future(send({"type": "http.response.body", "body": part, "more_body": True}))
        try:
            await asyncio.wait([sending], timeout=SEND_SEC)
            if not sending.done():
                self._reader.close()  # the seat is another's now; whether the line still lives shows when it ends
            await sending
        finally:
            sending.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
