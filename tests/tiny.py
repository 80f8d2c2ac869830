"""A tiny real ONNX graph in a real model folder: the mean features through one matrix and a softmax."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from undervoice.emotion import Emotion

BANDS = 40


def write_tiny_model(folder: Path, *, labels: tuple[str, ...] = tuple(Emotion), **sidecar: object) -> Path:
    """Write ``model.onnx`` and ``model.json``; keyword arguments replace fields of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(7).normal(0, 0.05, (BANDS, len(labels))).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", BANDS])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(labels)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    save(model, str(folder / "model.onnx"))
    described = {
        "name": "tiny",
        "version": "1",
        "labels": list(labels),
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "features": {"kind": "logfbank", "bands": BANDS, "sample_rate": 16000, "frame": 400, "hop": 160, "nfft": 512},
        "abstain_below": 0.2,
        "licence": "Apache-2.0",
        "metrics": {},
        "data": [],
    }
    (folder / "model.json").write_text(json.dumps(described | sidecar))
    (folder / "card.md").write_text("# tiny\n")
    return folder
