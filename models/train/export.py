"""A trained network as an ONNX graph that answers calibrated probabilities."""

from __future__ import annotations

import io
import os
import platform
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from undervoice.errors import BadModel

from .network import BANDS, Compact

OPSET = 17
TOLERANCE = 1e-4
"""Most by which graph and network may differ in a probability."""


class Calibrated(nn.Module):
    """A network whose answers are divided by the temperature and turned into probabilities."""

    def __init__(self, network: Compact, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, features: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, bands]`` into ``float32[batch, labels]`` that sum to 1."""
        return torch.softmax(self.network(features) / self.temperature, dim=1)


def to_onnx(network: Compact, temperature: float) -> bytes:
    """Return the graph ``features`` → ``probabilities``, batch and frames dynamic.

    Raises:
        BadModel: when the graph does not answer what the network answers.
    """
    module = Calibrated(network, temperature).eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter announces its retirement; its successor needs onnxscript for nothing gained here.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module,
            (torch.zeros(2, 120, BANDS),),
            buffer,  # type: ignore[arg-type]  # the TorchScript exporter writes to any file-like object
            dynamo=False,
            opset_version=OPSET,
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_axes={"features": {0: "batch", 1: "frames"}, "probabilities": {0: "batch"}},
        )
    graph = buffer.getvalue()
    check(graph, module)
    return graph


def open_graph(graph: bytes | Path) -> ort.InferenceSession:
    """Return a session on one thread, as the service runs it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else graph.read_bytes()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def check(graph: bytes, module: nn.Module, lengths: Sequence[int] = (1, 2, 49, 150, 249)) -> None:
    """Compare graph and network on segments of several lengths, single frames included."""
    session = open_graph(graph)
    rng = np.random.default_rng(0)
    for frames in lengths:
        features = rng.normal(8, 4, (3, frames, BANDS)).astype(np.float32)
        (answer,) = session.run(["probabilities"], {"features": features})
        if np.abs(answer - module(torch.from_numpy(features)).numpy()).max() > TOLERANCE:
            raise BadModel(f"the exported graph differs from the network on {frames} frames")


def processor() -> str:
    """Return what latencies were measured on, such as ``2 cores of …``."""
    place = Path("/proc/cpuinfo")
    lines = place.read_text(encoding="utf-8").splitlines() if place.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"


def latency_ms(graph: bytes, frames: int = 249, runs: int = 200) -> float:
    """Return the median time of one segment on one thread, in milliseconds."""
    session = open_graph(graph)
    features = np.random.default_rng(0).normal(8, 4, (1, frames, BANDS)).astype(np.float32)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(["probabilities"], {"features": features})
        times.append(time.perf_counter() - start)
    return round(1000 * float(np.median(times)), 2)
