"""A process that serves: uvicorn with our own protocols, whose calls move elsewhere before it goes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from undervoice.drain import Drain
from undervoice.settings import Settings
from undervoice.sockets import LingeringSocket, PatientHttp

FRAME_MARGIN = 4096
"""Bytes above our own limit, so that a frame just over it gets our close and not the library's."""
GRACE_SEC = 10
"""How long calls may take to end when the server is stopped."""


def config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        app,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http=PatientHttp,
        ws=LingeringSocket,
        ws_per_message_deflate=False,
        ws_max_size=settings.max_frame_bytes + FRAME_MARGIN,
        # A socket that is read slowly on purpose answers pings late; silence is judged by the call itself.
        ws_ping_interval=None,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        workers=1,
        timeout_graceful_shutdown=GRACE_SEC,
    )


class Leaving(uvicorn.Server):
    """Says once it answers, and lets its calls move before it goes.

    Args:
        config: how it serves.
        drain: what it does about its calls.
        answers: is called once it answers.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain, answers: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain, self._answers = drain, answers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._answers()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first lets the calls move, a second does not wait for them."""
        if self._drain.begun or not self.started:
            super().handle_exit(sig, frame)
        else:
            self._loop.call_soon_threadsafe(self._leave, sig)

    def _leave(self, sig: int) -> None:
        self._moving = self._loop.create_task(self._drain.run())
        self._moving.add_done_callback(lambda _: self._end(sig))

    def _end(self, sig: int) -> None:
        if not self.should_exit:  # else a second signal did not wait, and to uvicorn this would be one more
            super().handle_exit(sig, None)


def run(server: Leaving, sockets: list[socket.socket]) -> int:
    """Serve until a signal ends it, and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        server.run(sockets=sockets)
    except KeyboardInterrupt:
        pass  # a signal is how a server is meant to end
    except SystemExit:
        return 1  # the application could not start; it has logged why
    return 0 if server.started else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
