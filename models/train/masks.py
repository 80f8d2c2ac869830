"""Batches of segments of different lengths: what is padding must not be heard."""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 1e-4
"""Least variance under a root, so that gradients stay finite on a segment of one frame."""


def keep(frames: Tensor, lengths: Tensor) -> Tensor:
    """Return ``bool[batch, frames]``: True where a row of ``[batch, frames, …]`` is no padding."""
    return torch.arange(frames.shape[1], device=frames.device)[None, :] < lengths[:, None]


def masked(frames: Tensor, lengths: Tensor) -> Tensor:
    """Return ``[batch, frames, width]`` with zeros for padding."""
    return frames * keep(frames, lengths)[:, :, None].to(frames.dtype)


def mean_of(frames: Tensor, lengths: Tensor) -> Tensor:
    """Return each row's mean over its own frames, ``[batch, 1, width]``."""
    return masked(frames, lengths).sum(dim=1, keepdim=True) / lengths[:, None, None].to(frames.dtype)


def moments(frames: Tensor, lengths: Tensor) -> Tensor:
    """Return each row's mean and deviation over its own frames, ``[batch, 2 * width]``."""
    mean = mean_of(frames, lengths)
    spread = mean_of((frames - mean) ** 2, lengths)
    return torch.cat([mean, (spread + FLOOR).sqrt()], dim=2)[:, 0]


def attended(frames: Tensor, weights: Tensor, lengths: Tensor) -> Tensor:
    """Return the weighted mean and deviation over time, ``[batch, 2 * width]`` (Okabe et al. 2018).

    Args:
        frames: ``[batch, frames, width]``.
        weights: of the same shape, before the softmax over time.
    """
    hidden = ~keep(frames, lengths)[:, :, None]
    shares = torch.softmax(weights.masked_fill(hidden, float("-inf")), dim=1)
    heard = frames.masked_fill(hidden, 0.0)
    mean = (shares * heard).sum(dim=1)
    spread = (shares * (heard - mean[:, None]) ** 2).sum(dim=1)
    return torch.cat([mean, (spread + FLOOR).sqrt()], dim=1)
