"""What the folds of a protocol say together: calibrated by each other, with mean and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .calibration import Array, choose_threshold, fit_temperature, softmax
from .metrics import Figures, Targets, measure, spread
from .scoring import Said
from .study import Verdict

HEADLINES = ("accuracy", "uar", "ece", "upset_accuracy", "upset_f1", "not_upset_f1", "accuracy_most_certain_80")
OVER_PHONE = ("accuracy", "uar", "upset_accuracy", "ece")
BY_CORPUS = ("accuracy", "uar", "upset_accuracy", "ece")


def targets_of(verdict: Verdict, labels: Sequence[str]) -> Targets:
    """Return what a fold's clips were meant to be, ``int64[clips]``."""
    return np.array([labels.index(clip.label) for clip in verdict.clips], np.int64)


def segments_of(verdicts: Sequence[Verdict], labels: Sequence[str]) -> tuple[Array, Targets]:
    """Return the logits of all segments, clear and over the telephone, and what each was meant to be."""
    logits, targets = [], []
    for verdict in verdicts:
        meant = targets_of(verdict, labels)
        for said in (verdict.studio, verdict.phone):
            logits.append(said.logits)
            targets.append(meant[said.owner])
    return np.concatenate(logits), np.concatenate(targets)


def temperature_of(verdicts: Sequence[Verdict], labels: Sequence[str]) -> float:
    """Return the temperature that explains what these folds said of speakers unknown to them."""
    return fit_temperature(*segments_of(verdicts, labels))


def threshold_of(verdicts: Sequence[Verdict], temperature: float) -> float:
    """Return the top probability under which the model abstains on clear speech."""
    return choose_threshold(softmax(np.concatenate([v.studio.logits for v in verdicts]) / temperature))


def crossed(verdicts: Sequence[Verdict], labels: Sequence[str]) -> list[float]:
    """Return each fold's temperature, fitted on what the *other* folds said of their own unheard speakers."""
    return [
        temperature_of([other for other in verdicts if other is not verdict], labels) if len(verdicts) > 1 else 1.0
        for verdict in verdicts
    ]


def report_of(
    title: str, verdicts: Sequence[Verdict], labels: Sequence[str], upset: Mapping[str, float]
) -> dict[str, Any]:
    """Return the report of a protocol for one kind of network: means and spreads over folds, and all folds together."""
    temperatures = crossed(verdicts, labels)
    meant = [targets_of(verdict, labels) for verdict in verdicts]
    studio = probabilities(verdicts, temperatures, "studio")
    phone = probabilities(verdicts, temperatures, "phone")
    clear = [measure(p, t, labels, upset) for p, t in zip(studio, meant, strict=True)]
    street = [measure(p, t, labels, upset) for p, t in zip(phone, meant, strict=True)]
    together = measure(np.concatenate(studio), np.concatenate(meant), labels, upset)
    return {
        "protocol": title,
        "folds": len(verdicts),
        "clips": together["clips"],
        "speakers": len({clip.speaker for verdict in verdicts for clip in verdict.clips}),
        "labels": list(labels),
        "mean": spreads(clear, HEADLINES),
        "telephone": spreads(street, OVER_PHONE),
        "points_lost": round(100 * (together["accuracy"] - accuracy(phone, meant)), 1),
        "by_corpus": by_corpus(verdicts, studio, meant, labels, upset),
        "recall": {label: round(share, 4) for label, share in together["recall"].items()},
        "confusion": together["confusion"],
        "pooled_ece": round(together["ece"], 4),
        "abstained": abstained(verdicts, temperatures),
        "temperatures": [round(temperature, 3) for temperature in temperatures],
    }


def probabilities(verdicts: Sequence[Verdict], temperatures: Sequence[float], side: str) -> list[Array]:
    """Return each fold's probabilities of clips, on the ``studio`` or the ``phone`` side."""
    said: list[Said] = [getattr(verdict, side) for verdict in verdicts]
    return [one.clips(temperature) for one, temperature in zip(said, temperatures, strict=True)]


def accuracy(rows: Sequence[Array], meant: Sequence[Targets]) -> float:
    """Return the share of all folds' clips that are detected rightly."""
    return float(np.mean(np.concatenate(rows).argmax(axis=1) == np.concatenate(meant)))


def spreads(figures: Sequence[Figures], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return mean and deviation over folds of the figures that the labels allow."""
    known = {name: [one[name] for one in figures] for name in names}  # type: ignore[literal-required]
    return {name: spread(values) for name, values in known.items() if None not in values}


def by_corpus(
    verdicts: Sequence[Verdict],
    rows: Sequence[Array],
    meant: Sequence[Targets],
    labels: Sequence[str],
    upset: Mapping[str, float],
) -> dict[str, dict[str, float]]:
    """Return the figures of each corpus's clips, all folds together."""
    names = np.array([clip.corpus for verdict in verdicts for clip in verdict.clips])
    all_rows, all_meant = np.concatenate(rows), np.concatenate(meant)
    found = {}
    for name in sorted(set(names.tolist())):
        figures = measure(all_rows[names == name], all_meant[names == name], labels, upset)
        kept = {key: figures[key] for key in BY_CORPUS}  # type: ignore[literal-required]
        found[name] = {key: round(value, 4) for key, value in kept.items() if value is not None}
    return found


def abstained(verdicts: Sequence[Verdict], temperatures: Sequence[float]) -> dict[str, float]:
    """Return the share of clear segments on which each fold abstains, by the other folds' threshold."""
    shares = []
    for number, verdict in enumerate(verdicts):
        others = [other for other in verdicts if other is not verdict] or [verdict]
        least = threshold_of(others, temperatures[number])
        shares.append(float(np.mean(verdict.studio.segments(temperatures[number]).max(axis=1) < least)))
    return spread(shares)
