"""Make the models in service: ``study`` judges the recipes on unheard speakers, ``release`` makes the models.

``reference`` measures anew what a service compares its calls with, and puts it into the models' sidecars and cards.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from undervoice.emotion import UPSET_WEIGHTS
from undervoice.errors import BadInput

from .corpora import Clip, default_data, read_data, read_noises
from .examples import Store
from .protocols import PROTOCOLS
from .recipe import POOL, TAUGHT
from .release import refer, release
from .study import KINDS, Study
from .verdicts import report_of
from .workshop import Workshop

CHECKOUT = Path(__file__).resolve().parents[2]
WEIGHTS = "whisper-base-encoder.npz"


def say(line: str) -> None:
    """Show progress at once."""
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    grammar = argparse.ArgumentParser(prog="train", description=__doc__)
    commands = grammar.add_subparsers(dest="command", required=True)
    study = commands.add_parser("study", help="judge the recipes, fold by fold")
    study.add_argument("protocols", nargs="*", choices=[*PROTOCOLS, []], help="all of them by default")
    made = commands.add_parser("release", help="make models/accurate and models/compact from all the data")
    referred = commands.add_parser("reference", help="measure what calls are compared with, for released models")
    for command in (study, made, referred):
        command.add_argument("--data", type=Path, help="folder of corpora (default: shared/data beside the repository)")
        command.add_argument("--weights", type=Path, help=f"encoder weights (default: shared/weights/{WEIGHTS})")
        command.add_argument("--runs", type=Path, default=CHECKOUT / ".runs", help="features and folds are kept here")
        command.add_argument("--models", type=Path, default=CHECKOUT / "models", help="where models and figures go")
        command.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    return grammar


def workshop_of(asked: argparse.Namespace, data: Path) -> Workshop:
    """Return the workshop with the recipes of the released models."""
    store = Store(asked.runs / "features", read_noises(data), workers=os.cpu_count() or 1)
    # A label that is none of the seven: in these clips a compact network hears its teacher alone.
    unlabelled = tuple(replace(clip, label="") for clip in read_present(data, TAUGHT, "own"))
    weights = asked.weights or data.parent / "weights" / WEIGHTS
    note = lambda epoch, loss: say(f"  epoch {epoch}: loss {loss:.3f}")  # noqa: E731
    return Workshop(store, weights, unlabelled=unlabelled, threads=os.cpu_count() or 1, note=note)


def read_present(data: Path, corpora: Sequence[str], labels: str) -> list[Clip]:
    """Return the clips of those corpora that are there."""
    places = [data / name for name in corpora if (data / name).is_dir()]
    return read_data(places, labels) if places else []  # type: ignore[arg-type]


def run_study(asked: argparse.Namespace, data: Path) -> None:
    """Carry out protocols and write each one's report."""
    own, seven = (read_present(data, POOL, labels) for labels in ("own", "seven"))
    study = Study(workshop_of(asked, data), asked.runs / "study", own, seven, say)
    for name in asked.protocols or PROTOCOLS:
        protocol = PROTOCOLS[name]
        upset = {label: weight for label, weight in UPSET_WEIGHTS.items() if label in protocol.labels}
        for kind, verdicts in study.run(name, asked.kinds).items():
            report = report_of(protocol.title, verdicts, protocol.labels, upset)
            place = asked.models / "figures" / f"{name}-{kind}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
            say(
                f"{name}, {kind}: "
                + ", ".join(f"{key} {v['mean']:.3f} ± {v['std']:.3f}" for key, v in report["mean"].items())
            )


def run(asked: argparse.Namespace) -> None:
    """Do what was asked."""
    data = asked.data or default_data()
    if asked.command == "study":
        run_study(asked, data)
    elif asked.command == "reference":
        for kind in asked.kinds:
            refer(kind, read_present(data, POOL, "seven"), asked.runs, asked.models)
            say(f"{asked.models / kind}: its reference is up to date")
    else:
        release(workshop_of(asked, data), read_present(data, POOL, "seven"), asked.runs, asked.models, asked.kinds, say)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        run(parser().parse_args(arguments))
    except BadInput as error:
        print(f"train: {error.message}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
