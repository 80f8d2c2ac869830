"""What one window costs: ours, librosa's, openSMILE's, side by side."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from tests.bench.rivals.material import Window, material
from tests.bench.rivals.pipelines import Librosa, OpenSmile, Ours, Pipeline

FITTING, TIMED, WARM, TURN = 280, 84, 3, 12
"""Windows: fitted on, measured with, scored uncounted beforehand, and scored before it is the next pipeline's turn."""


def compare_windows(folder: Path) -> None:
    """Print what each pipeline takes for a window, and how many times as long as ours."""
    windows = material(FITTING, TIMED)
    pipelines: list[Pipeline] = [Ours(folder), OpenSmile(), Librosa()]
    for pipeline in pipelines:
        pipeline.fit(windows.fitting)
        for window in windows.timed[:WARM]:  # also what numba compiles
            pipeline.score(window.samples)
    took, right = _measured(pipelines, windows.timed)
    ours = np.median(took[pipelines[0].name])
    print(f"a window of 2.5 s on one thread, features and classifier; {len(windows.timed)} windows of unknown speakers")
    for pipeline in pipelines:
        p50, p95 = np.percentile(took[pipeline.name], [50, 95])
        line = f"{pipeline.name:36} median {p50:7.2f} ms  p95 {p95:7.2f} ms  {p50 / ours:6.1f} times ours"
        hits = right[pipeline.name]
        # For context only: so few windows say little. Ours knows these speakers; its card tells of others.
        told = f"; recall {_recall(hits):.2f}" if windows.labelled and pipeline is not pipelines[0] else ""
        print(f"{line}  ({pipeline.versions}{told})")


def _measured(
    pipelines: list[Pipeline], windows: list[Window]
) -> tuple[dict[str, list[float]], dict[str, list[tuple[str, bool]]]]:
    """Let all score all windows, some at a time and in turn, so that a slow moment of the machine meets each."""
    took: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for start in range(0, len(windows), TURN):
        for pipeline in pipelines:
            for window in windows[start : start + TURN]:
                began = time.perf_counter()
                label = pipeline.score(window.samples)
                took[pipeline.name].append((time.perf_counter() - began) * 1000)
                right[pipeline.name].append((window.label, label == window.label))
    return took, right


def _recall(hits: list[tuple[str, bool]]) -> float:
    """Return the recall of a label, averaged over labels."""
    labels = {label for label, _ in hits}
    return float(np.mean([np.mean([hit for label, hit in hits if label == each]) for each in labels]))
