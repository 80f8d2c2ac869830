"""``undervoice analyze``: score recordings without a server, on all cores."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from undervoice.cli.flags import add_settings, settings_from

if TYPE_CHECKING:
    from rich.console import RenderableType

    from undervoice.cli.files import Result
    from undervoice.cli.flags import Subparsers
    from undervoice.model import Model

CSV_COLUMNS = (
    "file", "segment_id", "start_offset_sec", "end_offset_sec", "detected_emotion", "confidence_score",
    "upset_score", "arousal", "uncertain",
)  # fmt: skip


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("analyze", help="score recordings without a server", allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="WAV, FLAC, Ogg; .raw: 16 kHz PCM16")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a file")
    form.add_argument("--csv", action="store_true", help="one row a segment")
    add_settings(parser, ["model"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score every file; one that fails does not keep the others."""
    folder = settings_from(args).model_folders[0]
    show = _show_json if args.json else partial(_show_csv, folder) if args.csv else _show_table
    with _results(folder, args.files) as results:
        return 1 if show(results) else 0


# ---------------------------------------------------------------- scoring


@contextmanager
def _results(folder: Path, paths: list[Path]) -> Iterator[Iterator[Result]]:
    """Yield the files' results in the order given, under a progress bar on standard error."""
    from undervoice.cli.cores import shared
    from undervoice.cli.files import cost_sec, parts_of

    cost = cost_sec(_model(folder), paths)  # a bad model fails once, here, and not in every helper
    with shared(partial(_score, folder), parts_of(paths), cost, _model, folder) as parts:
        yield _watched(chain.from_iterable(parts), len(paths))


def _watched(results: Iterator[Result], total: int) -> Iterator[Result]:
    if not sys.stderr.isatty():
        return results
    from rich.console import Console
    from rich.progress import track

    return iter(track(results, "Scoring", total=total, console=Console(stderr=True), transient=True))


@cache
def _model(folder: Path) -> Model:
    """Return the model of this process: loaded once, used for every file that it gets."""
    from undervoice.model import Model

    return Model.load(folder)


def _score(folder: Path, paths: list[Path]) -> list[Result]:
    from undervoice.cli.files import score_files

    return score_files(_model(folder), paths)


# ---------------------------------------------------------------- showing


def _complain(result: Result) -> None:
    print(f"undervoice analyze: {result['file']}: {result['error']['message']}", file=sys.stderr)


def _show_json(results: Iterator[Result]) -> int:
    """Print a line a file as soon as it is scored; return how many failed."""
    failed = 0
    for result in results:
        failed += "error" in result
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return failed


def _show_csv(folder: Path, results: Iterator[Result]) -> int:
    labels = _model(folder).labels
    writer = csv.DictWriter(sys.stdout, [*CSV_COLUMNS, *labels], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    failed = 0
    for result in results:
        if "error" in result:
            _complain(result)
        failed += "error" in result
        for segment in result.get("segments", []):
            writer.writerow({"file": result["file"], **segment, **segment["all_emotions_confidence"]})
    return failed


def _show_table(results: Iterator[Result]) -> int:
    from rich.console import Console

    console = Console(highlight=False)
    # All at the end: lines between would tear the progress bar.
    scored = list(results)
    for result in scored:
        if "error" not in result:
            console.print(_table(result), soft_wrap=True)
    failed = [result for result in scored if "error" in result]
    for result in failed:
        _complain(result)
    return len(failed)


def _table(result: Result) -> RenderableType:
    """Return one file's segments, and under them the file as a whole."""
    from rich.console import Group
    from rich.text import Text

    from undervoice.cli.terminal import segment_cells, segment_table

    table = segment_table()
    for segment in result["segments"]:
        table.add_row(*segment_cells(segment))
    table.add_row(*segment_cells(result), style="bold")
    return Group(Text(result["file"], style="bold"), table, "")
