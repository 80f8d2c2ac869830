"""What a network learns from: the labels of clips, and what a teacher hears in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .corpora import Clip
from .examples import Heard
from .loop import Lesson, Take, chances
from .recipe import CompactRecipe, Schedule


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


def from_teacher(
    kind: str,
    clips: Sequence[Clip],
    heard: Mapping[Path, Heard],
    opinions: Mapping[Path, npt.NDArray[np.float32]],
    labels: Sequence[str],
    recipe: CompactRecipe,
) -> Lesson:
    """Return the lesson that a teacher gives: what it hears in each variant, blended with the label where there is one.

    Args:
        kind: the pupil's features.
        clips: labelled ones, and ones whose label is none of ``labels``, in which only the teacher is heard.
        opinions: the teacher's probabilities for each clip's first variants, ``float32[variants, labels]``.
    """
    takes = [
        [
            Take(piece, blend(opinion, clip.label, labels, recipe))
            for piece, opinion in zip(heard[clip.path].pieces[kind], opinions[clip.path], strict=False)
        ]
        for clip in clips
    ]
    return Lesson(takes, chances(clips, recipe.hearing.balance), len(clips))


def blend(
    opinion: npt.NDArray[np.float32], label: str, labels: Sequence[str], recipe: CompactRecipe
) -> npt.NDArray[np.float32]:
    """Return a teacher's opinion mixed with the label, ``float32[labels]``."""
    if label not in labels:
        return opinion
    told = spread_target(label, labels, recipe.smoothing)
    return np.asarray(recipe.teacher * opinion + (1 - recipe.teacher) * told, np.float32)
