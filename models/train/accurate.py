"""The accurate network: the lower layers of a Whisper encoder, mixed, pooled by attention, and a small head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .encoder import Encoder
from .masks import attended

ATTENTION = 128
HIDDEN = 256


class Accurate(nn.Module):
    """Whisper's log-mel frames of segments to the logits of emotions."""

    kind = "log_mel"
    """The features it takes."""

    def __init__(self, encoder: Encoder, labels: Sequence[str], dropout: float = 0.3) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.encoder = encoder
        width, layers = encoder.width, len(encoder.layers)
        # Emotion lies in the middle of the encoder, so the topmost layer kept begins with most of the say.
        self.shares = nn.Parameter(torch.tensor([-1.0] * layers + [1.0]))
        self.norm = nn.LayerNorm(width)
        self.attend = nn.Sequential(nn.Linear(width, ATTENTION), nn.Tanh(), nn.Linear(ATTENTION, width))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * width, HIDDEN), nn.GELU(), nn.Dropout(dropout))
        self.answer = nn.Linear(HIDDEN, len(labels))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, 80]`` and ``int64[batch]`` into ``float32[batch, labels]``."""
        outputs, halves = self.encoder(features, lengths)
        shares = torch.softmax(self.shares, dim=0)
        mixed = sum(shares[number] * output for number, output in enumerate(outputs))
        vectors = self.norm(mixed)
        logits: Tensor = self.answer(self.head(attended(vectors, self.attend(vectors), halves)))
        return logits
