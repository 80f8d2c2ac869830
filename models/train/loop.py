"""The training loop: seeded, balanced, with crops, masks, mixup and averaged weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .corpora import LABELS, Clip
from .examples import Half, Heard
from .network import Compact
from .recipe import Recipe

Report = Callable[[int, float, Compact], None]
"""Called after each epoch with its number, its mean loss and the network."""
Batch = tuple[Tensor, Tensor]
"""``float32[batch, frames, bands]`` and soft targets ``float32[batch, labels]``."""


def draw_weights(clips: Sequence[Clip], balance: float) -> npt.NDArray[np.float64]:
    """Return each clip's chance to be drawn, ``float64[clips]``."""
    counts = Counter((clip.corpus, clip.label) for clip in clips)
    weights = np.array([counts[clip.corpus, clip.label] ** -balance for clip in clips], np.float64)
    return np.asarray(weights / weights.sum())


def crop(features: Half, frames: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return ``frames`` frames from a random place, with one masked band and one masked stretch of time."""
    start = int(rng.integers(len(features) - frames + 1))
    piece = features[start : start + frames].astype(np.float32)
    fill = piece.mean()
    low, wide = int(rng.integers(40)), int(rng.integers(7))
    piece[:, low : low + wide] = fill
    early, long = int(rng.integers(frames)), int(rng.integers(1 + frames // 8))
    piece[early : early + long] = fill
    return piece


def batches(
    clips: Sequence[Clip], heard: Mapping[Path, Heard], recipe: Recipe, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield one epoch of batches, each of segments of one length (nothing is padded)."""
    chosen = rng.choice(len(clips), recipe.epoch_clips, p=draw_weights(clips, recipe.balance))
    drawn = []
    for index in chosen:
        pieces = heard[clips[index].path].pieces
        drawn.append((pieces[rng.integers(len(pieces))], clips[index].target))
    # Clips of similar length share a batch, so that little of a long one is lost to a short neighbour.
    drawn.sort(key=lambda pair: min(len(pair[0]), recipe.longest) + rng.integers(40))
    groups = [drawn[start : start + recipe.batch] for start in range(0, len(drawn), recipe.batch)]
    for number in rng.permutation(len(groups)):
        group = groups[number]
        most = min(recipe.longest, *(len(features) for features, _ in group))
        least = min(recipe.shortest, most)
        frames = int(max(rng.integers(least, most + 1), rng.integers(least, most + 1)))
        inputs = np.stack([crop(features, frames, rng) for features, _ in group])
        yield torch.from_numpy(inputs), soft_targets([target for _, target in group], recipe.smoothing)


def soft_targets(targets: Sequence[int], smoothing: float) -> Tensor:
    """Return label-smoothed targets, ``float32[batch, labels]``."""
    rows = torch.full((len(targets), len(LABELS)), smoothing / len(LABELS))
    rows[torch.arange(len(targets)), torch.tensor(targets)] += 1 - smoothing
    return rows


def mix(batch: Batch, strength: float, rng: np.random.Generator) -> Batch:
    """Blend every segment with another one of its batch, and their targets likewise."""
    inputs, targets = batch
    share = float(rng.beta(strength, strength)) if strength else 1.0
    share = max(share, 1 - share)
    order = torch.from_numpy(rng.permutation(len(inputs)))
    # Without its means, so that the louder of two recordings does not cover the other one.
    centred = inputs - inputs.mean(dim=1, keepdim=True)
    return share * centred + (1 - share) * centred[order], share * targets + (1 - share) * targets[order]


def train(clips: Sequence[Clip], heard: Mapping[Path, Heard], recipe: Recipe, report: Report | None = None) -> Compact:
    """Train a network on the clips' variants and return it with averaged weights, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    rng = np.random.default_rng(recipe.seed)
    network = Compact(recipe.width, recipe.dropout)
    averaged = AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(recipe.average),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )
    steps = recipe.epochs * -(-recipe.epoch_clips // recipe.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps, pct_start=0.2)
    for epoch in range(recipe.epochs):
        network.train()
        losses = []
        for batch in batches(clips, heard, recipe, rng):
            inputs, targets = mix(batch, recipe.mixup, rng)
            loss = cross_entropy(network(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            averaged.update_parameters(network)
            losses.append(float(loss.detach()))
        if report:
            report(epoch, float(np.mean(losses)), settled(averaged))
    return settled(averaged)


def settled(averaged: AveragedModel) -> Compact:
    """Return the averaged network, ready to answer."""
    return cast(Compact, averaged.module.eval())
