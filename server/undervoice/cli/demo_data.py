"""``undervoice demo-data``: fill a store with a month of demonstration calls, or remove them."""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from undervoice.cli.flags import add_settings, at_least, settings_from
from undervoice.errors import BadSettings

if TYPE_CHECKING:
    from undervoice.cli.demo_calls import Planned
    from undervoice.cli.flags import Subparsers
    from undervoice.model import Model
    from undervoice.opening import Policy
    from undervoice.resources import Call
    from undervoice.settings import Settings
    from undervoice.store import Record, Store

T = TypeVar("T")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo-data",
        help="fill a store with demonstration calls",
        description="Fill a store with past calls that were never held, marked as such: speech scored by the model, put"
        " together anew into calls.",
        allow_abbrev=False,
    )
    parser.add_argument("--days", type=at_least(1), default=30, metavar="N", help="how many days up to now [30]")
    parser.add_argument("--calls", type=at_least(1), default=60, metavar="N", help="calls on an ordinary day [60]")
    parser.add_argument("--seed", default="1", metavar="TEXT", help="other seeds make other calls [1]")
    parser.add_argument("--voices", type=Path, metavar="FOLDER", help="corpora whose speech is heard; else espeak-ng")
    parser.add_argument("--force", action="store_true", help="even into a store that holds real calls")
    parser.add_argument("--remove", action="store_true", help="erase all demonstration calls from the store")
    add_settings(parser, ["store", "state", "model"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fill the store, or remove what filled it."""
    settings = settings_from(args)
    if not args.seed.isalnum() or not args.seed.isascii():
        raise BadSettings("--seed: letters and digits, since calls are named by it")
    asyncio.run(_remove(settings) if args.remove else _fill(args, settings))
    return 0


async def _remove(settings: Settings) -> None:
    store = _open(settings)
    try:
        ours = [call.call_id async for call in _calls(store) if _is_demo(call)]
        for call_id in _watched(ours, "Removing"):
            await store.erase(call_id)
    finally:
        await store.close()
    print(f"{len(ours):,} demonstration calls were removed")


async def _fill(args: argparse.Namespace, settings: Settings) -> None:
    store = _open(settings)
    try:
        if not args.force and await _has_foreign(store):
            raise BadSettings("the store holds calls of others: name another one with --store, or add --force")
        await _write(args, settings, store)
    finally:
        await store.close()


async def _write(args: argparse.Namespace, settings: Settings, store: Store) -> None:
    from undervoice.cli.demo_calls import records_of
    from undervoice.cli.demo_voices import voices
    from undervoice.model import Model

    model, now = Model.load(settings.model_folders[0]), datetime.now(UTC)
    days = min(args.days, settings.retention_days or args.days)
    source, people = voices(args.voices, model, Random(args.seed))  # noqa: S311 - a demonstration, no secret
    policy = _policy(model, settings)
    calls = readings = 0
    for planned in _watched(await _planned(args, store, now, days), "Calling"):
        records: list[Record] = []
        for one in planned:
            chance = Random(one.seed)  # noqa: S311 - the same
            made = records_of(one, chance.choice(people), policy, chance)
            if one.started_at + timedelta(seconds=made.totals.audio_sec) <= now:
                records += made.records
                calls += 1
                readings += made.totals.segments
        await store.save(records)
    print(f"{calls:,} calls with {readings:,} readings of the last {days} days, from {source}")


async def _planned(args: argparse.Namespace, store: Store, now: datetime, days: int) -> list[list[Planned]]:
    """Return the calls of each day, under names that were never erased: such a call is never stored again."""
    from undervoice.cli.demo_calls import day_of

    for variant in itertools.count(1):
        name = args.seed if variant == 1 else f"{args.seed}.{variant}"
        dates = [(now - timedelta(days=back)).date() for back in range(days - 1, -1, -1)]
        planned = [list(day_of(day, args.seed, name, args.calls)) for day in dates]
        if not any([await store.is_erased(day[0].call_id) for day in planned if day]):
            break
    return planned


def _policy(model: Model, settings: Settings) -> Policy:
    from undervoice.messages import Limits
    from undervoice.opening import Policy
    from undervoice.rulebook import read_rules

    limits = Limits(settings.max_frame_bytes, settings.max_call_sec, settings.idle_sec)
    return Policy(model.info(), limits, upset_weights=model.upset_weights, rules=read_rules(settings.rules_file))


def _open(settings: Settings) -> Store:
    from undervoice.store import open_store

    return open_store(settings.store, retention_days=settings.retention_days)


async def _has_foreign(store: Store) -> bool:
    """Return whether anything there is not a demonstration's."""
    from undervoice.store import LogQuery

    ours = [_is_demo(call) async for call in _calls(store)]
    return not all(ours) or bool(not ours and (await store.logs(LogQuery(limit=1))).items)


async def _calls(store: Store) -> AsyncIterator[Call]:
    from undervoice.store import CallQuery

    cursor = None
    while True:
        page = await store.calls(CallQuery(limit=500, cursor=cursor))
        for call in page.items:
            yield call
        cursor = page.next_cursor
        if cursor is None:
            return


def _is_demo(call: Call) -> bool:
    from undervoice.cli.demo_calls import MARK

    return call.metadata.get(MARK) is True and call.call_id.startswith(f"{MARK}-")


def _watched(items: Sequence[T], what: str) -> Iterable[T]:
    """Return the items, under a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=not console.is_terminal)
