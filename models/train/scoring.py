"""Scores of clips by a network, segment by segment, as the product would give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from .calibration import Array, softmax
from .corpora import LABELS, Clip
from .examples import Half, Heard
from .metrics import Targets
from .network import Compact

TOGETHER = 64
"""Segments of one length scored at once."""


@torch.no_grad()
def score_pieces(network: Compact, pieces: Sequence[Half]) -> Array:
    """Return the logits of segments, ``float64[segments, labels]``; only equal lengths share a batch."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        by_length[len(piece)].append(index)
    logits = np.zeros((len(pieces), len(LABELS)))
    for places in by_length.values():
        for start in range(0, len(places), TOGETHER):
            part = places[start : start + TOGETHER]
            inputs = np.stack([pieces[index] for index in part]).astype(np.float32)
            logits[part] = network(torch.from_numpy(inputs)).numpy()
    return logits


def segment_logits(network: Compact, clips: Sequence[Clip], heard: Mapping[Path, Heard]) -> tuple[Array, Targets]:
    """Return the logits of all segments of the clips and each one's target."""
    pieces = [piece for clip in clips for piece in heard[clip.path].pieces]
    targets = [clip.target for clip in clips for _ in heard[clip.path].pieces]
    return score_pieces(network, pieces), np.array(targets, np.int64)


def score_clips(
    network: Compact, clips: Sequence[Clip], heard: Mapping[Path, Heard], temperature: float
) -> tuple[Array, Targets]:
    """Return the probabilities of whole clips, ``float64[clips, labels]``, and their targets.

    A clip's probabilities are the mean over its segments, weighted by duration.
    """
    logits, _ = segment_logits(network, clips, heard)
    segments = softmax(logits / temperature)
    rows, done = np.zeros((len(clips), len(LABELS))), 0
    for row, clip in enumerate(clips):
        weights = np.array(heard[clip.path].weights)
        rows[row] = weights @ segments[done : done + len(weights)] / weights.sum()
        done += len(weights)
    return rows, np.array([clip.target for clip in clips], np.int64)
