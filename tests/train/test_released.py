"""The two models in service: small, quick, calibrated, deaf to padding, and described by their own sidecars."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from undervoice.drift import Reference, divergence
from undervoice.emotion import Emotion
from undervoice.model import Model

MODELS = Path(__file__).parents[2] / "models"
PARAMETERS = {"compact": 1_000_000, "accurate": 12_000_000}
BYTES = {"compact": 4_000_000, "accurate": 30_000_000}


@pytest.fixture(scope="module", params=["compact", "accurate"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> Model:
    return Model.load(MODELS / name)


@pytest.fixture(scope="module")
def sidecar(name: str) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((MODELS / name / "model.json").read_text())
    return described


def test_the_model_in_service_is_the_file_that_its_sidecar_describes(name: str, sidecar: dict[str, Any]) -> None:
    graph = (MODELS / name / "model.onnx").read_bytes()
    assert hashlib.sha256(graph).hexdigest() == sidecar["sha256"]
    assert sidecar["labels"] == list(Emotion)
    assert sidecar["parameters"] <= PARAMETERS[name]
    assert len(graph) <= BYTES[name]


def test_its_terms_are_those_of_its_data(name: str, sidecar: dict[str, Any]) -> None:
    assert sidecar["licence"] == "CC-BY-NC-SA-4.0"
    assert {row["corpus"] for row in sidecar["data"]} >= {"ravdess", "emodb", "nemo"}
    assert any("research" in limit for limit in sidecar["limits"])
    assert any("not of what a person feels" in limit for limit in sidecar["limits"])
    assert "may not be used commercially" in (MODELS / name / "LICENSE").read_text()


def test_the_card_in_service_is_the_one_its_sidecar_gives(name: str, sidecar: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    from train.card import render_card

    assert (MODELS / name / "card.md").read_text() == render_card(sidecar)


def test_its_figures_are_on_speakers_whom_the_judged_models_had_not_heard(sidecar: dict[str, Any]) -> None:
    report = sidecar["metrics"]["pooled"]
    assert "by speaker" in report["protocol"]
    assert report["folds"] == 5
    assert report["clips"] == 6135
    assert np.sum(report["confusion"]) == 6135


def test_what_calls_are_compared_with_is_what_the_folds_heard(sidecar: dict[str, Any]) -> None:
    reference = msgspec.convert(sidecar["reference"], Reference)
    assert sum(reference.emotions.values()) == pytest.approx(1, abs=0.001)
    assert reference.segments >= sidecar["metrics"]["pooled"]["clips"], "a clip has one segment or more"
    heard = np.sum(sidecar["metrics"]["pooled"]["confusion"], axis=0)  # of clips, where the reference is of segments
    assert divergence(dict(zip(sidecar["labels"], heard.tolist(), strict=True)), reference.emotions) < 0.005
    assert reference.uncertain == pytest.approx(sidecar["metrics"]["pooled"]["abstained"]["mean"], abs=0.05)
    for quantiles in (reference.level_dbfs, reference.snr_db):
        assert quantiles == sorted(quantiles)
    assert "not calls" in reference.made_from


def test_a_score_depends_on_the_segment_alone_and_sums_to_one(model: Model) -> None:
    bands = model.sidecar.features.bands
    rng = np.random.default_rng(4)
    segments = [rng.normal(0, 1, (frames, bands)).astype(np.float32) for frames in (1, 2, 7, 49, 150, 249, 250, 498)]
    together = model.run(segments)
    for segment, answer in zip(segments, together, strict=True):
        (alone,) = model.run([segment])
        assert np.abs(alone - answer).max() < 1e-5
        assert answer.sum() == pytest.approx(1, abs=1e-5)


def test_digital_silence_and_full_scale_give_numbers(model: Model) -> None:
    for samples in (np.zeros(40_000, np.int16), np.full(40_000, 32_767, np.int16)):
        (answer,) = model.run([model.sidecar.features.compute(samples)])
        assert np.isfinite(answer).all()
