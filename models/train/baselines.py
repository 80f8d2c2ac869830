"""The classical baselines of earlier systems: summary features and scikit-learn, on the folds of everything else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .calibration import Array, fit_temperature, softmax
from .corpora import Clip
from .evaluation import SEVEN, Candidate, Task
from .served import cut_recording, open_recording
from .summary import Vector, summarise
from .workers import Watch, cores, spread_work, unwatched

PASSES = 60
"""Passes of the perceptron over the data: few, since it soon knows its speakers by heart."""
LEAST = 1e-9


def regression(seed: int) -> Any:
    """Return a logistic regression."""
    return LogisticRegression(C=0.05, class_weight="balanced", max_iter=5_000, random_state=seed)


def forest(seed: int) -> Any:
    """Return a random forest."""
    return RandomForestClassifier(300, min_samples_leaf=2, class_weight="balanced", n_jobs=cores(), random_state=seed)


def boosting(seed: int) -> Any:
    """Return gradient boosting over histograms."""
    return HistGradientBoostingClassifier(
        max_iter=120, max_leaf_nodes=15, l2_regularization=1.0, class_weight="balanced", random_state=seed
    )


def perceptron(seed: int) -> Any:
    """Return a small multi-layer perceptron."""
    return MLPClassifier((64,), alpha=1.0, max_iter=PASSES, random_state=seed)


KINDS: Mapping[str, Callable[[int], Any]] = {
    "logistic regression": regression,
    "random forest": forest,
    "gradient boosting": boosting,
    "small MLP": perceptron,
}
"""Each one by name, untrained, from a seed."""


def summarise_file(path: Path) -> Vector:
    """Return the summary features of a recording, on the segments that the service would score."""
    segments, _ = cut_recording(open_recording(path))
    return summarise([segment.samples for segment in segments])


def summaries(clips: Sequence[Clip], watch: Watch = unwatched) -> dict[Path, Vector]:
    """Return the summary features of each clip."""
    paths = sorted({clip.path for clip in clips})
    return dict(zip(paths, watch(spread_work(summarise_file, paths), len(paths), "Features"), strict=True))


def baseline(
    make: Callable[[int], Any], vectors: Mapping[Path, Vector], task: Task = SEVEN, seed: int = 7
) -> Candidate:
    """Return a candidate that standardises, learns and calibrates inside each fold."""

    def answer(train: Sequence[Clip], calibrate: Sequence[Clip], test: Sequence[Clip]) -> Array:
        pipeline = make_pipeline(StandardScaler(), make(seed))
        with warnings.catch_warnings():
            # The perceptron's few passes are meant; all others must converge.
            warnings.filterwarnings("ignore", "Stochastic Optimizer", ConvergenceWarning)
            pipeline.fit(stack(train, vectors), task.targets(train))
        logits = log_probabilities(pipeline, stack(test, vectors), len(task.labels))
        if not calibrate:
            return softmax(logits)
        known = log_probabilities(pipeline, stack(calibrate, vectors), len(task.labels))
        return softmax(logits / fit_temperature(known, task.targets(calibrate)))

    return answer


def stack(clips: Sequence[Clip], vectors: Mapping[Path, Vector]) -> Array:
    """Return the clips' features, ``float64[clips, features]``."""
    return np.stack([vectors[clip.path] for clip in clips])


def log_probabilities(pipeline: Any, rows: Array, labels: int) -> Array:
    """Return log probabilities, ``float64[rows, labels]``; labels that training never had are all but impossible."""
    probabilities = np.full((len(rows), labels), LEAST)
    probabilities[:, pipeline.classes_] = np.maximum(LEAST, pipeline.predict_proba(rows))
    return np.asarray(np.log(probabilities))


def baselines(vectors: Mapping[Path, Vector], task: Task = SEVEN, seed: int = 7) -> dict[str, Candidate]:
    """Return all of them by name."""
    return {name: baseline(make, vectors, task, seed) for name, make in KINDS.items()}
