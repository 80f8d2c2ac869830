"""Train from the command line: ``release`` makes the model, ``folds`` and ``corpora`` judge the recipe."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undervoice.errors import BadInput

from .corpora import default_data
from .examples import Store
from .folds import run_folds
from .recipe import Recipe
from .release import release

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
"""Where models and figures are written by default; the working folder for an installed package."""
FIGURES = {"folds": "speaker_folds", "corpora": "corpus_folds"}
"""The commands that judge, and the name under which their report is kept."""


def say(line: str) -> None:
    """Show progress at once."""
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    grammar = argparse.ArgumentParser(prog="train", description=__doc__)
    grammar.add_argument("command", choices=("release", "folds", "corpora"))
    grammar.add_argument("--data", type=Path, help="folder of corpora (default: shared/data beside the repository)")
    grammar.add_argument("--corpora", nargs="+", help="corpora to learn from")
    grammar.add_argument("--out", type=Path, default=ROOT / "models" / "compact", help="the model's folder")
    grammar.add_argument("--figures", type=Path, default=ROOT / "models" / "figures", help="reports are kept here")
    grammar.add_argument("--cache", type=Path, default=ROOT / ".runs" / "features", help="features are kept here")
    grammar.add_argument("--folds", type=int, default=5)
    grammar.add_argument("--epochs", type=int)
    grammar.add_argument("--draws", type=int, help="clips drawn in one epoch")
    grammar.add_argument("--seed", type=int)
    return grammar


def recipe_of(asked: argparse.Namespace) -> Recipe:
    """Return the default recipe with what was asked for."""
    changes: dict[str, Any] = {
        key: getattr(asked, key) for key in ("epochs", "seed") if getattr(asked, key) is not None
    }
    if asked.corpora:
        changes["corpora"] = tuple(asked.corpora)
    return dataclasses.replace(Recipe(), **changes)


def read_figures(folder: Path) -> dict[str, Any]:
    """Return the reports of earlier runs, by name."""
    places = {name: folder / f"{name}.json" for name in FIGURES.values()}
    return {name: json.loads(place.read_text(encoding="utf-8")) for name, place in places.items() if place.is_file()}


def run(asked: argparse.Namespace) -> None:
    """Do what was asked."""
    data, store, recipe = asked.data or default_data(), Store(asked.cache), recipe_of(asked)
    if asked.command == "release":
        release(data, asked.out, store, recipe, read_figures(asked.figures), say)
        return
    report = run_folds(data, store, recipe, asked.folds, asked.command == "corpora", say)
    asked.figures.mkdir(parents=True, exist_ok=True)
    place = asked.figures / f"{FIGURES[asked.command]}.json"
    place.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    say(json.dumps(report["mean"], indent=2))


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
