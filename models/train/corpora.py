"""Labelled speech on disk: which clips there are, who speaks, and what they are taken for."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from undervoice.emotion import SAMPLE_RATE, Emotion, Samples
from undervoice.errors import BadInput

LABELS: tuple[str, ...] = tuple(Emotion)
"""The seven, in the order in which a model answers them."""

MERGED = {"calm": "neutral"}
"""Labels taken for one of the seven: a calm caller sounds neutral to an agent."""

LEFT_OUT = frozenset({"boredom", "none", ""})
"""Labels without a place among the seven: such clips are not used."""

BACKGROUND = "background"
"""The ``sentence`` of clips in which nobody says anything: room and street noise."""

UNKNOWN_SPEAKER = "unknown"
"""Clips whose speaker is unknown cannot be kept apart, so they are never labelled data."""

LICENCES = {
    "ravdess": "CC BY-NC-SA 4.0",
    "emodb": "free download, no formal text seen",
    "nemo": "CC BY-NC-SA 4.0",
    "ased": "none stated",
    "emospeech_in": "CC BY-NC-SA 4.0",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: where it lies, who speaks and which of the seven it was meant to be."""

    path: Path
    corpus: str
    speaker: str
    label: str
    sentence: str = ""

    @property
    def target(self) -> int:
        """The label's place among the seven."""
        return LABELS.index(self.label)


def map_label(label: str) -> str | None:
    """Return the one of the seven a corpus's label stands for, or None to leave the clip out.

    Raises:
        BadInput: a label nobody has decided about.
    """
    name = MERGED.get(label.strip().lower(), label.strip().lower())
    if name in LEFT_OUT:
        return None
    if name not in LABELS:
        raise BadInput(f"label {label!r} is none of {', '.join(LABELS)} and has no mapping")
    return name


def default_data(start: Path = Path(__file__)) -> Path:
    """Return the ``shared/data`` that lies beside the repository."""
    for parent in start.resolve().parents:
        if (parent / "shared" / "data").is_dir():
            return parent / "shared" / "data"
    raise BadInput("no folder shared/data beside the repository: name one with --data")


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a corpus's ``manifest.csv``."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise BadInput(f"{folder} has no manifest.csv")
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_corpus(folder: Path, sentences: Iterable[str] | None = None) -> list[Clip]:
    """Return a corpus's labelled clips; ``sentences`` keeps only those texts."""
    kept = None if sentences is None else frozenset(sentences)
    clips = []
    for row in read_rows(folder):
        label = None if row.get("sentence") == BACKGROUND else map_label(row["label"])
        unknown = row["speaker"].endswith(UNKNOWN_SPEAKER)
        if label is None or unknown or (kept is not None and row["sentence"] not in kept):
            continue
        clips.append(Clip(folder / row["file"], row["corpus"], row["speaker"], label, row.get("sentence", "")))
    return clips


def read_corpora(data: Path, names: Sequence[str]) -> list[Clip]:
    """Return the labelled clips of several corpora; ``name:01+02`` keeps those sentences only."""
    clips: list[Clip] = []
    for name in names:
        corpus, _, sentences = name.partition(":")
        clips += read_corpus(data / corpus, sentences.split("+") if sentences else None)
    return clips


def read_noises(data: Path, corpus: str = "emospeech_in") -> list[Path]:
    """Return the recordings of room and street noise; none where the corpus is not there."""
    folder = data / corpus
    if not (folder / "manifest.csv").is_file():
        return []
    rows = read_rows(folder)
    return [folder / row["file"] for row in rows if row["sentence"] == BACKGROUND and row["label"] == "none"]


def read_samples(path: Path) -> Samples:
    """Return a recording as ``int16[n]`` at 16 kHz, its channels averaged."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    samples: Samples = np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)
    return samples
