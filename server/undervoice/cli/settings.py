"""``undervoice settings``: every setting, its value, and where it came from."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from undervoice.cli.flags import add_settings, settings_from

if TYPE_CHECKING:
    from undervoice.cli.flags import Subparsers
    from undervoice.options import Setting
    from undervoice.settings import Settings

MASK = "********"
"""The same length whatever it hides."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("settings", help="show every setting and where it came from", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; nothing is made or changed by looking."""
    from undervoice.options import SETTINGS

    settings = settings_from(args)
    rows = {row.variable: (_value(row, settings), settings.sources[row.name]) for row in SETTINGS}
    if args.json:
        print(json.dumps({name: {"value": value, "source": source} for name, (value, source) in rows.items()}))
        return 0
    widths = [max(map(len, column)) for column in (rows, [value for value, _ in rows.values()])]
    for name, (value, source) in rows.items():
        print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}")
    return 0


def _value(row: Setting, settings: Settings) -> str:
    if row.secret:
        return MASK
    value = getattr(settings, row.name)
    if value is None:
        return "-"
    return ",".join(value) or "-" if isinstance(value, tuple) else str(value)
