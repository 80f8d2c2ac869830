"""The accurate network: the lower layers of a Whisper encoder, their mean and deviation over time, and a few heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .encoder import Encoder
from .masks import moments

HEADS = 4
"""Heads that begin differently and are averaged: alone each is a point or so worse."""


class Accurate(nn.Module):
    """Whisper's log-mel frames of segments to the logits of emotions.

    Args:
        hidden: numbers in the one hidden layer of a head.
    """

    kind = "log_mel"
    """The features it takes."""

    def __init__(self, encoder: Encoder, labels: Sequence[str], hidden: int = 256, dropout: float = 0.4) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.encoder = encoder
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.zeros(2 * encoder.width))
        self.register_buffer("scale", torch.ones(2 * encoder.width))
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * encoder.width, hidden), nn.GELU(), nn.Dropout(dropout))
            for _ in range(HEADS)
        )
        self.answers = nn.ModuleList(nn.Linear(hidden, len(labels)) for _ in range(HEADS))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, 80]`` and ``int64[batch]`` into ``float32[batch, labels]``."""
        return self.opinions(self.vectors(features, lengths)).mean(dim=0)

    def vectors(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Return what the encoder hears: mean and deviation over time, ``float32[batch, 2 * width]``."""
        outputs, halves = self.encoder(features, lengths)
        return moments(outputs[-1].float(), halves)

    def opinions(self, vectors: Tensor) -> Tensor:
        """Return each head's logits, ``float32[heads, batch, labels]``."""
        inputs = (vectors - self.centre) / self.scale
        return torch.stack([answer(head(inputs)) for head, answer in zip(self.heads, self.answers, strict=True)])

    @torch.no_grad()
    def begin_from(self, start: Accurate) -> None:
        """Copy a trained network's weights; what it knows of a label goes where that label now stands."""
        self.encoder.load_state_dict(start.encoder.state_dict())
        self.heads.load_state_dict(start.heads.state_dict())
        self.centre.copy_(start.centre)
        self.scale.copy_(start.scale)
        for ours, theirs in zip(self.answers, start.answers, strict=True):
            for place, label in enumerate(self.labels):
                if label in start.labels:
                    was = start.labels.index(label)
                    ours.weight[place] = theirs.weight[was]  # type: ignore[index, operator]
                    ours.bias[place] = theirs.bias[was]  # type: ignore[index, operator]
