"""``undervoice train``: a model of one's own from labelled recordings."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undervoice.cli.evaluate import model_folder
from undervoice.cli.flags import at_least
from undervoice.cli.training import complain, training
from undervoice.errors import BadInput

if TYPE_CHECKING:
    from undervoice.cli.flags import Subparsers

INTERRUPTED = 130


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser("train", help="make a model from labelled recordings", allow_abbrev=False)
    parser.add_argument("data", nargs="+", metavar="DATA", help="manifest, published corpus, or one folder per label")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model's folder")
    parser.add_argument("--kind", choices=("compact", "accurate"), default="compact")
    text = "seven: labels mapped to the seven emotions; own: as they are"
    parser.add_argument("--labels", choices=("seven", "own"), default="seven", help=text)
    text = "labels that sound upset, such as angry,worried=0.5 (default: angry, disgusted, fearful, sad)"
    parser.add_argument("--upset", type=weights, metavar="LABELS", help=text)
    parser.add_argument("--name", help="the model's name (default: the folder's)")
    text = "begin an accurate model from a trained one, whose terms then hold: accurate, or a folder"
    parser.add_argument("--start", metavar="MODEL", help=text)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="encoder weights (.npz) for accurate models")
    parser.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise to train against")
    parser.add_argument("--epochs", type=at_least(1), help="how often the recordings are heard")
    parser.add_argument("--seed", type=at_least(0), default=7)
    parser.add_argument("--threads", type=at_least(1), default=os.cpu_count() or 1)
    parser.set_defaults(run=run)


def weights(text: str) -> dict[str, float]:
    """Return ``angry,worried=0.5`` as weights."""
    parts = (part.partition("=") for part in text.split(",") if part.strip())
    found = {name.strip(): float(weight or 1) for name, _, weight in parts}
    if not all(0 <= weight <= 1 for weight in found.values()):
        raise ValueError("weights lie between 0 and 1")
    return found


def run(args: argparse.Namespace) -> int:
    """Train, and print what came out; Ctrl-C keeps what was learned."""
    making = training("making")
    try:
        with bar() as progress:
            sidecar = making.make(order_for(making, args, progress))
    except KeyboardInterrupt:
        complain("train", "stopped; the same command goes on from the last whole epoch")
        return INTERRUPTED
    show(args.out, sidecar)
    return 0


def order_for(making: Any, args: argparse.Namespace, progress: Any) -> Any:
    """Return what was asked for, as the training package takes it."""
    return making.Order(
        data=tuple(args.data),
        out=args.out,
        kind=args.kind,
        labels=args.labels,
        upset=args.upset,
        name=args.name or args.out.resolve().name,
        start=model_folder(args.start) if args.start else None,
        weights=args.weights,
        noises=sounds(args.noise) if args.noise else (),
        epochs=args.epochs,
        seed=args.seed,
        threads=args.threads,
        progress=progress,
    )


def sounds(folder: Path) -> tuple[Path, ...]:
    """Return a folder's recordings of noise.

    Raises:
        BadInput: when there are none.
    """
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".wav", ".flac", ".ogg", ".mp3"}))
    if not found:
        raise BadInput(f"{folder} holds no recordings")
    return found


class bar:  # noqa: N801 -- used like the functions around it
    """A progress bar on standard error: steps done, time left, and the loss."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._progress.start()
        self._task = self._progress.add_task("making features", total=None)
        return self._step

    def _step(self, done: int, steps: int, loss: float) -> None:
        known = "" if math.isnan(loss) else f", loss {loss:.3f}"
        self._progress.update(self._task, completed=done, total=steps, description=f"{done}/{steps}{known}")

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def show(out: Path, sidecar: dict[str, Any]) -> None:
    """Print where the model lies and what it is worth."""
    print(f"{out}: {sidecar['name']}@{sidecar['version']}, labels {', '.join(sidecar['labels'])}")
    held_out = sidecar["metrics"].get("held_out")
    if held_out:
        print(f"On {held_out['protocol']}: accuracy {held_out['accuracy']:.1%}, mean recall {held_out['uar']:.1%}")
    else:
        print("Too few speakers to keep any aside: nobody knows how good it is; see --help of undervoice evaluate")
    print(f"Serve it: UNDERVOICE_MODEL={out} undervoice serve")
