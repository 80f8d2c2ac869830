"""A model is served when it is what its folder says, and refused in one line when it is not."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
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


@pytest.fixture(scope="module", params=["tiny", "tiny_log_mel", "tiny_without_lengths", "compact", "accurate"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    made: dict[str, dict[str, Any]] = {
        "tiny": {},
        "tiny_log_mel": {"kind": "log_mel"},
        "tiny_without_lengths": {"padding": "none"},
    }
    if request.param in made:
        return Model.load(write_tiny_model(tmp_path_factory.mktemp("model"), **made[request.param]))
    folder = REPOSITORY / "models" / request.param
    if not folder.exists():
        pytest.skip(f"models/{request.param} is not there")
    return Model.load(folder)


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
        assert np.allclose(list(alone.probabilities.values()), list(answer.probabilities.values()), rtol=0, atol=1e-5)


def test_padding_of_any_length_does_not_move_an_answer(model: Model) -> None:
    features = [model.sidecar.features.compute(segment.samples) for segment in segments()]
    alone = [model.run([item])[0] for item in features]
    # Lengths this near to each other run as one batch, padded; equal ones too where the graph takes no lengths.
    close = [item[: len(item) - cut] for item in features for cut in (0, 1, 7) if len(item) > 20]
    for item, answer in zip(close, model.run(close), strict=True):
        assert np.abs(model.run([item])[0] - answer).max() < 1e-5
    for answer, again in zip(alone, model.run(features), strict=True):
        assert np.abs(answer - again).max() < 1e-5


def test_many_segments_are_more_than_one_run_and_stay_in_order(model: Model) -> None:
    features = [model.sidecar.features.compute(voice(0.3 + 0.05 * (n % 7), pitch_hz=100 + 5 * n)) for n in range(40)]
    for item, answer in zip(features, model.run(features), strict=True):
        assert np.abs(model.run([item])[0] - answer).max() < 1e-5


def test_no_segments_have_no_answers(model: Model) -> None:
    assert model.run([]) == []


def test_what_a_segment_costs_is_known_once_a_model_is_loaded(model: Model) -> None:
    assert 0 < model.segment_sec < 5


def test_the_shortest_segment_can_be_scored(model: Model) -> None:
    (answer,) = model.score([Segment("customer", 0, 160, voice(0.01), "flush", -60.0, short=True)])
    assert answer.quality.short


def test_the_longest_segment_that_a_call_may_ask_for_can_be_scored(model: Model) -> None:
    (answer,) = model.score([Segment("customer", 0, 80_000, voice(5.0), "window", -60.0)])
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-9)


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


REFERENCE: dict[str, object] = {
    "made_from": "what is made up",
    "segments": 10,
    "emotions": {"sad": 0.4, "angry": 0.6},
    "uncertain": 0.1,
    "level_dbfs": [-25.0] * 20,
    "snr_db": [20.0] * 20,
}


def test_a_model_may_say_what_its_material_sounds_like(tmp_path: Path) -> None:
    model = Model.load(write_tiny_model(tmp_path / "own", reference=REFERENCE))
    assert model.sidecar.reference is not None
    assert model.sidecar.reference.emotions == REFERENCE["emotions"]
    assert Model.load(write_tiny_model(tmp_path / "other")).sidecar.reference is None


@pytest.mark.parametrize(
    ("sidecar", "says"),
    [
        ({"sha256": "0" * 64}, "sha256 differs"),
        ({"labels": ["neutral", "happy"]}, "2 labels"),
        ({"labels": ["neutral"] * 7}, "twice: neutral"),
        ({"labels": []}, "no labels"),
        ({"labels": ["neutral", ""]}, "length >= 1"),
        ({"labels": ["neutral", "__odd__"]}, "kept or shown: '__odd__'"),
        ({"labels": ["neutral", "two\nlines"]}, "kept or shown"),
        ({"upset_weights": {"angry": 1.0, "cross": 1.0}}, "no label: cross"),
        ({"upset_weights": {"angry": 1.5}}, "<= 1"),
        ({"upset_weights": {"angry": -0.1}}, ">= 0"),
        ({"features": {"kind": "wav", "bands": 40}}, "not those of this server"),
        ({"features": {"kind": "log_mel", "bands": 40, "nfft": 400}}, "not those of this server"),
        ({"features": {"kind": "log_mel", "bands": 80}}, "not those of this server"),
        ({"features": {"kind": "log_mel", "bands": 80, "nfft": 400}}, "does not take the features"),
        ({"features": {"kind": "logfbank", "bands": 0}}, ">= 1"),
        ({"features": {"kind": "logfbank", "bands": 26}}, "does not take the features"),
        ({"features": {"kind": "logfbank", "bands": 40, "hop": 80}}, "not those of this server"),
        ({"labels": "neutral"}, "model.json"),
        ({"reference": REFERENCE | {"emotions": {"cross": 1.0}}}, "no label: cross"),
        ({"reference": REFERENCE | {"emotions": {"sad": 0.5}}}, "do not add up to 1"),
        ({"reference": REFERENCE | {"snr_db": [20.0] * 19}}, "length >= 20"),
        ({"reference": REFERENCE | {"segments": 0}}, ">= 1"),
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


def test_a_graph_that_takes_padding_for_speech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="padding leak"):
        Model.load(write_tiny_model(tmp_path, padding="leaks"))


def test_a_graph_that_answers_no_probabilities_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    graph = onnx.load(tmp_path / "model.onnx")
    graph.graph.node[-1].op_type = "LogSoftmax"
    onnx.save(graph, tmp_path / "model.onnx")
    described = json.loads((tmp_path / "model.json").read_text())
    described["sha256"] = hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()
    (tmp_path / "model.json").write_text(json.dumps(described))
    with pytest.raises(BadModel, match="no probabilities"):
        Model.load(tmp_path)


def test_without_upset_weights_those_of_the_seven_that_it_knows_count(tmp_path: Path) -> None:
    assert Model.load(write_tiny_model(tmp_path, labels=("angry", "bored"))).upset_weights == {"angry": 1.0}


def test_a_missing_file_or_a_broken_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no model there"):
        Model.load(tmp_path)
    write_tiny_model(tmp_path)
    graph = b"no graph"
    (tmp_path / "model.onnx").write_bytes(graph)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | {"sha256": hashlib.sha256(graph).hexdigest()}))
    with pytest.raises(BadModel, match="no graph"):
        Model.load(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(BadModel, match=r"no model there .*model\.onnx"):
        Model.load(tmp_path)
    shutil.rmtree(tmp_path)
