"""The lower layers of Whisper's encoder (Radford et al. 2022), with padding masked everywhere.

Weights come from a ``.npz`` of arrays named as below, or from an accurate model in service:
``encoder.conv{1,2}``, ``encoder.layer_N.self_attention.{layer_norm,linear_0,linear_1}`` (query, key
and value stacked; output), ``encoder.layer_N.ffn.{layer_norm,linear_0,linear_1}``,
``encoder.position_encodings.encodings``; linear weights are (out, in).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from undervoice.errors import BadInput

from .masks import keep, masked

BANDS = 80
HEAD = 64
"""Numbers of a vector in each attention head, in Whisper of every size."""
PLACES = 256
"""Position encodings kept: segments of up to 5 s, the longest a call may ask for."""

Arrays = dict[str, npt.NDArray[Any]]


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn_in = nn.Linear(width, 4 * width)
        self.ffn_out = nn.Linear(4 * width, width)

    def forward(self, frames: Tensor, hidden: Tensor) -> Tensor:
        """Return ``float32[batch, frames, width]``; ``hidden`` ``[batch, 1, 1, frames]`` is −∞ on padding."""
        batch, length, width = frames.shape
        stacked = self.query_key_value(self.attention_norm(frames))
        parts = stacked.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        heard = scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=hidden.to(parts.dtype))
        heard = self.attention_out(heard.transpose(1, 2).reshape(batch, length, width))
        frames = frames + heard
        changed: Tensor = self.ffn_out(gelu(self.ffn_in(self.ffn_norm(frames))))
        return frames + changed


class Encoder(nn.Module):
    """Log-mel frames to one vector for each 20 ms, after the convolutions and after each layer.

    Args:
        width: numbers in a vector (tiny 384, base 512).
        heads: attention heads (tiny 6, base 8).
        layers: how many of the lowest layers to keep.
    """

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv1d(BANDS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.places: Tensor
        self.register_buffer("places", torch.zeros(PLACES, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """Turn ``float32[batch, frames, 80]`` into ``layers + 1`` of ``[batch, ceil(frames / 2), width]``.

        Returns:
            the vectors, and how many of each row's are not padding.
        """
        inputs = masked(features, lengths).transpose(1, 2)
        # What is padded must look to the second convolution like what lies past the end.
        first = masked(gelu(self.conv1(inputs)).transpose(1, 2), lengths).transpose(1, 2)
        halves = (lengths + 1) // 2
        vectors = gelu(self.conv2(first)).transpose(1, 2)
        vectors = vectors + self.places[: vectors.shape[1]]
        hidden = torch.where(keep(vectors, halves), 0.0, float("-inf"))[:, None, None, :]
        outputs = [vectors]
        for layer in self.layers:
            outputs.append(layer(outputs[-1], hidden))
        return outputs, halves


NAMES = {
    "attention_norm": "self_attention.layer_norm",
    "query_key_value": "self_attention.linear_0",
    "attention_out": "self_attention.linear_1",
    "ffn_norm": "ffn.layer_norm",
    "ffn_in": "ffn.linear_0",
    "ffn_out": "ffn.linear_1",
}
"""Our names and those of the arrays."""


def read_encoder(place: Path, layers: int) -> Encoder:
    """Return an encoder with the weights of a ``.npz``.

    Raises:
        BadInput: when the file is missing or holds something else.
    """
    try:
        with np.load(place) as file:
            arrays: Arrays = {key.removeprefix("encoder."): file[key] for key in file.files}
        width, heads = arrays["conv1.bias"].shape[0], int(arrays["num_heads"])
        encoder = Encoder(width, heads, layers)
        encoder.load_state_dict(named(arrays, layers))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise BadInput(f"{place}: no encoder weights with {layers} layers there ({error})") from error
    return encoder


def named(arrays: Arrays, layers: int) -> dict[str, Tensor]:
    """Return the arrays under the names of ``Encoder``."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(arrays[name].astype(np.float32))

    state = {"places": tensor("position_encodings.encodings")[:PLACES]}
    for conv in ("conv1", "conv2"):
        state |= {f"{conv}.{kind}": tensor(f"{conv}.{kind}") for kind in ("weight", "bias")}
    for number in range(layers):
        for ours, theirs in NAMES.items():
            kinds = ("gamma", "beta") if ours.endswith("norm") else ("weight", "bias")
            for kind, source in zip(("weight", "bias"), kinds, strict=True):
                state[f"layers.{number}.{ours}.{kind}"] = tensor(f"layer_{number}.{theirs}.{source}")
    return state
