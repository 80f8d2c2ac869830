"""Real people's recorded speech as the microphone: the meter shows what the command line says of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from playwright.sync_api import Browser, Page

from tests.browser.conftest import AUTOPLAY, FAKE_MICROPHONE, Launch, staged
from tests.browser.pictures import keep, wanted
from tests.browser.processes import Service
from tests.browser.reading import ROOT, Wire, cells, press
from tests.browser.test_sources import ended_as_told

pytestmark = [pytest.mark.browser, pytest.mark.data]

CORPUS = ROOT.parent / "shared" / "data" / "emodb"
SPEAKER, STORY = "emodb_16", ("neutral",) * 2 + ("angry",) * 5
"""An actor of EMO-DB who begins calmly and becomes angry."""


def spoken(path: Path) -> Path:
    """Write one caller's clips after another, as the 48 kHz that a microphone usually has."""
    if not CORPUS.is_dir():
        pytest.skip("no recordings in ../shared/data")
    with (CORPUS / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"] == SPEAKER]
    parts = [np.zeros(16_000)]
    for number, label in enumerate(STORY):
        row = [row for row in rows if row["label"] == label][number]
        parts += [sf.read(CORPUS / row["file"])[0], np.zeros(9_600)]
    sf.write(path, np.clip(soxr.resample(np.concatenate(parts), 16_000, 48_000), -1, 1), 48_000, subtype="PCM_16")
    return path


def calling(launch: Launch, recording: Path) -> Browser:
    """Return a Chromium whose microphone plays the recording."""
    return launch(AUTOPLAY, *FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={recording}%noloop")


@pytest.fixture(scope="module")
def caller(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return calling(launch, spoken(tmp_path_factory.mktemp("real") / "call.wav"))


@pytest.fixture(params=["light", "dark"] if wanted() else ["light"])  # it differs in its picture alone
def scene(request: pytest.FixtureRequest, caller: Browser, service: Service) -> Iterator[tuple[str, Page]]:
    with staged(caller, service, request.param) as scene:
        yield scene


def test_the_meter_shows_what_the_command_line_says_of_the_same_audio(scene: tuple[str, Page], tmp_path: Path) -> None:
    look, page = scene
    wire = Wire(page)
    press(page, "Use this microphone")
    cells(page, 6, 40)
    keep(page, f"meter-{look}")
    keep(page, f"page-{look}", only_meter=False)
    # Of a call this long a busy machine may lose a moment before the page hears it; what it heard is what is compared.
    told = ended_as_told(page, wire, tmp_path)
    moods = [each for each in wire.received if each["type"] == "mood"]
    assert len(moods) == len(told)
