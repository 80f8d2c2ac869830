"""The training package where this installation has it: ``undervoice.training`` in a wheel, ``train`` in a checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from undervoice.errors import UndervoiceError

PACKAGES = ("undervoice.training", "train")


class NoTraining(UndervoiceError):
    """The training package, or something that it is built on, is not installed."""

    code = "no_training"


def training(module: str) -> ModuleType:
    """Return a module of the training package by its name, such as ``report``.

    Raises:
        NoTraining: in one line that says how to get it.
    """
    # Idle threads of torch and scikit-learn otherwise spin, and on a busy machine keep the working ones waiting.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for package in PACKAGES:
        try:
            return import_module(f"{package}.{module}")
        except ModuleNotFoundError as error:
            if error.name != package:
                raise NoTraining(f"{error.name} is missing: pip install 'undervoice[train]'") from None
    raise NoTraining("this installation lacks the training package: pip install 'undervoice[train]'")


def watch(work: Iterable[Any], total: int, words: str) -> Iterator[Any]:
    """Pass work on under a progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(work, words, total=total, console=console, transient=True, disable=not console.is_terminal)


def complain(command: str, message: str) -> None:
    """Print one line on standard error."""
    print(f"undervoice {command}: {' '.join(message.split())}", file=sys.stderr)
