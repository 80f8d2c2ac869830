"""The network: residual convolutions over log-mel frames, pooled by attention. About 0.6 M parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .corpora import LABELS

BANDS = 40
FLOOR = 1e-4
"""Least variance under a root, so that gradients stay finite on a segment of one frame."""
SCALE = 4.0
"""Natural-log energies of speech deviate by about this much from their mean."""


class Residual(nn.Module):
    """A dilated convolution added to its input."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Dropout(dropout),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Return ``float32[batch, width, frames]`` of the same shape."""
        changed: Tensor = self.body(frames)
        return frames + changed


class Pool(nn.Module):
    """Attentive statistics: the weighted mean and deviation of each channel over time (Okabe et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.Conv1d(width, 64, 1), nn.Tanh(), nn.Conv1d(64, width, 1))

    def forward(self, frames: Tensor) -> Tensor:
        """Turn ``float32[batch, width, frames]`` into ``float32[batch, 2 * width]``."""
        weights = torch.softmax(self.attend(frames), dim=2)
        mean = (weights * frames).sum(dim=2)
        spread = (weights * (frames - mean.unsqueeze(2)) ** 2).sum(dim=2)
        return torch.cat([mean, (spread + FLOOR).sqrt()], dim=1)


class Stem(nn.Module):
    """Two small 2-D convolutions: a pattern of harmonics is the same one at another pitch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bands = nn.Sequential(
            nn.Conv2d(1, 24, (5, 5), stride=(2, 2), padding=2, bias=False),
            nn.BatchNorm2d(24),
            nn.GELU(),
            nn.Conv2d(24, 32, 3, stride=(2, 2), padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.GELU(),
        )
        self.join = nn.Sequential(nn.Conv1d(32 * BANDS // 4, width, 1, bias=False), nn.BatchNorm1d(width), nn.GELU())

    def forward(self, features: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, bands]`` into ``float32[batch, width, ceil(frames / 4)]``."""
        maps = self.bands(features.unsqueeze(1))
        flat: Tensor = maps.permute(0, 1, 3, 2).flatten(1, 2)
        joined: Tensor = self.join(flat)
        return joined


class Compact(nn.Module):
    """Log-mel features of one or more segments of equal length to the logits of the seven emotions."""

    def __init__(self, width: int = 160, dropout: float = 0.25, labels: int = len(LABELS)) -> None:
        super().__init__()
        self.stem = Stem(width)
        self.blocks = nn.Sequential(*(Residual(width, dilation, dropout / 2) for dilation in (1, 2, 1, 4, 1)))
        self.pool = Pool(width)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * width, labels))

    def forward(self, features: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, bands]`` into ``float32[batch, labels]``."""
        # Each band's mean over the segment goes out, and with it gain, microphone and line.
        centred = (features - features.mean(dim=1, keepdim=True)) / SCALE
        logits: Tensor = self.head(self.pool(self.blocks(self.stem(centred))))
        return logits


def parameters(network: nn.Module) -> int:
    """Return how many numbers a network has learned."""
    return sum(weights.numel() for weights in network.parameters())
