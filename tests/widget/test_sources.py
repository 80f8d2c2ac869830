"""The widget's files keep to what a strict policy and a small repository allow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import soundfile as sf

WIDGET = Path(__file__).parents[2] / "widget"
SOURCES = sorted([*WIDGET.glob("src/**/*.js"), *WIDGET.glob("src/**/*.html")])
BOARD = sorted([*WIDGET.glob("board/*.js"), *WIDGET.glob("board/*.html")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    for forbidden in (
        r"\bstyle=",
        r"innerHTML",
        r"\bon\w+=\"",
        r"createObjectURL",
        r"<style",
        r"https?://(?!\$)",
        r"\beval\(",
    ):
        assert not re.search(forbidden, text), forbidden
    assert not re.search(r"from '[^.]", text), "a dependency"


@pytest.mark.parametrize("path", BOARD, ids=lambda path: path.name)
def test_the_board_writes_no_markup_and_takes_nothing_from_elsewhere_but_its_charts(path: Path) -> None:
    text = path.read_text()
    for forbidden in (
        r"\bstyle=",
        r"innerHTML",
        r"\bon\w+=\"",
        r"<style",
        r"https?://(?!\$|www\.w3\.org)",
        r"\beval\(",
    ):
        assert not re.search(forbidden, text), forbidden
    assert set(re.findall(r"from '([^.][^']*)'", text)) <= {"chart.js"}


@pytest.mark.parametrize(
    "path", sorted([*WIDGET.glob("src/*.js"), *WIDGET.glob("board/*.js")]), ids=lambda path: path.name
)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


def test_the_sample_call_is_short_small_and_what_the_service_hears() -> None:
    path = WIDGET / "src" / "demo" / "sample-call.flac"
    about = sf.info(path)
    assert (about.samplerate, about.channels, about.subtype) == (16_000, 1, "PCM_16")
    assert 20 <= about.duration <= 31
    assert path.stat().st_size <= 300_000
