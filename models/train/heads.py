"""The heads of an accurate network, learned from vectors that its encoder gave once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .accurate import Accurate
from .corpora import Clip
from .lessons import spread_target
from .loop import chances
from .recipe import AccurateRecipe
from .vectors import Vectors

LEAST_SCALE = 1e-3
"""A number that never changes must not be blown up."""


def standardise(network: Accurate, vectors: Vectors) -> None:
    """Let the network take each number by how far it lies from its mean over the training vectors."""
    network.centre.copy_(torch.from_numpy(vectors.mean(axis=0)))
    network.scale.copy_(torch.from_numpy(np.maximum(vectors.std(axis=0), LEAST_SCALE)))


def learn_heads(
    network: Accurate,
    clips: Sequence[Clip],
    vectors: Mapping[Path, Vectors],
    recipe: AccurateRecipe,
    seed: int,
    note: Callable[[int, float], None] | None = None,
) -> Accurate:
    """Train the heads on all variants of the clips and return the network, ready to answer.

    Args:
        note: called after each epoch with its number and its mean loss.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    inputs = torch.from_numpy(np.concatenate([vectors[clip.path] for clip in clips]))
    counts = [len(vectors[clip.path]) for clip in clips]
    goals = [spread_target(clip.label, network.labels, recipe.smoothing) for clip in clips]
    targets = torch.from_numpy(np.repeat(np.stack(goals), counts, axis=0))
    share = np.repeat(chances(clips, recipe.hearing.balance) / np.array(counts), counts)
    weights = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(inputs) // recipe.batch)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps, pct_start=0.1)
    network.train()
    for epoch in range(recipe.epochs):
        order = torch.from_numpy(rng.choice(len(inputs), len(inputs), p=share / share.sum()))
        losses = []
        for rows in order.split(recipe.batch):  # type: ignore[no-untyped-call]
            opinions = network.opinions(inputs[rows])
            # Each head is told for itself: what they learn must differ for their mean to be worth anything.
            loss = torch.stack([cross_entropy(opinion, targets[rows]) for opinion in opinions]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
            losses.append(float(loss.detach()))
        if note:
            note(epoch + 1, float(np.mean(losses)))
    return network.eval()
