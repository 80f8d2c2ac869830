"""``undervoice evaluate``: judge a model on labelled recordings, and write a report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice import places
from undervoice.cli.flags import at_least
from undervoice.cli.training import complain, training, watch
from undervoice.emotion import Emotion
from undervoice.errors import BadInput, BadSettings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from undervoice.cli.flags import Subparsers

Report = Mapping[str, Any]
SHOWN = {
    "accuracy": "accuracy",
    "uar": "mean recall (UAR)",
    "macro_f1": "mean F1",
    "ece": "calibration error (ECE)",
    "upset_accuracy": "upset or not: accuracy",
    "upset_f1": "upset or not: F1 of upset",
    "not_upset_f1": "upset or not: F1 of not upset",
    "accuracy_most_certain_80": "accuracy, 80 % most certain",
}
"""The figures of the table, and what they are called there."""
COMPARED = {"accuracy": "accuracy", "uar": "UAR", "upset_accuracy": "upset or not", "ece": "ECE"}
"""The figures set beside the baselines', in words short enough for a row."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("evaluate", help="judge a model on labelled recordings", allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="compact, accurate, or the path of a model folder")
    parser.add_argument("data", nargs="+", metavar="DATA", help="folder of recordings with labels, or its manifest")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write report.json, report.html, charts, predictions.csv"
    )
    text = "seven: labels mapped to the seven; own: as they are (default: what the model answers)"
    parser.add_argument("--labels", choices=("seven", "own"), help=text)
    parser.add_argument("--baselines", action="store_true", help="set classical baselines beside it, by speaker")
    parser.add_argument("--folds", type=at_least(2), default=5, help="folds of the baselines (default: 5)")
    parser.add_argument("--seed", type=at_least(0), default=7, help="deals the speakers to folds (default: 7)")
    parser.add_argument("--phone", action="store_true", help="judge it over a noisy telephone line too")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge the model, print the figures, and write the files that were asked for."""
    folder = model_folder(args.model)
    report_module, corpora = training("report"), training("corpora")
    clips = corpora.read_data(args.data, args.labels or labels_for(folder))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)  # what cannot be written is said before the long work
    wish = report_module.Wish(phone=args.phone, baselines=args.baselines, folds=args.folds, seed=args.seed)
    report, answers = report_module.evaluate(folder, clips, [Path(place) for place in args.data], wish, watch)
    if args.out:
        training("results").write_results(args.out, report, answers)
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        show(report, args.out)
    for each in report["failed"]:
        complain("evaluate", f"{each['file']}: {each['error']}")
    return 1 if report["failed"] else 0


def model_folder(name: str) -> Path:
    """Return a model's folder by the name of one of ours, or by its path.

    Raises:
        BadInput: when there is none.
    """
    try:
        return places.model_folders(name)[0]
    except BadSettings:
        if Path(name).is_dir():
            return Path(name)
        raise BadInput(f"there is no model {name}: name compact, accurate, or the path of a folder") from None


def labels_for(folder: Path) -> str:
    """Return how labels must be read for this model: as the seven where it answers them."""
    from undervoice.model import Model

    return "seven" if set(Model.load(folder).labels) <= set(Emotion) else "own"


# ---------------------------------------------------------------- showing


def show(report: Report, out: Path | None) -> None:
    """Print the report as a few tables."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(f"{report['model']['name']}@{report['model']['version']}", style="bold")
    console.print(report["protocol"], "\n")
    console.print(figures_table(report))
    console.print(labels_table(report))
    if comparison := report.get("comparison"):
        console.print(comparison["protocol"])
        console.print(comparison_table(comparison))
    for line in remarks(report):
        console.print(line)
    if out:
        console.print(f"Written: {out / 'report.html'}, report.json, predictions.csv and charts", soft_wrap=True)


def remarks(report: Report) -> list[str]:
    """Return what must be said beside the figures."""
    latency, unknown = report["latency"], report["left_out"]
    lines = [f"Mind: {warning}." for warning in report["warnings"]]
    if unknown:
        told = ", ".join(f"{number} {label}" for label, number in unknown.items())
        lines.append(f"Left out, since the model does not know these labels: {told}.")
    if report["unheard"]:
        lines.append(f"In {report['unheard']} clips the segmenter heard nobody; they were cut where their energy lies.")
    lines.append(
        f"One segment of 2.5 s: {latency['median_ms']} ms on one thread, features included "
        f"(95 % within {latency['p95_ms']} ms); model {report['model']['size_mb']} MB."
    )
    return [*lines, str(report["statement"])]


def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where there is none."""
    return "–" if share is None else f"{share:.1%}"


def plain_table(*columns: str) -> Any:
    """Return an empty table whose first column names the rows."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def figures_table(report: Report) -> RenderableType:
    """Return the quoted figures: of all clips, each corpus by itself, and over the telephone."""
    parts = {"all": report["figures"]}
    if len(report["by_corpus"]) > 1:
        parts |= report["by_corpus"]
    if phone := report.get("telephone"):
        parts["telephone"] = phone["figures"]
    table = plain_table("", *parts)
    table.add_row("clips", *(str(figures["clips"]) for figures in parts.values()))
    for key, words in SHOWN.items():
        table.add_row(words, *(percent(figures.get(key)) for figures in parts.values()))
    return _spaced(table)


def labels_table(report: Report) -> RenderableType:
    """Return each label's figures."""
    table = plain_table("", "precision", "recall", "F1", "clips")
    for label, found in report["figures"]["by_label"].items():
        # Of a label that no clip was meant to be, nothing can be said.
        shares = (percent(found[key] if found["support"] else None) for key in ("precision", "recall", "f1"))
        table.add_row(label, *shares, str(found["support"]))
    return _spaced(table)


def comparison_table(comparison: Report) -> RenderableType:
    """Return the baselines beside the model, mean and deviation over the folds."""
    table = plain_table("mean ± deviation, %", *COMPARED.values())
    for name, found in comparison["candidates"].items():
        cells = [found["mean"].get(key) for key in COMPARED]
        told = (f"{100 * each['mean']:.1f} ± {100 * each['std']:.1f}" if each else "–" for each in cells)
        heard = comparison["heard_before"] and name == comparison["model"]
        table.add_row(f"{name} (has heard them)" if heard else name, *told)
    return _spaced(table)


def _spaced(table: RenderableType) -> RenderableType:
    from rich.padding import Padding

    return Padding(table, (0, 0, 1, 0))
