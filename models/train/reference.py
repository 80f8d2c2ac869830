"""What a model hears in the material of its card: what a service compares its calls with (``undervoice.drift``).

The labels are those that were detected in speakers unknown to the network that judged them; one that has heard them
would say what it was taught. Levels and noise are measured by the product's own code on the same recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from undervoice.drift import quantiles
from undervoice.errors import UndervoiceError
from undervoice.features import quality

from .calibration import Array
from .corpora import Clip
from .served import cut_recording, open_recording
from .workers import spread_work

MANY = 1000
"""Clips from which on other processes are worth their start: one takes 5 ms."""


def measure(clip: Clip) -> list[tuple[float, float]]:
    """Return the level in dBFS and the signal-to-noise ratio in dB of each segment that the service would score."""
    try:
        segments, heard = cut_recording(open_recording(clip.path))
    except UndervoiceError:  # what could be trained on need not be a recording that the service takes
        return []
    found = [quality(segment) for segment in segments] if heard else []
    return [(one.level_dbfs, one.snr_db) for one in found]


def reference_of(
    said: Array, clips: Sequence[Clip], *, abstain_below: float, labels: Sequence[str], made_from: str
) -> dict[str, Any] | None:
    """Return a reference; nothing where the service would hear nobody in these clips.

    Args:
        said: probabilities of the clips' segments, ``float64[segments, labels]``.
        clips: whose they are.
        abstain_below: the top probability under which the model is unsure.
        labels: in the order of the columns.
        made_from: the material and who judged it, in words.
    """
    counts = Counter(labels[place] for place in said.argmax(axis=1))
    measured = spread_work(measure, clips, workers=1 if len(clips) < MANY else None)
    rows = [row for rows in measured for row in rows]
    if not rows:
        return None
    return {
        "made_from": made_from,
        "segments": len(said),
        "emotions": {label: round(counts[label] / len(said), 4) for label in labels},
        "uncertain": round(float(np.mean(said.max(axis=1) < abstain_below)), 4),
        "level_dbfs": [round(value, 1) for value in quantiles([level for level, _ in rows])],
        "snr_db": [round(value, 1) for value in quantiles([ratio for _, ratio in rows])],
    }
