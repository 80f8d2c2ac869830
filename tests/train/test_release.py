"""A model folder made from a few made clips, and the one in service."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.voices import silence, voice
from undervoice.emotion import Emotion
from undervoice.model import Model

COMPACT = Path(__file__).parents[2] / "models" / "compact"
LOUDNESS = {"angry": 0.5, "sad": 0.03, "neutral": 0.1}


def make_corpus(data: Path, speakers: int = 4, corpus: str = "made") -> None:
    folder = data / corpus
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "corpus", "speaker", "label", "sentence"])
        for speaker in range(speakers):
            for number, (label, level) in enumerate(LOUDNESS.items()):
                name = f"{speaker}-{label}.flac"
                sound = voice(0.9 + 0.2 * number, pitch_hz=110 + 20 * speaker + 30 * number, level=level)
                soundfile.write(folder / name, np.concatenate([silence(0.5), sound, silence(0.8)]), 16_000)
                writer.writerow([name, corpus, f"{corpus}_{speaker}", label, "01"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from train.__main__ import main

    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    make_corpus(data)
    places = ["--data", str(data), "--out", str(out), "--figures", str(out / "none"), "--cache", str(out / "cache")]
    assert main(["release", "--corpora", "made", "--epochs", "1", "--draws", "64", *places]) == 0
    return out


def test_training_writes_a_folder_that_the_service_takes(made: Path) -> None:
    model = Model.load(made)
    (answer,) = model.run([np.zeros((120, 40), np.float32)])
    assert answer.sum() == pytest.approx(1, abs=1e-5)
    sidecar = json.loads((made / "model.json").read_text())
    assert sidecar["sha256"] == hashlib.sha256((made / "model.onnx").read_bytes()).hexdigest()
    assert sidecar["data"] == [{"corpus": "made", "clips": 12, "speakers": 4, "licence": "see its source"}]


def test_the_card_and_the_licence_say_what_the_model_learned_from(made: Path) -> None:
    card, licence = (made / "card.md").read_text(), (made / "LICENSE").read_text()
    assert "| made | 12 | 4 |" in card
    assert "made: 12 clips" in licence
    assert "not what a person feels" in card
    assert "Few speakers: 4 in all" in card
    assert "English" not in card


def test_folds_leave_a_report_that_the_next_card_quotes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from train.__main__ import main, read_figures
    from train.card import render_card

    for corpus in ("ravdess", "emodb", "nemo"):
        make_corpus(tmp_path, 6, corpus)
    places = ["--data", str(tmp_path), "--figures", str(tmp_path / "figures"), "--cache", str(tmp_path / "cache")]
    assert main(["folds", "--folds", "2", "--epochs", "1", "--draws", "32", *places]) == 0
    report = read_figures(tmp_path / "figures")["speaker_folds"]
    assert "54 clips, 18 speakers" in report["protocol"]
    assert sum(sum(row) for row in report["confusion"]["rows"]) == 54
    sidecar = json.loads((COMPACT / "model.json").read_text())
    sidecar["metrics"]["speaker_folds"] = report
    card = render_card(sidecar)
    assert report["protocol"] in card
    assert f"{100 * report['mean']['accuracy']['mean']:.1f} %" in card


def test_the_same_seed_makes_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    from train.corpora import Clip
    from train.examples import Heard
    from train.loop import train
    from train.recipe import Recipe

    rng = np.random.default_rng(0)
    clips = [Clip(Path(f"{n}"), "made", f"s{n}", label) for n, label in enumerate(LOUDNESS)]
    heard = {clip.path: Heard([rng.normal(8, 4, (90, 40)).astype(np.float16)]) for clip in clips}
    recipe = Recipe(epochs=1, epoch_clips=32, batch=16, width=16)
    first, second = (train(clips, heard, recipe).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_command_without_data_ends_with_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    from train.__main__ import main

    assert main(["folds", "--data", str(tmp_path)]) == 2
    assert "manifest.csv" in capsys.readouterr().err


@pytest.fixture(scope="module")
def sidecar() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((COMPACT / "model.json").read_text())
    return described


def test_the_model_in_service_is_the_file_that_its_sidecar_describes(sidecar: dict[str, Any]) -> None:
    assert hashlib.sha256((COMPACT / "model.onnx").read_bytes()).hexdigest() == sidecar["sha256"]
    assert sidecar["labels"] == list(Emotion)
    assert sidecar["parameters"] <= 1_500_000
    assert sidecar["licence"] == "CC-BY-NC-SA-4.0"


@pytest.mark.parametrize("frames", [1, 2, 7, 49, 150, 249, 498])
def test_a_score_depends_on_the_segment_alone_and_sums_to_one(frames: int) -> None:
    model = Model.load(COMPACT)
    segments = list(np.random.default_rng(frames).normal(8, 4, (5, frames, 40)).astype(np.float32))
    together = model.run(segments)
    for segment, answer in zip(segments, together, strict=True):
        (alone,) = model.run([segment])
        assert np.abs(alone - answer).max() < 1e-5
        assert answer.sum() == pytest.approx(1, abs=1e-5)


def test_digital_silence_and_full_scale_give_numbers() -> None:
    model = Model.load(COMPACT)
    for level in (-36.0, 0.0, 25.0):
        (answer,) = model.run([np.full((249, 40), level, np.float32)])
        assert np.isfinite(answer).all()


def test_the_card_in_service_is_the_one_its_sidecar_gives(sidecar: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    from train.card import render_card

    assert (COMPACT / "card.md").read_text() == render_card(sidecar)
