"""A model is served when it is what its folder says, and refused in one line when it is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import write_tiny_model
from tests.voices import noise, voice
from undervoice.emotion import Emotion, Segment
from undervoice.errors import BadModel
from undervoice.model import Model

REPOSITORY = Path(__file__).resolve().parents[2]


def segments() -> list[Segment]:
    sounds = [voice(2.5), voice(0.6), noise(2.5, level=0.1), voice(1.3, pitch_hz=220), voice(2.5, pitch_hz=180)]
    return [Segment("customer", 0, len(s), s, "window", -60.0) for s in sounds]


@pytest.fixture(params=["tiny", "compact"])
def model(request: pytest.FixtureRequest, tiny: Path) -> Model:
    return Model.load(tiny if request.param == "tiny" else REPOSITORY / "models" / "compact")


def test_probabilities_are_those_of_the_labels_and_sum_to_one(model: Model) -> None:
    for answer in model.score(segments()):
        assert tuple(answer.probabilities) == model.labels == tuple(Emotion)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-9)
        assert min(answer.probabilities.values()) >= 0
        assert answer.model == f"{model.name}@{model.version}"


def test_a_score_does_not_depend_on_its_batch(model: Model) -> None:
    together = model.score(segments())
    for segment, answer in zip(segments(), together, strict=True):
        (alone,) = model.score([segment])
        assert np.allclose(list(alone.probabilities.values()), list(answer.probabilities.values()), atol=1e-5)


def test_the_shortest_segment_can_be_scored(model: Model) -> None:
    (answer,) = model.score([Segment("customer", 0, 160, voice(0.01), "flush", -60.0, short=True)])
    assert answer.quality.short


def test_a_model_abstains_below_its_threshold(tmp_path: Path) -> None:
    never = Model.load(write_tiny_model(tmp_path / "never", abstain_below=0.0))
    always = Model.load(write_tiny_model(tmp_path / "always", abstain_below=1.1))
    assert not any(answer.uncertain for answer in never.score(segments()))
    assert all(answer.uncertain for answer in always.score(segments()))


def test_a_model_may_have_labels_of_its_own(tmp_path: Path) -> None:
    model = Model.load(write_tiny_model(tmp_path / "own", labels=("fine", "cross"), upset_weights={"cross": 1.0}))
    (answer,) = model.score(segments()[:1])
    assert set(answer.probabilities) == {"fine", "cross"}
    assert model.info().labels == ["fine", "cross"]
    assert model.card().licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("sidecar", "says"),
    [
        ({"sha256": "0" * 64}, "sha256 differs"),
        ({"labels": ["neutral", "happy"]}, "2 labels"),
        ({"labels": ["neutral"] * 7}, "7 labels"),
        ({"features": {"kind": "wav", "bands": 40}}, "not those of this server"),
        ({"features": {"kind": "logfbank", "bands": 26}}, "does not take the features"),
        ({"features": {"kind": "logfbank", "bands": 40, "hop": 80}}, "not those of this server"),
        ({"labels": "neutral"}, "model.json"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, sidecar: dict[str, object], says: str
) -> None:
    write_tiny_model(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | sidecar))
    with pytest.raises(BadModel, match=says) as refused:
        Model.load(tmp_path)
    assert "\n" not in refused.value.message


def test_a_missing_file_or_a_broken_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no model there"):
        Model.load(tmp_path)
    write_tiny_model(tmp_path)
    graph = b"no graph"
    (tmp_path / "model.onnx").write_bytes(graph)
    import hashlib

    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | {"sha256": hashlib.sha256(graph).hexdigest()}))
    with pytest.raises(BadModel, match="no graph"):
        Model.load(tmp_path)
    shutil.rmtree(tmp_path)
