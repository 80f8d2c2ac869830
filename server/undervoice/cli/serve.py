"""``undervoice serve``: run the service."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

from undervoice.cli.flags import add_settings, settings_from
from undervoice.cli.lines import log_to_stderr

if TYPE_CHECKING:
    import uvicorn

    from undervoice.cli.flags import Subparsers
    from undervoice.drain import Drain
    from undervoice.settings import Settings

DEMO_AGENT = "demo"
"""Whom the page that ``serve`` prints belongs to."""
DEMO_TTL_SEC = 12 * 3600
"""A working day: the page stays usable, the token does not stay for ever."""
FRAME_MARGIN = 4096
"""Bytes above our own limit, so that a frame just over it gets our close and not the library's."""
GRACE_SEC = 10
"""How long calls may take to end when the server is stopped."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("serve", help="run the service", allow_abbrev=False)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    settings = settings_from(args, serving=True)
    log_to_stderr(settings.log_level)
    _raise_file_limit()
    from undervoice.app import create_app

    app = create_app(settings)
    listener = _listen(settings.host, settings.port)
    signal.signal(signal.SIGTERM, _interrupt)
    server = _server(app, settings, listener, app.state.service.drain)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # a signal is how a server is meant to end
    except SystemExit:
        return 1  # the application could not start; it has logged why
    return 0 if server.started else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket, so that a taken port is one clear line and the real port is known."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None
    return listener


def _server(app: object, settings: Settings, listener: socket.socket, drain: Drain) -> uvicorn.Server:
    import uvicorn

    from undervoice.sockets import LingeringSocket, PatientHttp

    class Leaving(uvicorn.Server):
        """Says where it is once it answers, and lets its calls move before it goes."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self._loop = asyncio.get_running_loop()
            if settings.loopback:
                print(_page(settings, listener.getsockname()[1]), flush=True)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Take a signal: the first lets the calls move, a second does not wait for them."""
            if drain.begun or not self.started:
                super().handle_exit(sig, frame)
            else:
                self._loop.call_soon_threadsafe(self._leave, sig)

        def _leave(self, sig: int) -> None:
            self._moving = self._loop.create_task(drain.run())
            self._moving.add_done_callback(lambda _: super(Leaving, self).handle_exit(sig, None))

    return Leaving(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
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
    )


def _page(settings: Settings, port: int) -> str:
    """Return the page's address; the fragment never leaves the browser."""
    from undervoice.auth import Tokens

    tokens = Tokens(settings.secret, audience=settings.audience)
    token = tokens.issue("agent", agent_id=DEMO_AGENT, ttl_sec=DEMO_TTL_SEC).token
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}/#token={token}"


def _raise_file_limit() -> None:
    """Allow as many open sockets as the system lets this process have."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
