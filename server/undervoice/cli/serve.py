"""``undervoice serve``: run the service."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from undervoice.cli.file_limit import raise_file_limit
from undervoice.cli.flags import add_settings, settings_from, variables
from undervoice.cli.lines import log_to_stderr

if TYPE_CHECKING:
    from undervoice.cli.flags import Subparsers
    from undervoice.settings import Settings

DEMO_AGENT = "demo"
"""Whom the page that ``serve`` prints belongs to."""
DEMO_TTL_SEC = 12 * 3600
"""A working day: the page stays usable, the token does not stay for ever."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("serve", help="run the service", allow_abbrev=False)
    add_settings(parser)
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # how a parent starts its workers
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    settings = settings_from(args, serving=True)
    log_to_stderr(settings.log_level, settings.log_format)
    raise_file_limit()
    if args.worker is not None:
        from undervoice.cli import worker

        return worker.run(settings, worker.Place.read(args.worker))
    if settings.workers > 1:
        from undervoice.cli import workers

        workers.check()
        settings.secret  # noqa: B018 - made once, before any worker needs it
        listener = _listen(settings.host, settings.port)
        return workers.run(settings, listener, variables(args), _announcing(settings, listener))
    return _alone(settings)


def _alone(settings: Settings) -> int:
    """Serve in this process."""
    from undervoice.app import create_app
    from undervoice.cli import serving

    app = create_app(settings)
    listener = _listen(settings.host, settings.port)
    drain = app.state.service.drain
    return serving.run(
        serving.Leaving(serving.config(app, settings), drain, _announcing(settings, listener)), [listener]
    )


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


def _announcing(settings: Settings, listener: socket.socket) -> Callable[[], None]:
    """Return what says where the service is, to whoever can reach it."""

    def announce() -> None:
        if settings.loopback:
            print(_page(settings, port), flush=True)

    port: int = listener.getsockname()[1]
    return announce


def _page(settings: Settings, port: int) -> str:
    """Return the page's address; the fragment never leaves the browser."""
    from undervoice.auth import Tokens

    tokens = Tokens(settings.secret, audience=settings.audience)
    token = tokens.issue("agent", agent_id=DEMO_AGENT, ttl_sec=DEMO_TTL_SEC).token
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}/#token={token}"
