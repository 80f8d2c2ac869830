"""``undervoice audit``: whether the audit log is intact, and what stands in it."""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice.cli.flags import add_settings, at_least, settings_from
from undervoice.errors import BadSettings

if TYPE_CHECKING:
    from undervoice.chains import Finding
    from undervoice.cli.flags import Subparsers
    from undervoice.settings import Settings

FORMS = "verify [--json] [FOLDER], or show [--call-id ID] [--limit N] [--json] [FOLDER]"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "audit", help="who read or erased what, and whether the log of it is intact", description=FORMS
    )
    forms = parser.add_subparsers(dest="form", metavar="FORM", required=True)
    verify = forms.add_parser("verify", help="whether all chains are intact; exit status 1 if one is broken")
    show = forms.add_parser("show", help="the newest lines, oldest first")
    show.add_argument("--call-id", metavar="ID", help="only what concerns this call")
    show.add_argument("--limit", type=at_least(1), default=20, metavar="N", help="how many [20]")
    for form, text in ((verify, "one JSON object"), (show, "one JSON object a line")):
        form.add_argument("--json", action="store_true", help=text)
        form.add_argument(
            "folder", nargs="?", type=Path, metavar="FOLDER", help="where the log lies [UNDERVOICE_AUDIT]"
        )
        add_settings(form, ["state"])
    verify.set_defaults(run=run_verify)
    show.set_defaults(run=run_show)


def run_verify(args: argparse.Namespace) -> int:
    """Print what each chain is like; return 1 where one is broken or there is none."""
    from undervoice.chains import HeadKeys, inspect, replicas

    settings = settings_from(args)
    folder = _folder(args, settings)
    names = replicas(folder)
    if not names:
        print(f"undervoice audit: there is no audit log in {folder}", file=sys.stderr)
        return 1
    keys = HeadKeys(settings.secret, settings.previous_secret)
    found = [inspect(folder, name, keys) for name in names]
    intact = all(chain.broken is None for chain in found)
    if args.json:
        print(json.dumps({"folder": str(folder), "intact": intact, "chains": [_facts(chain) for chain in found]}))
    for chain in () if args.json else found:
        print(f"{chain.replica}  {_verdict(chain)}")
    return 0 if intact else 1


def run_show(args: argparse.Namespace) -> int:
    """Print the newest lines of all chains, as they stand there: intact or not is for ``verify`` to say."""
    from undervoice.chains import replicas

    folder = _folder(args, settings_from(args))
    lines = (line for name in replicas(folder) for line in _lines(folder, name))
    wanted = (line for line in lines if args.call_id in (None, line.get("call_id")))
    for line in sorted(heapq.nlargest(args.limit, wanted, key=_order), key=_order):
        print(json.dumps(line, ensure_ascii=False) if args.json else _told(line))
    return 0


def _folder(args: argparse.Namespace, settings: Settings) -> Path:
    folder: Path | None = args.folder or settings.audit
    if folder is None:
        raise BadSettings("UNDERVOICE_AUDIT is off: name the folder of the log")
    return folder


def _facts(chain: Finding) -> dict[str, Any]:
    names = ("replica", "lines", "unsigned", "partial", "broken")
    return {name: getattr(chain, name) for name in names}


def _verdict(chain: Finding) -> str:
    if chain.broken is not None:
        return f"BROKEN  {chain.broken}"
    text = f"intact  {chain.lines} lines"
    if chain.unsigned or chain.partial:
        part = " and a part of one" if chain.partial else ""
        text += f", {chain.unsigned}{part} after the last signed head: a server is writing, or was killed"
    return text


def _lines(folder: Path, replica: str) -> Iterator[dict[str, Any]]:
    from undervoice.chains import files_of

    for path in files_of(folder, replica):
        with path.open("rb") as file:
            for raw in file:
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line


def _order(line: dict[str, Any]) -> tuple[str, str, int]:
    return str(line.get("time")), str(line.get("replica")), int(line.get("seq") or 0)


def _told(line: dict[str, Any]) -> str:
    """Return a line for people, without what a terminal could take for a command."""
    who = " ".join(str(line[name]) for name in ("role", "subject") if line.get(name))
    about = [f"{name}={line[name]}" for name in ("call_id", "agent_id", "filters", "code", "count") if line.get(name)]
    status = line.get("status") or "-"
    text = f"{line.get('time')}  {status!s:<4} {who or '-':<24}  {line.get('action')!s:<14}  {' '.join(about)}"
    return "".join(sign if sign.isprintable() else "?" for sign in text.rstrip())
