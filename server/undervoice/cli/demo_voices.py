"""Voices for demonstration calls: clips of a few people, each cut and scored once, as the stream would.

They come from a folder of labelled recordings, else from espeak-ng, else from a buzz with formants.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from undervoice.clips import cut_clip
from undervoice.emotion import SAMPLE_RATE, UPSET_WEIGHTS, Samples, Scores, Segment, upset_score
from undervoice.errors import NoSpeech
from undervoice.recordings import Clip, decode_clip

if TYPE_CHECKING:
    from undervoice.model import Model

VOICES, CLIPS = 10, 12
"""People, and clips of each: half of them upset where the labels tell."""
LIVELY = ("happy", "surprised")
LABELS = frozenset(("neutral", "calm", *LIVELY, *UPSET_WEIGHTS))
SENTENCES = (
    "Thank you, that is very kind of you, and it helps me a lot.",
    "I would like to know when my parcel is going to arrive.",
    "Could you please look up the invoice of last month for me?",
    "This is the third time that I call about the same thing!",
    "Nobody ever calls me back, and I am really fed up with it!",
    "No, I will not wait any longer, I want my money back now!",
    "All right, then let us do it that way.",
    "I am afraid I do not understand what you mean by that.",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A scored stretch of somebody's speech; its samples are gone."""

    segment: Segment
    scores: Scores
    upset: float


@dataclass(frozen=True, slots=True)
class Voice:
    """One person's pieces, the least upset first."""

    pieces: tuple[Piece, ...]


def voices(folder: Path | None, model: Model, chance: Random) -> tuple[str, list[Voice]]:
    """Return where the voices come from, and the voices, scored by a model."""
    if folder is not None and (manifests := sorted(folder.glob("*/manifest.csv"))):
        source, people = f"recordings in {folder}", _recorded(manifests, chance)
    elif program := shutil.which("espeak-ng"):
        source, people = "espeak-ng", _spoken(program, chance)
    else:
        source, people = "made sounds", _buzzed(chance)
    heard = [Voice(tuple(sorted(_pieces(clips, model), key=lambda piece: piece.upset))) for clips in people]
    return source, [voice for voice in heard if voice.pieces]


def _pieces(clips: list[Clip], model: Model) -> Iterator[Piece]:
    for clip in clips:
        try:
            segments = cut_clip(clip)
        except NoSpeech:
            continue
        for segment, scores in zip(segments, model.score(segments), strict=True):
            bare = replace(segment, samples=segment.samples[:0].copy())
            yield Piece(bare, scores, upset_score(scores.probabilities, model.upset_weights))


# ---------------------------------------------------------------- where they come from


def _recorded(manifests: list[Path], chance: Random) -> Iterator[list[Clip]]:
    """Yield the clips of some people of labelled corpora."""
    people: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for manifest in manifests:
        with manifest.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["speaker"] and row["label"] in LABELS:
                    people[row["speaker"]][row["label"]].append(manifest.parent / row["file"])
    able = sorted(name for name, clips in people.items() if sum(map(len, clips.values())) >= CLIPS)
    for name in chance.sample(able, min(VOICES, len(able))):
        yield [decode_clip(path.read_bytes()) for path in _chosen(people[name], chance)]


def _chosen(clips: dict[str, list[Path]], chance: Random) -> Iterator[Path]:
    """Yield half of the clips from upset speech, and most of the others from speech without much emotion."""
    upset, plain, lively = (
        _shuffled([path for label in labels for path in clips.get(label, ())], chance)
        for labels in (UPSET_WEIGHTS, ("neutral", "calm"), LIVELY)
    )
    few = CLIPS // 3
    yield from upset[: CLIPS // 2]
    yield from [*plain[:few], *lively, *plain[few:]][: CLIPS // 2]


def _shuffled(paths: list[Path], chance: Random) -> list[Path]:
    return chance.sample(sorted(paths), len(paths))


def _spoken(program: str, chance: Random) -> Iterator[list[Clip]]:
    """Yield the clips of synthetic people, each said calmly and said loud, high and fast."""
    for number in range(VOICES):
        voice = f"en+{'mf'[number % 2]}{number // 2 % 4 + 1}"
        pitch, pace = chance.randint(25, 50), chance.randint(135, 165)
        said = [(text, 0, 0) for text in SENTENCES] + [(text, 40, 70) for text in SENTENCES[3:6]]
        yield [
            decode_clip(
                subprocess.run(  # noqa: S603 - a program of the system, and texts of our own
                    [program, "--stdout", "-v", voice, "-p", str(pitch + higher), "-s", str(pace + faster), text],
                    capture_output=True,
                    check=True,
                ).stdout
            )
            for text, higher, faster in said
        ]


def _buzzed(chance: Random) -> Iterator[list[Clip]]:
    for _ in range(VOICES):
        pitch_hz = chance.uniform(95, 230)
        yield [Clip(_buzz(pitch_hz * (1 + n / CLIPS), 0.08 + 0.03 * n), SAMPLE_RATE, "") for n in range(CLIPS)]


def _buzz(pitch_hz: float, level: float) -> Samples:
    """Return 3 s of harmonics under vocal formants, their loudness swaying as syllables do."""
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    glide = pitch_hz * (t + 0.03 * np.sin(2 * np.pi * 0.7 * t))
    signal = np.zeros_like(t)
    for harmonic in range(1, int(3400 / pitch_hz)):
        gain = sum(np.exp(-(((harmonic * pitch_hz - f) / w) ** 2)) for f, w in ((550, 250), (1500, 350), (2500, 450)))
        signal += gain * np.sin(2 * np.pi * harmonic * glide)
    signal *= 0.35 + 0.65 * np.sin(2 * np.pi * 2.1 * t) ** 2
    samples: Samples = np.rint(signal / np.abs(signal).max() * level * 32_767).astype(np.int16)
    return samples
