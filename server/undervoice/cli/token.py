"""``undervoice token``: print a signed token for the secret in force."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from undervoice.cli.flags import add_settings, at_least, settings_from

if TYPE_CHECKING:
    from undervoice.cli.flags import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("token", help="print a signed token", allow_abbrev=False)
    parser.add_argument("--role", required=True, choices=("agent", "supervisor", "integrator"))
    parser.add_argument("--agent-id", metavar="ID", help="whose token it is; an agent sees the own calls only")
    parser.add_argument("--call-id", metavar="ID", help="the one call that it is good for")
    parser.add_argument("--ttl", type=at_least(1), default=3600, metavar="SECONDS", help="how long it lives [3600]")
    add_settings(parser, ["state"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the token and nothing else."""
    from undervoice.auth import Tokens

    settings = settings_from(args)
    tokens = Tokens(settings.secret, audience=settings.audience)
    answer = tokens.issue(args.role, agent_id=args.agent_id, call_id=args.call_id, ttl_sec=args.ttl)
    print(answer.token)
    return 0
