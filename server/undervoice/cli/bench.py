"""``undervoice bench``: bounded load on loopback."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice import places
from undervoice.cli.flags import add_settings, settings_from, variables
from undervoice.cli.stream import TOKEN_VARIABLE
from undervoice.errors import BadInput
from undervoice.options import PREFIX, SETTINGS

if TYPE_CHECKING:
    from undervoice.auth import Role, Tokens
    from undervoice.cli.bench_server import Place, Usage
    from undervoice.cli.flags import Subparsers
    from undervoice.emotion import Samples

NOT_OURS = ("host", "port", "state", "origins", "log_level")
"""Settings of ``serve`` that are settled here."""
MOST_CALLS, MOST_USERS, MOST_SEC, MOST_OVER_SEC = 5000, 1000, 600, 25
"""A connected call that says nothing is closed after a minute: all are connected, and speak, well before."""
LEAST_OVER_SEC, STARTS_PER_SEC = 2.5, 50
TOKEN_SEC = 3600
SPEECH = Path("demo", "sample-call.flac")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("bench", help="put load on a server of this machine", allow_abbrev=False)
    parser.add_argument("--calls", type=_count(1, MOST_CALLS), default=50, help="live calls at a time [%(default)s]")
    parser.add_argument("--seconds", type=_amount(1, MOST_SEC), default=30.0, help="how long each speaks [30]")
    parser.add_argument("--users", type=_count(1, MOST_USERS), help="users that post clips, instead of calls")
    parser.add_argument("--clip-every", type=_amount(0.1, 60), default=2.5, metavar="SEC",
                        help="how often each of them does [%(default)s]")  # fmt: skip
    parser.add_argument("--over", type=_amount(0, MOST_OVER_SEC), metavar="SEC",
                        help="over how long calls connect, and begin to speak [50 a second]")  # fmt: skip
    parser.add_argument("--audio", nargs="+", type=Path, metavar="FILE", help="what they say [the sample call]")
    parser.add_argument("--speech", type=_amount(0.05, 1), default=1.0, metavar="SHARE",
                        help="how much of it is speech, the rest a quiet line; in calls about 0.4 [1.0]")  # fmt: skip
    parser.add_argument("--frame-ms", type=int, choices=(100, 20), default=100, help="length of a frame [%(default)s]")
    parser.add_argument("--provisional-ms", type=_count(0, 5000), default=1000, help="0: none [%(default)s]")
    parser.add_argument("--max-calls", type=_count(1, 100_000), help="what the server takes [all of them]")
    parser.add_argument("--url", help="a server that runs on this machine [one of its own]")
    parser.add_argument("--token", help=f"who calls there [{TOKEN_VARIABLE}; made from this machine's secret]")
    parser.add_argument("--pid", type=_count(1, 2**31), help="its process, where it is to be looked at")
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    add_settings(parser, [row.name for row in SETTINGS if row.flag and row.name not in NOT_OURS])
    parser.set_defaults(run=run)


def _count(least: int, most: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number within bounds."""

    def count(text: str) -> int:
        return int(_within(int(text), least, most))

    return count


def _amount(least: float, most: float) -> Callable[[str], float]:
    """Return an argparse type: a number within bounds."""

    def amount(text: str) -> float:
        return _within(float(text), least, most)

    return amount


