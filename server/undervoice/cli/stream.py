"""``undervoice stream``: play recordings as live calls and show the meter."""

from __future__ import annotations

import argparse
import math
import os
import re
import secrets
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice.cli.flags import settings_from
from undervoice.cli.retry import PATIENCE_SEC
from undervoice.errors import BadInput, UndervoiceError

if TYPE_CHECKING:
    from undervoice.cli.connection import Server
    from undervoice.cli.flags import Subparsers
    from undervoice.cli.recording import Recording
    from undervoice.messages import Start

TOKEN_VARIABLE = "UNDERVOICE_TOKEN"  # noqa: S105 - the name of a variable
LOCAL_AGENT = "demo"
"""Whose call it is by default on the own server: the agent of the page that ``serve`` prints."""
LONGEST_STEM = 100
ENDINGS = string.ascii_lowercase + string.digits


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("stream", help="play recordings as live calls", allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--url", help="the server [ws://127.0.0.1:PORT]")
    parser.add_argument("--token", help=f"who calls [{TOKEN_VARIABLE}; on the own server made from its secret]")
    parser.add_argument("--call-id", metavar="ID", help="[the file's name and 8 random characters]")
    parser.add_argument("--agent-id", metavar="ID", help="whose call it is")
    parser.add_argument("--channels", default="customer", metavar="NAMES", help="the file's channels [customer]")
    parser.add_argument("--consent", metavar="BASIS", help="on what ground the customer is heard, e.g. notice")
    parser.add_argument("--fast", action="store_true", help="as fast as the server reads, not in real time")
    parser.add_argument("--patience", type=seconds, default=PATIENCE_SEC, metavar="SEC",
                        help="how long a lost connection is sought [%(default).0f]")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print each message of the server, one a line")
    parser.set_defaults(run=run)


def seconds(text: str) -> float:
    """Read a length of time."""
    if not 0 <= (value := float(text)) < math.inf:
        raise ValueError(text)
    return value


def run(args: argparse.Namespace) -> int:
    """Play the files one after another; one that fails does not keep the others."""
    if args.call_id and len(args.files) > 1:
        raise BadInput("--call-id names one call, so it takes one file")
    channels = [name.strip() for name in args.channels.split(",")]
    if sorted(channels) not in (["customer"], ["agent", "customer"]):
        raise BadInput("--channels is customer, or customer and agent in the file's order")
    status = 0
    for path in args.files:
        try:
            _play(args, path, channels)
        except UndervoiceError as error:
            print(f"undervoice stream: {error.message}", file=sys.stderr)
            status = 2 if type(error) is BadInput else 1
            if error.code == "unreachable":
                break  # nor will it be for the next file
    return status


def _play(args: argparse.Namespace, path: Path, channels: list[str]) -> None:
    import asyncio

    from undervoice.cli.client import play
    from undervoice.cli.recording import Recording

    call_id = args.call_id or default_call_id(path)
    server, agent_id = _server(args, call_id)
    with Recording(path, channels) as recording:
        start = _start(args, recording, call_id, agent_id)
        with Printed() if args.json else _display(call_id, recording) as audience:
            lost_sec = asyncio.run(play(server, start, recording, audience, args.patience))
    if lost_sec:
        print(f"undervoice stream: {path}: {lost_sec:.1f} s were lost with the connection", file=sys.stderr)


class Printed:
    """Prints each message as it came."""

    def __enter__(self) -> Printed:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def hear(self, text: str, _: dict[str, Any]) -> None:
        """Print a message of the server."""
        print(text, flush=True)

    def lost(self, why: str) -> None:
        """Say aside that the connection is lost."""
        print(f"undervoice stream: reconnecting: {why}", file=sys.stderr, flush=True)


def default_call_id(path: Path) -> str:
    """Return the file's stem, cleaned to what an id may hold, and 8 random characters."""
    stem = re.sub(r"[^A-Za-z0-9._@=+-]", "-", path.stem).lstrip("._@=+-")[:LONGEST_STEM] or "call"
    return f"{stem}-{''.join(secrets.choice(ENDINGS) for _ in range(8))}"


def _server(args: argparse.Namespace, call_id: str) -> tuple[Server, str | None]:
    """Return where to call with which token, and the agent that the call names."""
    from undervoice.auth import Tokens
    from undervoice.cli.connection import Server, is_local, stream_url

    settings = settings_from(args)
    url = stream_url(args.url or f"ws://127.0.0.1:{settings.port}")
    token = args.token or os.environ.get(TOKEN_VARIABLE)
    if token:
        return Server(url, token), args.agent_id
    if not is_local(url):
        raise BadInput(f"a token is needed for {url}: --token or {TOKEN_VARIABLE}")
    agent_id = args.agent_id or LOCAL_AGENT
    tokens = Tokens(settings.secret, audience=settings.audience)

    def issue() -> str:
        return tokens.issue("agent", agent_id=agent_id, call_id=call_id).token

    return Server(url, issue(), issue), agent_id


def _start(args: argparse.Namespace, recording: Recording, call_id: str, agent_id: str | None) -> Start:
    from undervoice.messages import Start
    from undervoice.terms import Audio, Config, Consent

    return Start(
        call_id=call_id,
        agent_id=agent_id,
        audio=Audio(sample_rate=recording.sample_rate, channels=recording.channels),
        config=Config(live=not args.fast),
        consent=Consent(basis=args.consent) if args.consent else None,
    )


def _display(call_id: str, recording: Recording) -> Any:
    from rich.console import Console

    from undervoice.cli.meter import Lines, Meter

    console = Console()
    return Meter(console, call_id, recording.duration_sec) if console.is_terminal else Lines(console)
