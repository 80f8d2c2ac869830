"""Scores of clips by a network, segment by segment, as the product would give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .calibration import Array, softmax
from .corpora import Clip
from .examples import Half, Heard

TOGETHER = 32
"""Segments scored at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a network says of the segments of some clips, before calibration."""

    logits: Array
    """``float64[segments, labels]``."""
    owner: np.ndarray[tuple[int], np.dtype[np.int64]]
    """Each segment's clip, by its place."""
    weights: np.ndarray[tuple[int], np.dtype[np.float64]]
    """Each segment's length."""

    def segments(self, temperature: float) -> Array:
        """Return each segment's probabilities, ``float64[segments, labels]``."""
        return softmax(self.logits / temperature)

    def clips(self, temperature: float) -> Array:
        """Return each clip's probabilities: the mean over its segments, weighted by duration."""
        total = np.zeros((int(self.owner.max()) + 1, self.logits.shape[1]))
        np.add.at(total, self.owner, self.weights[:, None] * self.segments(temperature))
        return np.asarray(total / total.sum(axis=1, keepdims=True))


@torch.no_grad()
def score_pieces(network: nn.Module, pieces: Sequence[Half]) -> Array:
    """Return the logits of segments, ``float64[segments, labels]``; neighbours in length share a batch."""
    order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
    rows: dict[int, Array] = {}
    for start in range(0, len(order), TOGETHER):
        part = order[start : start + TOGETHER]
        lengths = [len(pieces[index]) for index in part]
        inputs = np.zeros((len(part), max(lengths), pieces[part[0]].shape[1]), np.float32)
        for row, index in enumerate(part):
            inputs[row, : lengths[row]] = pieces[index]
        answers = network(torch.from_numpy(inputs), torch.tensor(lengths)).double().numpy()
        rows |= dict(zip(part, answers, strict=True))
    return np.stack([rows[index] for index in range(len(pieces))])


def say_of(network: nn.Module, kind: str, clips: Sequence[Clip], heard: Mapping[Path, Heard]) -> Said:
    """Return what a network that takes features of a kind says of the clips' segments."""
    pieces = [piece for clip in clips for piece in heard[clip.path].pieces[kind]]
    return said_of(score_pieces(network, pieces), clips, {clip.path: heard[clip.path].weights for clip in clips})


def said_of(logits: Array, clips: Sequence[Clip], lengths: Mapping[Path, Sequence[float]]) -> Said:
    """Return logits of all segments together with whose they are, and how long."""
    owner = [number for number, clip in enumerate(clips) for _ in lengths[clip.path]]
    weights = [length for clip in clips for length in lengths[clip.path]]
    return Said(logits.astype(np.float64), np.array(owner, np.int64), np.array(weights, np.float64))