def _within(value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be from {least:g} to {most:g}")
    return value


def run(args: argparse.Namespace) -> int:
    """Put the load on, and say what was seen."""
    import json

    from undervoice.cli.bench_lines import clip_lines, lines
    from undervoice.cli.bench_report import LATE_MS
    from undervoice.cli.file_limit import raise_file_limit

    raise_file_limit()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its server is ended either way
    told = posted(args) if args.users else held(args)
    if args.json:
        print(json.dumps(told))
    else:
        for name, text in clip_lines(told) if args.users else lines(told):
            print(f"{name:12} {text}")
    if told["valid"]:
        return 0
    why = "nothing was sent" if not told["generator"]["late_ms"]["count"] else f"p99 is over {LATE_MS:.0f} ms"
    print(f"undervoice bench: invalid, since the load itself came too late: {why}", file=sys.stderr)
    return 1


def _said(args: argparse.Namespace) -> Samples:
    from undervoice.cli.bench_audio import loop, recorded

    return loop(recorded(args.audio or [places.widget_folder() / SPEECH]), args.speech)


def held(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one load of live calls."""
    from undervoice.cli.bench_frames import script, upgrade
    from undervoice.cli.bench_load import Load
    from undervoice.cli.bench_report import figures

    said = _said(args)
    spoken = script(said, calls=args.calls, seconds=args.seconds,
                    frame_ms=args.frame_ms, provisional_ms=args.provisional_ms)  # fmt: skip
    over = max(LEAST_OVER_SEC, args.calls / STARTS_PER_SEC) if args.over is None else args.over
    with _target(args, said) as target:
        outcome = Load(
            target.place,
            spoken,
            calls=args.calls,
            over_sec=min(over, MOST_OVER_SEC),
            upgrade=upgrade(f"ws://{target.place.netloc}/api/v1/stream", target.token()),
            name=_name(),
            watch=target.watch,
        ).run()
    return figures(spoken, outcome, target.usages)


def posted(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one load of clips."""
    import asyncio

    from undervoice.cli.bench_clips import Round, post_clips
    from undervoice.cli.bench_report import clip_figures

    said = _said(args)
    round_of = Round(args.users, args.seconds, args.clip_every, _name())
    with _target(args, said) as target:
        answers = asyncio.run(post_clips(target.place, target.token, said, round_of, target.watch))
    return clip_figures(round_of, answers, target.usages)


def _name() -> str:
    return f"bench-{secrets.token_hex(4)}"


class Target:
    """The server that load is put on, who calls there, and what it had taken at each mark."""

    def __init__(self, place: Place, tokens: Tokens, given: str | None = None) -> None:
        self.place, self._tokens, self._given = place, tokens, given
        self.usages: defaultdict[str, list[Usage]] = defaultdict(list)

    def token(self, agent_id: str | None = None) -> str:
        """Return an agent's token, or one that may hold as many calls as the server takes."""
        if self._given:
            return self._given
        role: Role = "agent" if agent_id else "integrator"
        return self._tokens.issue(role, agent_id=agent_id, ttl_sec=TOKEN_SEC).token

    def watch(self, mark: str) -> None:
        """Note what the server has taken."""
        from undervoice.cli.bench_server import usage

        self.usages[mark].append(usage(self.place.pid))


@contextmanager
def _target(args: argparse.Namespace, said: Samples) -> Iterator[Target]:
    """Yield the server to put load on, warm."""
    from undervoice.cli.bench_server import warm

    with _server(args) as target:
        warm(target.place, target.token(), said)
        target.watch("before")
        yield target


@contextmanager
def _server(args: argparse.Namespace) -> Iterator[Target]:
    if args.url:
        yield _running(args)
        return
    from undervoice.auth import Tokens
    from undervoice.cli.bench_server import own_environment, own_server, state_folder
    from undervoice.settings import load_settings

    with state_folder() as state:
        environ = own_environment(os.environ, variables(args), state)
        settings = load_settings(environ)
        environ |= {f"{PREFIX}MAX_CALLS": str(args.max_calls or max(args.calls, settings.max_calls))}
        with own_server(environ, state) as place:
            yield Target(place, Tokens(settings.secret, audience=settings.audience))


def _running(args: argparse.Namespace) -> Target:
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
    tokens = Tokens(settings.secret, audience=settings.audience)
    return Target(
        Place(parts.hostname, parts.port or 80, args.pid), tokens, args.token or os.environ.get(TOKEN_VARIABLE)
    )
