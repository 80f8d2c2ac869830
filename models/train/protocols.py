"""The ways in which the recipes are judged: on what, with which labels, and who is never heard before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .corpora import LABELS, Clip
from .recipe import POOL
from .split import Split, corpus_folds, speaker_folds, speakers, split_by

SEED = 7
"""Deals the speakers of every protocol: the same folds in every run, and for the baselines."""


def five_folds(clips: Sequence[Clip]) -> list[Split]:
    """Return five folds by speaker, each corpus's speakers dealt evenly."""
    return speaker_folds(clips, 5, 0.0, SEED)


def each_speaker(clips: Sequence[Clip]) -> list[Split]:
    """Return one fold for each speaker."""
    return [split_by(clips, {name}, set()) for name in sorted(speakers(clips))]


def five_pairs(clips: Sequence[Clip]) -> list[Split]:
    """Return five folds of two speakers each, neighbours by name."""
    names = sorted(speakers(clips))
    return [split_by(clips, set(names[start : start + 2]), set()) for start in range(0, len(names), 2)]


def each_corpus(clips: Sequence[Clip]) -> list[Split]:
    """Return one fold for each corpus."""
    return corpus_folds(clips, 0.0, SEED)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to judge."""

    title: str
    corpora: tuple[str, ...]
    labels: tuple[str, ...]
    folds: Callable[[Sequence[Clip]], list[Split]]
    start: str | None = None
    """Corpus of this protocol, whose networks begin from the fold of ``corpora`` that never heard it."""


PROTOCOLS = {
    "pooled": Protocol(
        "ravdess, emodb and nemo pooled, the seven (calm taken for neutral, boredom left out), five folds by speaker",
        POOL, LABELS, five_folds,
    ),
    "corpora": Protocol(
        "ravdess, emodb and nemo, the seven: each corpus judged by a model that heard only the others",
        POOL, LABELS, each_corpus,
    ),
    "emodb-speakers": Protocol(
        "EMO-DB, its seven labels, leave one speaker out; begun from the model that heard only the other corpora",
        ("emodb",), (*LABELS[:4], *LABELS[5:], "boredom"), each_speaker, "emodb",
    ),
    "emodb-pairs": Protocol(
        "EMO-DB, its seven labels, eight speakers to learn from and two to judge on, five disjoint pairs; begun from "
        "the model that heard only the other corpora",
        ("emodb",), (*LABELS[:4], *LABELS[5:], "boredom"), five_pairs, "emodb",
    ),
    "ravdess-actors": Protocol(
        "RAVDESS, its eight labels, five folds by actor; begun from the model that heard only the other corpora",
        ("ravdess",), (*LABELS, "calm"), five_folds, "ravdess",
    ),
}  # fmt: skip
"""All protocols, in the order in which they are run: later ones begin from networks of ``corpora``."""


def clips_of(protocol: Protocol, clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips a protocol is about, of clips with their own labels or with the seven."""
    return [clip for clip in clips if clip.corpus in protocol.corpora and clip.label in protocol.labels]
