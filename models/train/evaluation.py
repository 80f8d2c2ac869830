"""Candidates judged on the same folds, so that figures can be set side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from undervoice.emotion import UPSET_WEIGHTS
from undervoice.errors import BadInput

from .calibration import Array
from .corpora import LABELS, Clip
from .metrics import Figures, Targets, confusion, measure, spread
from .split import Split, speaker_folds
from .workers import Watch, unwatched

Candidate = Callable[[Sequence[Clip], Sequence[Clip], Sequence[Clip]], Array]
"""Learns from clips, calibrates on others, and answers ``float64[test, labels]`` of the third."""

HEADLINES = (
    "accuracy", "uar", "macro_f1", "ece", "upset_accuracy", "upset_f1", "not_upset_f1", "accuracy_most_certain_80",
)  # fmt: skip
HELD_OUT = 0.12
"""Share of each corpus's training speakers that calibrate, as in the recipe of the released model."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is judged: the labels in the order of the probabilities, and how much each counts as upset."""

    labels: tuple[str, ...] = LABELS
    upset: Mapping[str, float] = field(default_factory=lambda: UPSET_WEIGHTS)

    def targets(self, clips: Sequence[Clip]) -> Targets:
        """Return each clip's place among the labels, ``int64[clips]``."""
        places = {label: place for place, label in enumerate(self.labels)}
        return np.array([places[clip.label] for clip in clips], np.int64)

    def measure(self, probabilities: Array, clips: Sequence[Clip], abstain_below: float | None = None) -> Figures:
        """Return the figures of ``float64[clips, labels]``."""
        return measure(probabilities, self.targets(clips), self.labels, self.upset, abstain_below)


SEVEN = Task()


def cross_validate(
    clips: Sequence[Clip],
    folds: int,
    candidates: Mapping[str, Candidate],
    *,
    task: Task = SEVEN,
    seed: int = 7,
    held_out: float = HELD_OUT,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """Judge candidates on folds by speaker, every speaker once, and return each one's report by name.

    Raises:
        SharedSpeaker: if a speaker stood on two sides.
        BadInput: when there are too few speakers for the folds.
    """
    return judge(deal_folds(clips, folds, held_out, seed), candidates, task=task, watch=watch)


def deal_folds(clips: Sequence[Clip], folds: int, held_out: float = HELD_OUT, seed: int = 7) -> list[Split]:
    """Return folds by speaker, in each of which somebody learns and somebody is judged.

    Raises:
        BadInput: when there are too few speakers.
    """
    splits = speaker_folds(clips, folds, held_out, seed)
    if not all(split.test and split.train for split in splits):
        raise BadInput(f"{folds} folds need more speakers: in some fold nobody would learn or be judged")
    return splits


def judge(
    splits: Sequence[Split], candidates: Mapping[str, Candidate], *, task: Task = SEVEN, watch: Watch = unwatched
) -> dict[str, Any]:
    """Judge candidates on the same splits and return each one's report by name."""
    found: dict[str, list[Array]] = {name: [] for name in candidates}
    for name, rows in watch(trials(splits, candidates), len(splits) * len(candidates), "Folds"):
        found[name].append(rows)
    return {name: fold_report(splits, rows, task) for name, rows in found.items()}


def trials(splits: Sequence[Split], candidates: Mapping[str, Candidate]) -> Iterator[tuple[str, Array]]:
    """Yield each candidate's name and answer on each split, one split after the other."""
    for split in splits:
        for name, candidate in candidates.items():
            yield name, candidate(split.train, split.calibrate, split.test)


def fold_report(splits: Sequence[Split], found: Sequence[Array], task: Task) -> dict[str, Any]:
    """Return means and spreads over folds, each fold's figures, and what all test clips show together."""
    folds = [task.measure(rows, split.test) for rows, split in zip(found, splits, strict=True)]
    clips = [clip for split in splits for clip in split.test]
    together = np.concatenate(found)
    return {
        "mean": {
            name: spread([value for fold in folds if (value := headline(fold, name)) is not None])
            for name in HEADLINES
            if any(headline(fold, name) is not None for fold in folds)
        },
        "folds": [headlines(fold) for fold in folds],
        "by_corpus": by_corpus(together, clips, task),
        "recall": rounded(task.measure(together, clips)["recall"]),
        "confusion": {
            "labels": list(task.labels),
            "rows": confusion(together, task.targets(clips)).tolist(),
        },
    }


def headline(figures: Figures, name: str) -> float | None:
    """Return one figure by its name; None where the labels have no such figure."""
    value: float | None = figures[name]  # type: ignore[literal-required]
    return value


def headlines(figures: Figures) -> dict[str, Any]:
    """Return the figures that are quoted, and how many clips they rest on."""
    values = {name: headline(figures, name) for name in HEADLINES}
    return {"clips": figures["clips"], **rounded({name: v for name, v in values.items() if v is not None})}


def by_corpus(probabilities: Array, clips: Sequence[Clip], task: Task) -> dict[str, dict[str, Any]]:
    """Return the quoted figures of each corpus by itself."""
    names = np.array([clip.corpus for clip in clips])
    found = {}
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        found[corpus] = headlines(task.measure(probabilities[names == corpus], own))
    return found


def rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Return shares to four places."""
    return {name: round(share, 4) for name, share in shares.items()}


def intervals(
    probabilities: Array, clips: Sequence[Clip], task: Task, seed: int = 7, draws: int = 1000
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of accuracy and UAR if other speakers of the same kind had come.

    Speakers are drawn with replacement: clips of one speaker are no independent witnesses.
    """
    names = np.array([clip.speaker for clip in clips])
    targets = task.targets(clips)
    counts = np.stack([confusion(probabilities[names == name], targets[names == name]) for name in np.unique(names)])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), draws)
    tables = np.einsum("ds,sij->dij", drawn, counts)
    right, meant = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2)
    recalls = np.where(meant > 0, right / np.maximum(1, meant), np.nan)
    draws_of = {"accuracy": right.sum(axis=1) / meant.sum(axis=1), "uar": np.nanmean(recalls, axis=1)}
    return {
        name: (round(float(np.quantile(values, 0.025)), 4), round(float(np.quantile(values, 0.975)), 4))
        for name, values in draws_of.items()
    }
