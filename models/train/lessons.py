"""What a network learns from: the labels of clips, and what a teacher hears in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .accurate import Accurate
from .calibration import softmax
from .corpora import Clip
from .examples import Half, Heard
from .loop import Lesson, Take, chances, half_precision
from .recipe import CompactRecipe, Schedule
from .scoring import score_pieces

WINDOW = 250
"""Frames (2.5 s) that a teacher hears at a time."""
UNLABELLED_VARIANTS = 2
"""Variants heard of a clip without a label: there are many, and each costs the teacher's time."""


def spread_target(label: str, labels: Sequence[str], smoothing: float) -> npt.NDArray[np.float32]:
    """Return a label as ``float32[labels]``, with a share spread evenly; none of the labels: all evenly."""
    target = np.full(len(labels), smoothing / len(labels), np.float32)
    if label not in labels:
        return np.full(len(labels), 1 / len(labels), np.float32)
    target[labels.index(label)] += 1 - smoothing
    return target


def from_labels(
    kind: str, clips: Sequence[Clip], heard: Mapping[Path, Heard], labels: Sequence[str], schedule: Schedule
) -> Lesson:
    """Return the lesson that the labels teach: whole variants, to be cropped anew at each draw."""
    takes = []
    for clip in clips:
        target = spread_target(clip.label, labels, schedule.smoothing)
        takes.append([Take(piece, target) for piece in heard[clip.path].pieces[kind]])
    return Lesson(takes, chances(clips, schedule.hearing.balance), len(clips))


def windows_of(frames: int) -> list[slice]:
    """Return the windows of a variant, spread evenly over it: as many of 2.5 s as it is long, at least one."""
    count = max(1, round(frames / WINDOW))
    starts = np.linspace(0, max(0, frames - WINDOW), count).astype(int).tolist()
    return [slice(start, min(start + WINDOW, frames)) for start in starts]


def from_teacher(
    teacher: Accurate,
    kind: str,
    clips: Sequence[Clip],
    heard: Mapping[Path, Heard],
    labels: Sequence[str],
    recipe: CompactRecipe,
) -> Lesson:
    """Return the lesson that a teacher gives: what it hears in each window, blended with the label where there is one.

    Args:
        clips: labelled ones, and ones whose label is none of ``labels``, in which only the teacher is heard.
        kind: the pupil's features.
    """
    places = [
        (number, variant, window)
        for number, clip in enumerate(clips)
        for variant, piece in enumerate(
            variants_of(heard[clip.path].pieces[teacher.kind], labelled=clip.label in labels)
        )
        for window in windows_of(len(piece))
    ]
    with half_precision():
        logits = score_pieces(teacher, [heard[clips[n].path].pieces[teacher.kind][v][w] for n, v, w in places])
    opinions = softmax(logits / recipe.softness).astype(np.float32)
    takes: list[list[Take]] = [[] for _ in clips]
    for (number, variant, window), opinion in zip(places, opinions, strict=True):
        piece: Half = heard[clips[number].path].pieces[kind][variant][window]
        takes[number].append(Take(piece, blend(opinion, clips[number].label, labels, recipe)))
    return Lesson(takes, chances(clips, recipe.hearing.balance), len(clips))


def variants_of(pieces: Sequence[Half], *, labelled: bool) -> Sequence[Half]:
    """Return the variants of a clip that a teacher hears."""
    return pieces if labelled else pieces[:UNLABELLED_VARIANTS]


def blend(
    opinion: npt.NDArray[np.float32], label: str, labels: Sequence[str], recipe: CompactRecipe
) -> npt.NDArray[np.float32]:
    """Return a teacher's opinion mixed with the label, ``float32[labels]``."""
    if label not in labels:
        return opinion
    told = spread_target(label, labels, recipe.smoothing)
    return np.asarray(recipe.teacher * opinion + (1 - recipe.teacher) * told, np.float32)
