"""The compact network: residual convolutions over log filter-bank frames, pooled by attention."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .masks import attended, masked, mean_of

BANDS = 40
SCALE = 4.0
"""Natural-log energies of speech deviate by about this much from their mean."""


class Residual(nn.Module):
    """A dilated convolution added to its input."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.rest = nn.Sequential(nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return ``float32[batch, frames, width]`` of the same shape, zeros for padding."""
        changed = self.rest(self.conv(frames.transpose(1, 2))).transpose(1, 2)
        return masked(frames + changed, lengths)


class Stem(nn.Module):
    """Two small 2-D convolutions: a pattern of harmonics is the same one at another pitch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            nn.Conv2d(1, 24, (5, 5), stride=(2, 2), padding=2, bias=False), nn.BatchNorm2d(24), nn.GELU()
        )
        self.coarse = nn.Sequential(
            nn.Conv2d(24, 32, 3, stride=(2, 2), padding=1, bias=False), nn.BatchNorm2d(32), nn.GELU()
        )
        self.join = nn.Sequential(nn.Conv1d(32 * BANDS // 4, width, 1, bias=False), nn.BatchNorm1d(width), nn.GELU())

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Turn ``float32[batch, frames, 40]`` into ``[batch, ceil(frames / 4), width]`` and its lengths."""
        halves = (lengths + 1) // 2
        maps = self.fine(features.unsqueeze(1))
        batch, channels, frames, bands = maps.shape
        # Masked as one row of numbers a frame, then given its shape back.
        rows = masked(maps.permute(0, 2, 1, 3).reshape(batch, frames, channels * bands), halves)
        maps = self.coarse(rows.reshape(batch, frames, channels, bands).permute(0, 2, 1, 3))
        quarters = (halves + 1) // 2
        joined = self.join(maps.permute(0, 1, 3, 2).flatten(1, 2)).transpose(1, 2)
        return masked(joined, quarters), quarters


class Compact(nn.Module):
    """Log filter-bank frames of segments to the logits of emotions."""

    kind = "logfbank"
    """The features it takes."""

    def __init__(self, labels: Sequence[str], width: int = 160, dropout: float = 0.25) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.stem = Stem(width)
        self.blocks = nn.ModuleList(Residual(width, dilation, dropout / 2) for dilation in (1, 2, 1, 4, 1))
        self.attend = nn.Sequential(nn.Linear(width, 64), nn.Tanh(), nn.Linear(64, width))
        self.drop = nn.Dropout(dropout)
        self.answer = nn.Linear(2 * width, len(labels))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, 40]`` and ``int64[batch]`` into ``float32[batch, labels]``."""
        # Each band's mean over the segment goes out, and with it gain, microphone and line.
        centred = masked((features - mean_of(features, lengths)) / SCALE, lengths)
        frames, quarters = self.stem(centred, lengths)
        for block in self.blocks:
            frames = block(frames, quarters)
        logits: Tensor = self.answer(self.drop(attended(frames, self.attend(frames), quarters)))
        return logits


def parameters(network: nn.Module) -> int:
    """Return how many numbers a network has learned."""
    return sum(weights.numel() for weights in network.parameters())
