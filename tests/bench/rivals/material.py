"""Windows of 2.5 s of speech: some with labels to fit on, some of other speakers to measure with."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from undervoice.emotion import SAMPLE_RATE, Samples

REPOSITORY = Path(__file__).resolve().parents[3]
CORPUS = REPOSITORY.parent / "shared" / "data" / "ravdess"
SAMPLE_CALL = REPOSITORY / "widget" / "src" / "demo" / "sample-call.flac"
WINDOW = int(2.5 * SAMPLE_RATE)
NOT_SCORED = ("calm",)
"""Labels outside the seven."""


@dataclass(frozen=True)
class Window:
    """Two and a half seconds that somebody spoke, and as what."""

    samples: Samples
    label: str
    speaker: str


@dataclass(frozen=True)
class Material:
    """What pipelines are fitted on and measured with; no speaker is in both."""

    fitting: list[Window]
    timed: list[Window]
    labelled: bool


def material(fitting: int, timed: int) -> Material:
    """Return so many windows of each kind, from the labelled speech or, where there is none, from the sample call."""
    if not (CORPUS / "manifest.csv").exists():
        windows = list(_sample_call(fitting + timed))
        return Material(windows[:fitting], windows[fitting:], labelled=False)
    with (CORPUS / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] not in NOT_SCORED]
    speakers = sorted({row["speaker"] for row in rows})
    kept = set(speakers[::3])
    known = [row for row in rows if row["speaker"] not in kept]
    return Material(_read(known, fitting), _read([row for row in rows if row["speaker"] in kept], timed), labelled=True)


def _read(rows: list[dict[str, str]], count: int) -> list[Window]:
    """Read as many rows, spread evenly over all of them."""
    chosen: Iterable[int] = np.linspace(0, len(rows) - 1, count).astype(int)
    return [
        Window(_middle(soundfile.read(CORPUS / row["file"], dtype="int16")[0]), row["label"], row["speaker"])
        for row in (rows[place] for place in chosen)
    ]


def _middle(samples: Samples) -> Samples:
    before = max(0, len(samples) - WINDOW) // 2
    part = samples[before : before + WINDOW]
    return np.pad(part, (0, WINDOW - len(part)))


def _sample_call(count: int) -> Iterator[Window]:
    """Yield stretches of the sample call; their labels say nothing, and are there to fit a forest of the usual size."""
    audio, labels = soundfile.read(SAMPLE_CALL, dtype="int16")[0], ("neutral", "happy", "sad", "angry", "fearful")
    for number, start in enumerate(np.linspace(0, len(audio) - WINDOW, count).astype(int)):
        yield Window(audio[start : start + WINDOW], labels[number % len(labels)], "sample")
