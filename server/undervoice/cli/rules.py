"""``undervoice rules``: whether a file of alert rules is right, and what it would have done on past calls."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice.cli.flags import add_settings, at_least, settings_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from undervoice.alerts import Rule
    from undervoice.cli.flags import Subparsers
    from undervoice.messages import Alert
    from undervoice.resources import Call, LoggedAlert
    from undervoice.store import Store

FORMS = "test [--since 7d] [--rules FILE] [--calls N] [--store URL] [--json], or check FILE"
PAGE = 200
UNITS = {"m": 60, "h": 3600, "d": 86_400}


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("rules", help="try alert rules on past calls, or check a file", description=FORMS)
    forms = parser.add_subparsers(dest="form", metavar="FORM", required=True)
    check = forms.add_parser("check", help="whether a file of rules is right; exit status 2 if not")
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=run_check)
    test = forms.add_parser("test", help="how often each rule would have fired, beside what was fired then")
    test.add_argument(
        "--since", type=since, default="7d", metavar="TIME", help="90m, 24h, 7d ago, or 2026-05-24T10:30:00Z [7d]"
    )
    test.add_argument("--rules", type=Path, metavar="FILE", help="rules to try [those in force]")
    test.add_argument("--calls", type=at_least(0), default=5, metavar="N", help="calls named for each rule [5]")
    test.add_argument("--json", action="store_true", help="one JSON object, with every call")
    add_settings(test, ["store", "state"])
    test.set_defaults(run=run_test)


def since(text: str) -> str:
    """Return the moment (RFC 3339, UTC) that a flag names: an age, or the moment itself."""
    from undervoice.errors import BadInput
    from undervoice.store.cursors import instant

    if age := re.fullmatch(r"(\d{1,6})([mhd])", text):
        ago = timedelta(seconds=int(age[1]) * UNITS[age[2]])
        return instant((datetime.now(UTC) - min(ago, timedelta(days=36_500))).isoformat())
    try:
        return instant(text)
    except BadInput:
        raise argparse.ArgumentTypeError("must be an age such as 90m, 24h or 7d, or a time") from None


def run_check(args: argparse.Namespace) -> int:
    """Say how many rules the file has."""
    from undervoice.rulebook import read_rules

    rules = read_rules(args.file)
    names = ", ".join(rule.name for rule in rules) or "none, so nothing ever fires"
    print(f"{args.file}: {len(rules)} rules: {names}")
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Print what each rule would have done."""
    import asyncio
    import json

    from undervoice.rulebook import read_rules

    settings = settings_from(args)
    rules = read_rules(args.rules or settings.rules_file)
    findings = asyncio.run(_replayed(rules, args.since, settings.store))
    if args.json:
        print(json.dumps(_facts(findings, args.since)))
    else:
        _print(findings, args)
    return 0


class Findings:
    """What each rule would have done, and what was fired then, call by call."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.calls = self.segments = 0
        self.guessed = {rule.name for rule in rules if rule.when.silent_sec}
        """Rules that the store can tell only about."""
        self.would: dict[str, dict[str, list[float]]] = {rule.name: {} for rule in rules}
        """Rule, call, offsets."""
        self.did: dict[str, dict[str, list[float]]] = {}

    def add(self, call: Call, would: Sequence[Alert]) -> None:
        """Take one call."""
        self.calls += 1
        _sort_in(self.would, call.call_id, would)
        _sort_in(self.did, call.call_id, call.alerts)

    @property
    def names(self) -> list[str]:
        """The rules that were tried, then those that fired then and are no more."""
        return [*self.would, *sorted(self.did.keys() - self.would.keys())]


def _sort_in(found: dict[str, dict[str, list[float]]], call_id: str, alerts: Sequence[Alert | LoggedAlert]) -> None:
    for alert in alerts:
        found.setdefault(alert.rule, {}).setdefault(call_id, []).append(alert.offset_sec)


async def _replayed(rules: tuple[Rule, ...], begin: str, url: str) -> Findings:
    from undervoice.replay import replay
    from undervoice.store import open_store

    found, store = Findings(rules), open_store(url)
    try:
        async for call in _calls(store, begin):
            readings = await store.segments(call.call_id)
            found.segments += len(readings)
            found.add(call, replay(rules, readings, call.totals.audio_sec))
    finally:
        await store.close()
    return found


async def _calls(store: Store, begin: str) -> AsyncIterator[Call]:
    """Yield the calls that began since a moment, the newest first; recordings raise no alerts."""
    from undervoice.store import CallQuery
    from undervoice.store.cursors import instant

    cursor = None
    while True:
        page = await store.calls(CallQuery(limit=PAGE, cursor=cursor))
        for call in page.items:
            if instant(call.started_at) < begin:
                return
            if call.kind == "call":
                yield call
        cursor = page.next_cursor
        if cursor is None:
            return


def _facts(findings: Findings, begin: str) -> dict[str, Any]:
    rules = [
        {
            "rule": name,
            "would_fire": _count(findings.would.get(name, {})),
            "fired": _count(findings.did.get(name, {})),
            "silence_guessed": name in findings.guessed,
            "calls": [
                {"call_id": call_id, "would_fire_sec": would, "fired_sec": did}
                for call_id, would, did in _beside(findings, name)
            ],
        }
        for name in findings.names
    ]
    return {"since": begin, "calls": findings.calls, "segments": findings.segments, "rules": rules}


def _count(by_call: dict[str, list[float]]) -> int:
    return sum(map(len, by_call.values()))


def _beside(findings: Findings, name: str) -> list[tuple[str, list[float], list[float]]]:
    """Return the calls of a rule with when it would have fired and when it did, the newest first."""
    would, did = findings.would.get(name, {}), findings.did.get(name, {})
    return [(call_id, would.get(call_id, []), did.get(call_id, [])) for call_id in dict.fromkeys([*would, *did])]


def _print(findings: Findings, args: argparse.Namespace) -> None:
    if not findings.calls:
        print(f"No calls since {args.since}: undervoice stream FILE, or a call, makes some", file=sys.stderr)
    print(f"{findings.calls} calls, {findings.segments} readings since {args.since}\n")
    print(f"{'rule':<24}  {'would fire':>10}  {'in calls':>8}  {'fired then':>10}  {'in calls':>8}")
    for name in findings.names:
        would, did = findings.would.get(name, {}), findings.did.get(name, {})
        figures = f"{_count(would):>10}  {len(would):>8}  {_count(did):>10}  {len(did):>8}"
        print(f"{name:<24}  {figures}{'  at most' if name in findings.guessed else ''}")
        beside = _beside(findings, name)
        for call_id, when, then in beside[: args.calls]:
            print(f"    {call_id:<24}  would {_times(when):<20}  did {_times(then)}")
        if len(beside) > args.calls > 0:
            print(f"    and {len(beside) - args.calls} calls more")
    if findings.guessed:
        print("\nat most: the store does not know of pauses, nor of words too short for a reading")


def _times(offsets: list[float]) -> str:
    """Return places in a call as people write them."""
    return " ".join(f"{int(at) // 60}:{int(at) % 60:02d}" for at in offsets) or "-"
