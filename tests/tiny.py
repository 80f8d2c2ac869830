"""A tiny real ONNX graph in a real model folder: the mean features through one matrix and a softmax."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper, save

from undervoice.emotion import Emotion

FEATURES = {
    "logfbank": {"kind": "logfbank", "bands": 40, "sample_rate": 16000, "frame": 400, "hop": 160, "nfft": 512},
    "log_mel": {"kind": "log_mel", "bands": 80, "sample_rate": 16000, "frame": 400, "hop": 160, "nfft": 400},
}
Padding = Literal["masked", "leaks", "none"]
"""What a graph does with padding: leaves it out, takes it for speech, or takes no ``lengths`` at all."""


def write_tiny_model(
    folder: Path,
    *,
    labels: tuple[str, ...] = tuple(Emotion),
    kind: str = "logfbank",
    padding: Padding = "masked",
    seed: int = 7,
    **sidecar: object,
) -> Path:
    """Write ``model.onnx`` and ``model.json``; keyword arguments replace fields of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    features: dict[str, Any] = FEATURES[kind]
    weights = np.random.default_rng(seed).normal(0, 0.05, (features["bands"], len(labels))).astype(np.float32)
    nodes = [
        *(_masked_mean() if padding == "masked" else _plain_mean()),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    lengths = [helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"])]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", features["bands"]]),
            *(lengths if padding != "none" else []),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(labels)])],
        [numpy_helper.from_array(weights, "weights"), *(_number(name, n) for name, n in NUMBERS.items())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    save(model, str(folder / "model.onnx"))
    described = {
        "name": "tiny",
        "version": "1",
        "labels": list(labels),
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "features": features,
        "abstain_below": 0.2,
        "licence": "Apache-2.0",
        "metrics": {},
        "data": [],
    }
    (folder / "model.json").write_text(json.dumps(described | sidecar))
    (folder / "card.md").write_text("# tiny\n")
    return folder


NUMBERS: dict[str, int | list[int]] = {"zero": 0, "one": 1, "axis_1": [1], "axis_2": [2]}


def _number(name: str, value: int | list[int]) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.int64), name)


def _plain_mean() -> list[NodeProto]:
    return [helper.make_node("ReduceMean", ["features"], ["mean"], axes=[1], keepdims=0)]


def _masked_mean() -> list[NodeProto]:
    """Return the mean over each row's first ``lengths`` frames."""
    return [
        helper.make_node("Shape", ["features"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["frames"]),
        helper.make_node("Range", ["zero", "frames", "one"], ["places"]),
        helper.make_node("Unsqueeze", ["lengths", "axis_1"], ["ends"]),
        helper.make_node("Less", ["places", "ends"], ["inside"]),
        helper.make_node("Cast", ["inside"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["ones", "axis_2"], ["mask"]),
        helper.make_node("Mul", ["features", "mask"], ["heard"]),
        helper.make_node("ReduceSum", ["heard", "axis_1"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["ends"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
    ]
