"""Figures on speakers a model has never heard: one training for each fold."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .calibration import Array, choose_threshold, fit_temperature, softmax
from .corpora import LABELS, Clip, read_corpora
from .examples import Store
from .loop import train
from .metrics import Figures, Targets, confusion, measure, spread
from .network import Compact
from .recipe import POOL, Recipe
from .scoring import score_clips, segment_logits
from .split import Split, corpus_folds, speaker_folds, speakers

Say = Callable[[str], None]
HEADLINES = ("accuracy", "uar", "ece", "upset_accuracy", "upset_f1", "not_upset_f1", "accuracy_most_certain_80")


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """What held-out speakers taught: the temperature, and when to abstain."""

    temperature: float
    abstain_below: float


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """One fold: its test clips, their probabilities as they are and over the telephone, and how often it abstains."""

    clips: tuple[Clip, ...]
    studio: Array
    phone: Array
    abstained: float

    @property
    def targets(self) -> Targets:
        """What the clips were meant to be, ``int64[clips]``."""
        return np.array([clip.target for clip in self.clips], np.int64)


def calibrate(network: Compact, clips: Sequence[Clip], store: Store) -> Calibration:
    """Fit temperature and abstention on speakers the network has not heard, half of it over the telephone."""
    sides = [segment_logits(network, clips, store.segments(clips, phone)) for phone in (False, True)]
    logits = np.concatenate([side[0] for side in sides])
    temperature = fit_temperature(logits, np.concatenate([side[1] for side in sides]))
    return Calibration(temperature, choose_threshold(softmax(sides[0][0] / temperature)))


def run_fold(split: Split, data: Path, store: Store, recipe: Recipe) -> Judged:
    """Train, calibrate and judge on three disjoint sets of speakers."""
    heard = store.variants(split.train, data, recipe.variants, recipe.seed)
    network = train(split.train, heard, recipe)
    calibration = calibrate(network, split.calibrate, store)
    studio, _ = score_clips(network, split.test, store.segments(split.test), calibration.temperature)
    phone, _ = score_clips(network, split.test, store.segments(split.test, phone=True), calibration.temperature)
    logits, _ = segment_logits(network, split.test, store.segments(split.test))
    top = softmax(logits / calibration.temperature).max(axis=1)
    return Judged(split.test, studio, phone, float(np.mean(top < calibration.abstain_below)))


def run_folds(data: Path, store: Store, recipe: Recipe, folds: int, by_corpus: bool, say: Say) -> dict[str, Any]:
    """Judge the recipe by speaker, or ``by_corpus``, and return the report."""
    pool = read_corpora(data, POOL)
    share, seed = recipe.held_out, recipe.seed
    splits = corpus_folds(pool, share, seed) if by_corpus else speaker_folds(pool, folds, share, seed)
    extra = [clip for clip in read_corpora(data, recipe.corpora) if clip.corpus not in POOL]
    started, judged = time.monotonic(), []
    for number, split in enumerate(splits, 1):
        whole = Split((*split.train, *extra), split.calibrate, split.test)
        judged.append(run_fold(whole, data, store, recipe))
        figures = measure(judged[-1].studio, judged[-1].targets)
        corpora = ", ".join(sorted({clip.corpus for clip in split.test}))
        say(f"fold {number}/{len(splits)} ({corpora}): accuracy {figures['accuracy']:.3f}, UAR {figures['uar']:.3f}")
    minutes = round((time.monotonic() - started) / 60, 1)
    return {"protocol": protocol(pool, len(splits), by_corpus), "minutes": minutes, **summarise(judged)}


def protocol(pool: Sequence[Clip], folds: int, by_corpus: bool) -> str:
    """Say how the figures came about."""
    how = "each corpus judged by a model that never heard it" if by_corpus else f"{folds} folds by speaker"
    return (
        f"{'+'.join(POOL)} pooled ({len(pool)} clips, {len(speakers(pool))} speakers), seven labels "
        f"(calm taken for neutral, boredom left out), {how}; no speaker on both sides; clips cut by the product's "
        "own segmenter, a clip's probabilities are the mean over its segments weighted by duration; temperature "
        "fitted on other held-out speakers of the training side"
    )


def summarise(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return means and spreads over folds, and what all test clips together show."""
    studio = [measure(fold.studio, fold.targets) for fold in judged]
    phone = [measure(fold.phone, fold.targets) for fold in judged]
    targets = np.concatenate([fold.targets for fold in judged])
    together = np.concatenate([fold.studio for fold in judged])
    names = np.array([clip.corpus for fold in judged for clip in fold.clips])
    return {
        "folds": len(judged),
        "mean": {name: spread([value(figures, name) for figures in studio]) for name in HEADLINES},
        "telephone": {name: spread([value(figures, name) for figures in phone]) for name in ("accuracy", "uar")},
        "recall": {label: round(share, 4) for label, share in measure(together, targets)["recall"].items()},
        "by_corpus": {
            name: {
                key: round(value(measure(together[names == name], targets[names == name]), key), 4)
                for key in ("accuracy", "uar", "upset_accuracy")
            }
            for name in POOL
            if np.any(names == name)
        },
        "confusion": {"labels": list(LABELS), "rows": confusion(together, targets).tolist()},
        "pooled_ece": round(measure(together, targets)["ece"], 4),
        "abstained": spread([fold.abstained for fold in judged]),
    }


def value(figures: Figures, name: str) -> float:
    """Return one figure by its name."""
    return float(figures[name])  # type: ignore[literal-required]
