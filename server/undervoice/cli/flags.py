"""Flags that stand for settings, made from the settings' own table."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from undervoice.options import SETTINGS
from undervoice.settings import Settings, load_settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_settings(parser: argparse.ArgumentParser, names: Sequence[str] | None = None) -> None:
    """Add a flag for each of these settings, or for all that have one."""
    for row in SETTINGS:
        if row.flag and (names is None or row.name in names):
            flag = f"--{row.name.replace('_', '-')}"
            text = f"{row.help} [{row.variable}; {row.default_text}]"
            parser.add_argument(flag, dest=f"setting_{row.name}", metavar="VALUE", help=text)


def settings_from(args: argparse.Namespace, *, serving: bool = False) -> Settings:
    """Return the settings in force for a command's flags and this process's environment."""
    given = vars(args)
    overrides = {row.name: given.get(f"setting_{row.name}") for row in SETTINGS}
    return load_settings(os.environ, overrides, serving=serving)


def variables(args: argparse.Namespace) -> dict[str, str]:
    """Return what a command's flags say as variables of the environment, for processes that it starts."""
    given = {row.variable: vars(args).get(f"setting_{row.name}") for row in SETTINGS}
    return {name: str(value) for name, value in given.items() if value is not None}


def at_least(least: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number that is not smaller."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return int(text)

    return number
