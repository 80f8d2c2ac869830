"""``undervoice train``: from a folder of recordings to a model that the service takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.train.made import write_corpus, write_weights
from tests.voices import voice
from undervoice.__main__ import main
from undervoice.model import Model

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data"), 6)


def train(data: Path, out: Path, *flags: str) -> int:
    return main(["train", str(data), "--out", str(out), "--epochs", "1", *flags])


def read(out: Path) -> dict[str, Any]:
    sidecar: dict[str, Any] = json.loads((out / "model.json").read_text())
    return sidecar


def test_a_folder_of_recordings_becomes_a_model_with_sidecar_card_licence_and_log(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    assert train(data, out) == 0
    assert {path.name for path in out.iterdir()} == {"model.onnx", "model.json", "card.md", "LICENSE", "run.jsonl"}
    model, sidecar = Model.load(out), read(out)
    assert model.labels == ("neutral", "sad", "angry")
    assert sidecar["name"] == "mine"
    assert sidecar["data"] == [
        {"corpus": "made", "clips": 18, "speakers": 6, "use": "labels", "licence": "see its source"}
    ]
    assert sidecar["upset_weights"] == {"angry": 1.0, "sad": 1.0}
    assert "CC-BY-NC" not in sidecar["licence"]
    assert "1 speakers kept aside" in sidecar["metrics"]["held_out"]["protocol"]
    assert sidecar["reference"]["made_from"] == "1 speakers kept aside from training"
    assert set(sidecar["reference"]["emotions"]) == set(sidecar["labels"])
    events = [json.loads(line)["event"] for line in (out / "run.jsonl").read_text().splitlines()]
    assert events[0] == "data"
    assert {"params", "metrics", "written", "finished"} <= set(events)
    told = capsys.readouterr().out
    assert f"UNDERVOICE_MODEL={out}" in told
    assert "accuracy" in told


def test_a_business_trains_its_own_labels_from_one_folder_for_each(tmp_path: Path) -> None:
    for label, level in (("Fed up", 0.4), ("Pleased", 0.1)):
        for speaker in range(4):
            folder = tmp_path / "calls" / label / f"caller{speaker}"
            folder.mkdir(parents=True)
            soundfile.write(folder / "1.wav", voice(1.5, pitch_hz=110 + 30 * speaker, level=level), 16_000)
    assert train(tmp_path / "calls", tmp_path / "out", "--labels", "own", "--upset", "fed_up=0.5") == 0
    model = Model.load(tmp_path / "out")
    assert model.labels == ("fed_up", "pleased")
    assert model.upset_weights == {"fed_up": 0.5}


def test_an_accurate_model_begins_from_encoder_weights_or_from_another_one(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    weights = write_weights(tmp_path / "encoder.npz", width=64)
    assert train(data, first, "--kind", "accurate") == 2
    assert "--weights" in capsys.readouterr().err
    assert train(data, first, "--kind", "accurate", "--weights", str(weights)) == 0
    assert Model.load(first).sidecar.features.kind == "log_mel"
    assert train(data, second, "--kind", "accurate", "--start", str(first)) == 0
    assert {row["use"] for row in read(second)["data"]} == {"labels", "through first"}
    assert read(first)["licence"] in read(second)["licence"]


def test_a_training_that_was_stopped_goes_on_with_the_same_command(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from train.runlog import RunLog

    out, whole = tmp_path / "mine", RunLog.metrics

    def interrupted(log: RunLog, metrics: Any, step: int | None = None) -> None:
        whole(log, metrics, step)
        if step == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "metrics", interrupted)  # Ctrl-C at a moment that a test can name
        assert main(["train", str(data), "--out", str(out), "--epochs", "2"]) == 130
    assert "goes on from the last whole epoch" in capsys.readouterr().err
    assert not (out / "model.onnx").exists()
    assert main(["train", str(data), "--out", str(out), "--epochs", "2"]) == 0
    steps = [json.loads(line).get("step") for line in (out / "run.jsonl").read_text().splitlines()]
    assert steps.count(1) == 1
    assert steps.count(2) == 1


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--labels", "own", "--upset", "bored"], "no clip has the label bored"),
        (["--kind", "accurate", "--start", "compact"], "no accurate model"),
        (["--noise", "nowhere"], "holds no recordings"),
    ],
)
def test_wrong_use_ends_with_one_clear_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], told: str
) -> None:
    assert train(data, tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_one_label_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calls" / "angry" / "ann").mkdir(parents=True)
    soundfile.write(tmp_path / "calls" / "angry" / "ann" / "1.wav", np.zeros(16_000), 16_000)
    assert train(tmp_path / "calls", tmp_path / "out") == 2
    assert "two labels at least" in capsys.readouterr().err
