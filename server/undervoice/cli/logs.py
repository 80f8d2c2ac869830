"""``undervoice logs``: recent segments from the store, oldest first as in any log."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from undervoice.cli.flags import add_settings, at_least, settings_from

if TYPE_CHECKING:
    from undervoice.cli.flags import Subparsers
    from undervoice.resources import LoggedSegment
    from undervoice.store import Store

POLL_SEC = 1.0
POLLED = 200
"""Segments looked at each time; 500 calls cut that many a second."""
REMEMBERED = 10 * POLLED


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("logs", help="recent segments from the store", allow_abbrev=False)
    parser.add_argument("--limit", type=at_least(1), default=20, metavar="N", help="how many [20]")
    parser.add_argument("--follow", action="store_true", help="go on with new ones until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a segment")
    add_settings(parser, ["store", "state"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the segments."""
    import asyncio

    asyncio.run(_run(args, settings_from(args).store))
    return 0


async def _run(args: argparse.Namespace, url: str) -> None:
    from undervoice.store import open_store

    store = open_store(url)
    try:
        await _print(args, store)
    finally:
        await store.close()


async def _print(args: argparse.Namespace, store: Store) -> None:
    import asyncio

    show = _show_json if args.json else _show_line
    known = await _recent(store, max(args.limit, POLLED) if args.follow else args.limit)
    if not known:
        # Not on standard output: a program that reads it has nothing to read.
        print("No segments yet: undervoice stream FILE, or a call, makes some", file=sys.stderr)
    for segment in known[-args.limit :]:
        show(segment)
    seen = deque((segment["segment_id"] for segment in known), maxlen=len(known) + REMEMBERED)
    while args.follow:
        await asyncio.sleep(POLL_SEC)
        # A call that was played fast lies ahead of the clock, so what is new need not be newest.
        for segment in await _recent(store, POLLED):
            if segment["segment_id"] not in seen:
                seen.append(segment["segment_id"])
                show(segment)


async def _recent(store: Store, limit: int) -> list[dict[str, Any]]:
    """Return the newest segments in the order in which they happened."""
    import msgspec

    from undervoice.store import LogQuery

    found: list[LoggedSegment] = []
    cursor = None
    while len(found) < limit:
        page = await store.logs(LogQuery(limit=limit - len(found), cursor=cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return [msgspec.to_builtins(segment) for segment in reversed(found)]


def _show_json(segment: dict[str, Any]) -> None:
    import json

    print(json.dumps(segment, ensure_ascii=False), flush=True)


def _show_line(segment: dict[str, Any]) -> None:
    from undervoice.cli.terminal import segment_line

    print(f"{segment['timestamp']}  {segment['call_id']:<24}  {segment_line(segment)}", flush=True)
