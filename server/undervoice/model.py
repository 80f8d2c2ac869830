"""A model in service: an ONNX graph and the sidecar file that describes it.

The folder holds ``model.onnx``, ``model.json`` (labels, features, sha256, figures, terms) and
``card.md``. The graph takes ``features`` ``float32[batch, frames, bands]`` and ``lengths``
``int64[batch]``, the frames of each row that are no padding, and answers ``probabilities``
``float32[batch, labels]``, calibrated. A graph without ``lengths`` gets rows of equal lengths only.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from undervoice.emotion import SAMPLE_RATE, Samples, Scores, Segment
from undervoice.errors import BadModel
from undervoice.features import Features, quality
from undervoice.messages import ModelInfo
from undervoice.resources import ModelCard
from undervoice.sidecar import Sidecar, read_sidecar

Answer = npt.NDArray[np.float32]
"""``float32[labels]``."""

ROWS = 16
"""Most segments in one run: a long clip at once would need memory without gaining time."""
STRETCH = 1.5
"""Most by which padding may lengthen a segment: it costs as much as speech."""
LEAK = 1e-4
"""Most by which padding may move a probability."""
TRIED_SEC = (0.01, 0.6, 5.0)
"""Lengths that a graph is tried on: a single frame, and the longest segment that a call may ask for."""
ASSUMED_SEC = 0.005
"""What a segment counts as costing before it has been measured."""


class Model:
    """Scores segments; may be called from several threads at once."""

    def __init__(self, sidecar: Sidecar, graph: bytes) -> None:
        self.sidecar = sidecar
        self.name, self.version, self.sha256 = sidecar.name, sidecar.version, sidecar.sha256
        self.labels = tuple(sidecar.labels)
        self.upset_weights = dict(sidecar.weights)
        self.tag = f"{self.name}@{self.version}"
        self.segment_sec = ASSUMED_SEC
        """What a segment of 2.5 s costs, features included, as measured when the model was loaded."""
        options = ort.SessionOptions()
        # One thread a run: parallelism comes from the calls, and threads of one run would only wait for each other.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._takes_lengths = "lengths" in {each.name for each in self._session.get_inputs()}

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Load a model folder and run it, so that its first reading comes as fast as the others.

        Raises:
            BadModel: when a file is missing, or checksum, labels, features and graph do not fit together.
        """
        sidecar = read_sidecar(folder)
        try:
            graph = (folder / "model.onnx").read_bytes()
        except OSError as error:
            raise BadModel(f"{folder}: no model there ({error.strerror}: model.onnx)") from error
        if hashlib.sha256(graph).hexdigest() != sidecar.sha256:
            raise BadModel(f"{folder}/model.onnx is not the file that model.json describes (sha256 differs)")
        try:
            model = cls(sidecar, graph)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise BadModel(f"{folder}/model.onnx is no graph that can be run") from error
        if wrong := model._misfit():
            raise BadModel(f"{folder}/model.onnx {wrong}")
        model.segment_sec = model._cost_sec()
        return model

    def _misfit(self) -> str | None:
        """Run the graph: what it takes and answers must be what the sidecar says, in whatever batch."""
        features = [self.sidecar.features.compute(_noise(seconds)) for seconds in TRIED_SEC]
        try:
            alone = [answer for item in features for answer in self._padded([item])]
            together = self._padded(features) if self._takes_lengths else alone
        except Exception:  # onnxruntime's errors share no base but Exception, and fill many lines
            return "does not take the features that model.json describes"
        if alone[0].shape != (len(self.labels),):
            return f"answers {alone[0].shape} for {len(self.labels)} labels"
        if not all(np.all(answer >= 0) and abs(answer.sum() - 1) < 1e-3 for answer in alone):
            return "answers no probabilities"
        if not np.allclose(alone, together, rtol=0, atol=LEAK):
            return "lets padding leak: an answer depends on the batch it stands in"
        return None

    def _cost_sec(self) -> float:
        samples = _noise(2.5)
        segment = Segment("customer", 0, len(samples), samples, "window", -60.0)
        durations = []
        for _ in range(3):
            began = time.perf_counter()
            self.score([segment])
            durations.append(time.perf_counter() - began)
        return min(durations)

    def info(self) -> ModelInfo:
        """Return what a call is told about its model."""
        return ModelInfo(self.name, self.version, self.sha256, list(self.labels))

    def card(self) -> ModelCard:
        """Return the model's figures and terms."""
        side = self.sidecar
        return ModelCard(
            **msgspec.structs.asdict(self.info()),
            metrics=side.metrics,
            licence=side.licence,
            data=side.data,
            limits=side.limits,
        )

    def unsure(self, probabilities: Mapping[str, float]) -> bool:
        """Return whether the model abstains at these probabilities."""
        return max(probabilities.values()) < self.sidecar.abstain_below

    def run(self, features: Sequence[Features]) -> list[Answer]:
        """Return ``float32[labels]`` for each ``float32[frames, bands]``, in order."""
        answers: dict[int, Answer] = {}
        for indices in self._batches([len(item) for item in features]):
            answers |= zip(indices, self._padded([features[index] for index in indices]), strict=True)
        return [answers[index] for index in range(len(features))]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Part segments into runs of about the same length, so that little is computed for padding."""
        stretch = STRETCH if self._takes_lengths else 1.0
        batch: list[int] = []
        for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
            if batch and (len(batch) == ROWS or lengths[index] > stretch * lengths[batch[0]]):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _padded(self, features: Sequence[Features]) -> list[Answer]:
        """Run one batch, its rows filled up with zeros."""
        lengths = np.array([len(item) for item in features], np.int64)
        batch = np.zeros((len(features), lengths.max(), features[0].shape[1]), np.float32)
        for row, item in zip(batch, features, strict=True):
            row[: len(item)] = item
        inputs: dict[str, Any] = {"features": batch} | ({"lengths": lengths} if self._takes_lengths else {})
        (probabilities,) = self._session.run(["probabilities"], inputs)
        return list(probabilities)

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        """Return calibrated probabilities for each segment, in order."""
        answers = self.run([self.sidecar.features.compute(segment.samples) for segment in segments])
        return [self._scores(segment, answer) for segment, answer in zip(segments, answers, strict=True)]

    def _scores(self, segment: Segment, answer: Answer) -> Scores:
        exact = answer.astype(np.float64)
        probabilities = dict(zip(self.labels, (exact / exact.sum()).tolist(), strict=True))
        return Scores(probabilities, self.unsure(probabilities), quality(segment), self.tag)


def _noise(seconds: float) -> Samples:
    """Return the same noise each time: sound to try a graph on."""
    return np.random.default_rng(0).normal(0, 2000, round(seconds * SAMPLE_RATE)).astype(np.int16)
