"""A trained network as an ONNX graph that answers calibrated probabilities."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from undervoice.errors import BadModel

from .workshop import Network

OPSET = 17
TOLERANCE = 2e-3
"""Most by which graph and network may differ in a probability: the graph keeps its large weights in half precision."""
LEAK = 1e-5
"""Most by which padding may move a probability."""
LARGE = 4096
"""Numbers from which on an array is kept in half precision."""


class Calibrated(nn.Module):
    """A network whose answers are divided by the temperature and turned into probabilities."""

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Turn ``float32[batch, frames, bands]`` and ``int64[batch]`` into ``float32[batch, labels]`` that sum to 1."""
        return torch.softmax(self.network(features, lengths) / self.temperature, dim=1)


def to_onnx(network: Network, temperature: float, bands: int) -> bytes:
    """Return the graph ``features, lengths`` → ``probabilities``, batch and frames dynamic.

    Raises:
        BadModel: when the graph does not answer what the network answers, or lets padding leak.
    """
    module = Calibrated(network, temperature).cpu().eval()
    buffer = io.BytesIO()
    example = (torch.zeros(2, 120, bands), torch.tensor([120, 90]))
    with warnings.catch_warnings():
        # The TorchScript exporter announces its retirement and what it will trace; its successor needs
        # onnxscript for nothing gained here, and what was traced is compared below.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            module,
            example,
            buffer,  # type: ignore[arg-type]  # the TorchScript exporter writes to any file-like object
            dynamo=False,
            opset_version=OPSET,
            # Folding would rename the weights, from which another training may begin; onnxruntime folds when it loads.
            do_constant_folding=False,
            input_names=["features", "lengths"],
            output_names=["probabilities"],
            dynamic_axes={
                "features": {0: "batch", 1: "frames"},
                "lengths": {0: "batch"},
                "probabilities": {0: "batch"},
            },
        )
    graph = shrink(buffer.getvalue())
    check(graph, module, bands)
    return graph


def shrink(graph: bytes) -> bytes:
    """Return the graph with its large weights in half precision, made whole again when it is loaded.

    That halves the file; arithmetic stays in single precision and as fast, since the casts of constants are folded.
    """
    model = onnx.load_from_string(graph)
    kept, casts = [], []
    for array in model.graph.initializer:
        if array.data_type == TensorProto.FLOAT and np.prod(array.dims) >= LARGE:
            half = numpy_helper.to_array(array).astype(np.float16)
            kept.append(numpy_helper.from_array(half, f"{array.name}.half"))
            casts.append(helper.make_node("Cast", [f"{array.name}.half"], [array.name], to=TensorProto.FLOAT))
        else:
            kept.append(array)
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    shrunk: bytes = model.SerializeToString()
    return shrunk


def weights_of(graph: Path) -> dict[str, Tensor]:
    """Return the learned weights of an exported accurate network, by their names in it.

    A compact one's are not all there: the exporter joins convolutions with the normalisation after them.
    """
    arrays = {array.name: numpy_helper.to_array(array) for array in onnx.load(str(graph)).graph.initializer}
    named = {name.removesuffix(".half").removeprefix("network."): array for name, array in arrays.items()}
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in named.items() if array.ndim}


def open_graph(graph: bytes | Path) -> ort.InferenceSession:
    """Return a session on one thread, as the service runs it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else graph.read_bytes()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def check(graph: bytes, module: nn.Module, bands: int, frames: Sequence[int] = (1, 2, 3, 49, 150, 249, 250)) -> None:
    """Compare graph and network on segments of several lengths, alone and in one batch."""
    session = open_graph(graph)
    rng = np.random.default_rng(0)
    # White noise of the features' own scale, as each segment alone and all of them padded to the longest.
    batch = np.zeros((len(frames), max(frames), bands), np.float32)
    for row, count in enumerate(frames):
        batch[row, :count] = rng.normal(0, 1, (count, bands))
    lengths = np.array(frames, np.int64)
    (together,) = session.run(["probabilities"], {"features": batch, "lengths": lengths})
    expected = module(torch.from_numpy(batch), torch.from_numpy(lengths)).numpy()
    if np.abs(together - expected).max() > TOLERANCE:
        raise BadModel("the exported graph differs from the network")
    for row, count in enumerate(frames):
        inputs = {"features": batch[row : row + 1, :count], "lengths": lengths[row : row + 1]}
        (alone,) = session.run(["probabilities"], inputs)
        if np.abs(alone[0] - together[row]).max() > LEAK:
            raise BadModel(f"padding leaks into a segment of {count} frames")
