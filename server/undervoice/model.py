"""A model in service: an ONNX graph and the sidecar file that describes it.

The folder holds ``model.onnx``, ``model.json`` (labels, features, sha256, figures, terms) and
``card.md``. The graph takes ``features`` ``float32[batch, frames, bands]`` and answers
``probabilities`` ``float32[batch, labels]``, calibrated.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort

from undervoice.emotion import SAMPLE_RATE, UPSET_WEIGHTS, Scores, Segment
from undervoice.errors import BadModel
from undervoice.features import FRAME, HOP, NFFT, Features, logfbank, quality
from undervoice.messages import ModelInfo
from undervoice.resources import ModelCard


class FeatureSpec(msgspec.Struct, frozen=True):
    """Which features the graph was trained on."""

    kind: str
    bands: int
    sample_rate: int = SAMPLE_RATE
    frame: int = FRAME
    hop: int = HOP
    nfft: int = NFFT


class Sidecar(msgspec.Struct, frozen=True):
    """``model.json``; fields that are not named here are for people."""

    name: str
    version: str
    labels: list[str]
    sha256: str
    features: FeatureSpec
    abstain_below: float
    licence: str
    upset_weights: dict[str, float] = msgspec.field(default_factory=lambda: dict(UPSET_WEIGHTS))
    metrics: dict[str, Any] = {}
    data: list[dict[str, Any]] = []


class Model:
    """Scores segments; may be called from several threads at once."""

    def __init__(self, sidecar: Sidecar, graph: bytes) -> None:
        self.sidecar = sidecar
        self.name, self.version, self.sha256 = sidecar.name, sidecar.version, sidecar.sha256
        self.labels = tuple(sidecar.labels)
        self.upset_weights = sidecar.upset_weights
        self.tag = f"{self.name}@{self.version}"
        options = ort.SessionOptions()
        # One thread a run: parallelism comes from the calls, and threads of one run would only wait for each other.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Load a model folder.

        Raises:
            BadModel: when a file is missing, or checksum, labels, features and graph do not fit together.
        """
        try:
            sidecar = msgspec.json.decode((folder / "model.json").read_bytes(), type=Sidecar)
            graph = (folder / "model.onnx").read_bytes()
        except OSError as error:
            raise BadModel(f"{folder}: no model there ({error.strerror}: {Path(error.filename).name})") from error
        except msgspec.MsgspecError as error:
            raise BadModel(f"{folder}/model.json: {error}") from error
        if hashlib.sha256(graph).hexdigest() != sidecar.sha256:
            raise BadModel(f"{folder}/model.onnx is not the file that model.json describes (sha256 differs)")
        _check_features(folder, sidecar.features)
        try:
            model = cls(sidecar, graph)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise BadModel(f"{folder}/model.onnx is no graph that can be run") from error
        model._check_graph(folder)
        return model

    def _check_graph(self, folder: Path) -> None:
        """Run the graph once: what it takes and answers must be what the sidecar says."""
        try:
            (answer,) = self.run([np.zeros((50, self.sidecar.features.bands), np.float32)])
        except Exception as error:
            raise BadModel(f"{folder}/model.onnx does not take the features that model.json describes") from error
        if answer.shape != (len(self.labels),) or len(set(self.labels)) != len(self.labels):
            raise BadModel(f"{folder}: the graph answers {answer.shape} for {len(self.labels)} labels")

    def info(self) -> ModelInfo:
        """Return what a call is told about its model."""
        return ModelInfo(self.name, self.version, self.sha256, list(self.labels))

    def card(self) -> ModelCard:
        """Return the model's figures and terms."""
        side = self.sidecar
        return ModelCard(self.name, self.version, self.sha256, list(self.labels), side.metrics, side.licence, side.data)

    def unsure(self, probabilities: Mapping[str, float]) -> bool:
        """Return whether the model abstains at these probabilities."""
        return max(probabilities.values()) < self.sidecar.abstain_below

    def run(self, features: Sequence[Features]) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
        """Return ``float32[labels]`` for each ``float32[frames, bands]``; equal lengths run as one batch."""
        answers: list[Any] = [None] * len(features)
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, item in enumerate(features):
            by_length[len(item)].append(index)
        for indices in by_length.values():
            batch = np.stack([features[index] for index in indices])
            (probabilities,) = self._session.run(["probabilities"], {"features": batch})
            for index, row in zip(indices, probabilities, strict=True):
                answers[index] = row
        return answers

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        """Return calibrated probabilities for each segment, in order."""
        answers = self.run([logfbank(segment.samples, self.sidecar.features.bands) for segment in segments])
        return [self._scores(segment, answer) for segment, answer in zip(segments, answers, strict=True)]

    def _scores(self, segment: Segment, answer: np.ndarray[Any, np.dtype[np.float32]]) -> Scores:
        exact = answer.astype(np.float64)
        probabilities = dict(zip(self.labels, (exact / exact.sum()).tolist(), strict=True))
        return Scores(probabilities, self.unsure(probabilities), quality(segment), self.tag)


def _check_features(folder: Path, spec: FeatureSpec) -> None:
    ours = FeatureSpec("logfbank", spec.bands)
    if spec != ours:
        raise BadModel(f"{folder}: features {spec} are not those of this server ({ours})")
