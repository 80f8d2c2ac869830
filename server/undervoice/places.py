"""Where an installation keeps its models and its pages: in the wheel, or beside it in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

from undervoice.errors import BadSettings

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[1]
"""Where models and widget lie in an editable install; a wheel carries its own."""

RULES_FILE = PACKAGE / "rules.toml"
"""The alert rules that are in force where the operator names no others."""

AUTO = "auto"
AUTO_NAMES = ("accurate", "compact")
"""What ``auto`` stands for: the model for finals, and the one that helps it."""


def model_folders(name: str) -> tuple[Path, ...]:
    """Return the folders of the models that score, the chosen one first.

    Args:
        name: ``auto``, the name of a model of ours, or the path of a folder.

    Raises:
        BadSettings: when there is no such folder.
    """
    if name != AUTO:
        return (_model_folder(name),)
    # An installation may leave the larger one out; what serves is told at start and by GET /model.
    there = [each for each in AUTO_NAMES if any(place.is_dir() for place in _model_places(each))]
    return tuple(map(_model_folder, there or AUTO_NAMES))


def widget_folder() -> Path:
    """Return the folder of the pages and modules for browsers.

    Raises:
        BadSettings: when the installation lacks it.
    """
    return _first([PACKAGE / "_widget", REPOSITORY / "widget" / "src"], "the widget's files are missing")


def bundle_folder() -> Path:
    """Return the folder of the widget in one file, which in a checkout is there once it has been built."""
    return _carried("_widget", "widget/dist/meter")


def examples_folder() -> Path:
    """Return the folder of pages that show how the widget is put to use."""
    return _carried("_examples", "widget/examples")


def board_folder() -> Path:
    """Return the folder of the supervisor's board, which in a checkout is there once it has been built."""
    return _carried("_board", "widget/dist/board")


def _carried(name: str, made: str) -> Path:
    carried = PACKAGE / name
    return carried if carried.is_dir() else REPOSITORY / made


def _model_places(name: str) -> list[Path]:
    if "/" in name or os.sep in name:
        return [Path(name).expanduser()]
    return [PACKAGE / "_models" / name, REPOSITORY / "models" / name]


def _model_folder(name: str) -> Path:
    return _first(_model_places(name), f"UNDERVOICE_MODEL: there is no model {name}")


def _first(places: list[Path], missing: str) -> Path:
    for place in places:
        if place.is_dir():
            return place
    raise BadSettings(missing)
