"""What a model hears in the material of its card: what a service compares its calls with (``undervoice.drift``).

The labels are those that the study's folds detected, each in speakers unknown to it; a released model has heard them
all and would say what it was taught. Levels and noise are measured by the product's own code on the same recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from undervoice.drift import quantiles
from undervoice.features import quality

from .calibration import Array
from .corpora import Clip
from .served import cut_recording, open_recording
from .study import Verdict
from .workers import spread_work

SOURCE = (
    "acted speech in studios, not calls: what the folds' models detected in speakers unknown to them, and the levels "
    "of the same recordings ({corpora}), cut by the product's own segmenter"
)

MANY = 1000
"""Clips from which on other processes are worth their start: one takes 5 ms."""


def measure(clip: Clip) -> list[tuple[float, float]]:
    """Return the level in dBFS and the signal-to-noise ratio in dB of each segment that the service would score."""
    segments, heard = cut_recording(open_recording(clip.path))
    found = [quality(segment) for segment in segments] if heard else []
    return [(one.level_dbfs, one.snr_db) for one in found]


def reference_of(
    verdicts: Sequence[Verdict], temperature: float, abstain_below: float, labels: Sequence[str]
) -> dict[str, Any]:
    """Return the reference of a kind of network by its folds' verdicts and its calibration."""
    said: Array = np.concatenate([verdict.studio.segments(temperature) for verdict in verdicts])
    counts = Counter(labels[place] for place in said.argmax(axis=1))
    clips = [clip for verdict in verdicts for clip in verdict.clips]
    measured = spread_work(measure, clips, workers=1 if len(clips) < MANY else None)
    levels, ratios = zip(*(row for rows in measured for row in rows), strict=True)
    return {
        "made_from": SOURCE.format(corpora=", ".join(sorted({clip.corpus for clip in clips}))),
        "segments": len(said),
        "emotions": {label: round(counts[label] / len(said), 4) for label in labels},
        "uncertain": round(float(np.mean(said.max(axis=1) < abstain_below)), 4),
        "level_dbfs": [round(value, 1) for value in quantiles(levels)],
        "snr_db": [round(value, 1) for value in quantiles(ratios)],
    }
