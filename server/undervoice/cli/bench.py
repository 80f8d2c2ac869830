"""``undervoice bench``: bounded load on loopback."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice import places
from undervoice.cli.flags import add_settings, settings_from
from undervoice.cli.stream import TOKEN_VARIABLE
from undervoice.errors import BadInput
from undervoice.options import SETTINGS

if TYPE_CHECKING:
    from undervoice.cli.bench_server import Place, Usage
    from undervoice.cli.flags import Subparsers

NOT_OURS = ("host", "port", "state", "origins", "log_level")
"""Settings of ``serve`` that are settled here."""
MOST_CALLS, MOST_SEC, MOST_OVER_SEC = 5000, 600.0, 25.0
"""A connected call that says nothing is closed after a minute: all are connected, and speak, well before."""
LEAST_OVER_SEC, STARTS_PER_SEC = 2.5, 50
TOKEN_SEC = 3600
SPEECH = Path("demo", "sample-call.flac")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("bench", help="put load on a server of this machine", allow_abbrev=False)
    parser.add_argument("--calls", type=_number(1, MOST_CALLS), default=50, help="live calls at a time [%(default)s]")
    parser.add_argument("--seconds", type=_number(1, MOST_SEC), default=30.0, help="how long each speaks [30]")
    parser.add_argument("--over", type=_number(0, MOST_OVER_SEC), metavar="SEC",
                        help="over how long calls connect, and begin to speak [50 a second]")  # fmt: skip
    parser.add_argument("--audio", nargs="+", type=Path, metavar="FILE", help="what they say [the sample call]")
    parser.add_argument("--speech", type=_number(0.05, 1), default=1.0, metavar="SHARE",
                        help="how much of it is speech, the rest a quiet line; in calls about 0.4 [1.0]")  # fmt: skip
    parser.add_argument("--frame-ms", type=int, choices=(100, 20), default=100, help="length of a frame [%(default)s]")
    parser.add_argument("--provisional-ms", type=_number(0, 5000), default=1000, help="0: none [%(default)s]")
    parser.add_argument("--max-calls", type=_number(1, 100_000), help="what the server takes [all of them]")
    parser.add_argument("--url", help="a server that runs on this machine [one of its own]")
    parser.add_argument("--token", help=f"who calls there [{TOKEN_VARIABLE}; made from this machine's secret]")
    parser.add_argument("--pid", type=_number(1, 2**31), help="its process, where it is to be looked at")
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    add_settings(parser, [row.name for row in SETTINGS if row.flag and row.name not in NOT_OURS])
    parser.set_defaults(run=run)


def _number(least: float, most: float) -> Any:
    def number(text: str) -> float:
        value = int(text) if isinstance(least, int) and isinstance(most, int) else float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return value

    return number


def run(args: argparse.Namespace) -> int:
    """Put the load on, and say what was seen."""
    import json

    from undervoice.cli.bench_report import LATE_MS, lines
    from undervoice.cli.file_limit import raise_file_limit

    raise_file_limit()
    told = measured(args)
    if args.json:
        print(json.dumps(told))
    else:
        for name, text in lines(told):
            print(f"{name:12} {text}")
    if not told["valid"]:
        print(f"undervoice bench: this run is invalid: the load itself was later than {LATE_MS:.0f} ms with its frames,"
              " or nothing was sent", file=sys.stderr)  # fmt: skip
    return 0 if told["valid"] else 1


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one load of live calls."""
    from undervoice.cli.bench_audio import loop, recorded
    from undervoice.cli.bench_frames import script, upgrade
    from undervoice.cli.bench_load import Load
    from undervoice.cli.bench_report import figures
    from undervoice.cli.bench_server import usage, warm

    said = loop(recorded(args.audio or [places.widget_folder() / SPEECH]), args.speech)
    spoken = script(said, calls=args.calls, seconds=args.seconds,
                    frame_ms=args.frame_ms, provisional_ms=args.provisional_ms)  # fmt: skip
    over = max(LEAST_OVER_SEC, args.calls / STARTS_PER_SEC) if args.over is None else args.over
    usages: defaultdict[str, list[Usage]] = defaultdict(list)
    with _server(args) as (place, token):
        warm(place, token, said)
        usages["before"].append(usage(place.pid))
        outcome = Load(
            place,
            spoken,
            calls=args.calls,
            over_sec=min(over, MOST_OVER_SEC),
            upgrade=upgrade(f"ws://{place.netloc}/api/v1/stream", token),
            name=f"bench-{secrets.token_hex(4)}",
            watch=lambda mark: usages[mark].append(usage(place.pid)),
        ).run()
    return figures(spoken, outcome, usages)


@contextmanager
def _server(args: argparse.Namespace) -> Iterator[tuple[Place, str]]:
    """Yield the server to put load on, and a token that may hold as many calls as it takes."""
    if args.url:
        yield _running(args)
        return
    from undervoice.auth import Tokens
    from undervoice.cli.bench_server import own_environment, own_server, state_folder
    from undervoice.settings import load_settings

    given = {row.name: getattr(args, f"setting_{row.name}", None) for row in SETTINGS}
    flags = {name: str(value) for name, value in given.items() if value is not None}
    with state_folder() as state:
        flags["max_calls"] = str(args.max_calls or args.calls)
        environ = own_environment(os.environ, flags, state)
        settings = load_settings(environ)
        with own_server(environ, state) as place:
            token = Tokens(settings.secret, audience=settings.audience).issue("integrator", ttl_sec=TOKEN_SEC).token
            yield place, token


def _running(args: argparse.Namespace) -> tuple[Place, str]:
    """Return a server that runs here already.

    Raises:
        BadInput: when it is elsewhere: load is not to be put on what others rely on.
    """
    from urllib.parse import urlsplit

    from undervoice.auth import Tokens
    from undervoice.cli.bench_server import Place
    from undervoice.cli.connection import is_local, stream_url

    parts = urlsplit(stream_url(args.url))
    if not is_local(args.url) or parts.scheme != "ws" or not parts.hostname:
        raise BadInput(f"{args.url} is not on this machine: bench takes ws:// or http:// addresses on loopback alone")
    settings = settings_from(args)
    token = args.token or os.environ.get(TOKEN_VARIABLE)
    if not token:
        token = Tokens(settings.secret, audience=settings.audience).issue("integrator", ttl_sec=TOKEN_SEC).token
    return Place(parts.hostname, parts.port or 80, args.pid), token
