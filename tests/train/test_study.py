"""The protocols never judge on a speaker who was heard, and a study's folds calibrate each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.train.made import write_corpus, write_weights
from undervoice.drift import Reference

torch = pytest.importorskip("torch")

from train.corpora import Clip  # noqa: E402
from train.protocols import PROTOCOLS, clips_of  # noqa: E402

EMOTIONS = {"angry": 0.5, "sad": 0.03, "neutral": 0.1}


def some_clips() -> list[Clip]:
    labels = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "calm", "boredom")
    counts = {"ravdess": 20, "emodb": 10, "nemo": 9}
    return [
        Clip(Path(f"{corpus}/{speaker}-{label}"), corpus, f"{corpus}:{speaker}", label)
        for corpus, speakers in counts.items()
        for speaker in range(speakers)
        for label in labels
    ]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_clip_is_judged_once_by_a_model_that_never_heard_its_speaker(name: str) -> None:
    protocol = PROTOCOLS[name]
    clips = clips_of(protocol, some_clips())
    splits = protocol.folds(clips)
    judged = [clip for split in splits for clip in split.test]
    assert sorted(clip.path for clip in judged) == sorted(clip.path for clip in clips)
    for split in splits:
        assert not {clip.speaker for clip in split.test} & {clip.speaker for clip in (*split.train, *split.calibrate)}
        if name == "corpora":
            assert not {clip.corpus for clip in split.test} & {clip.corpus for clip in split.train}


def test_the_protocols_have_the_folds_that_their_figures_are_named_after() -> None:
    counts = {name: len(p.folds(clips_of(p, some_clips()))) for name, p in PROTOCOLS.items()}
    assert counts == {"pooled": 5, "corpora": 3, "emodb-speakers": 10, "emodb-pairs": 5, "ravdess-actors": 5}
    pairs = PROTOCOLS["emodb-pairs"]
    assert all(len({c.speaker for c in split.test}) == 2 for split in pairs.folds(clips_of(pairs, some_clips())))


def a_verdict(speaker: str, sure: float, right: Sequence[bool]) -> Any:
    from train.scoring import Said
    from train.study import Verdict

    clips = tuple(Clip(Path(f"{speaker}-{n}"), "made", speaker, "angry") for n in range(len(right)))
    logits = np.array([[sure, 0.0] if hit else [0.0, sure] for hit in right])
    said = Said(logits, np.arange(len(right)), np.ones(len(right)))
    return Verdict(clips, said, said)


def test_a_fold_is_calibrated_by_the_other_folds_and_never_by_its_own_labels() -> None:
    from train.verdicts import crossed

    others = [a_verdict("a", 3.0, [True, True, False, True]), a_verdict("b", 3.0, [True, False, True, True])]
    right, wrong = a_verdict("c", 3.0, [True] * 4), a_verdict("c", 3.0, [False] * 4)
    assert crossed([*others, right], ("angry", "calm"))[2] == crossed([*others, wrong], ("angry", "calm"))[2]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("study")
    for corpus, speakers in (("ravdess", 5), ("emodb", 5), ("nemo", 5)):
        write_corpus(root / "data", speakers, corpus, EMOTIONS)
    write_corpus(root / "data", 2, "ased", EMOTIONS)
    weights = write_weights(root / "encoder.npz", width=64)
    return {"data": root / "data", "weights": weights, "runs": root / "runs", "models": root / "models"}


@pytest.fixture(scope="module")
def flags(places: dict[str, Path]) -> list[str]:
    return [text for name, place in places.items() for text in (f"--{name}", str(place))]


def test_a_study_and_a_release_leave_models_whose_cards_quote_the_folds(
    places: dict[str, Path], flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from train.__main__ import main
    from train.card import render_card
    from undervoice.model import Model

    assert main(["release", *flags]) == 2
    assert "run `study pooled` first" in capsys.readouterr().err
    assert main(["study", "pooled", *flags]) == 0
    kept = sorted(path.name for path in (places["runs"] / "study" / "pooled").glob("*.npz"))
    assert kept == [f"{kind}-{number}.npz" for kind in ("accurate", "compact") for number in range(5)]
    assert main(["release", *flags]) == 0
    for kind in ("accurate", "compact"):
        folder = places["models"] / kind
        model, sidecar = Model.load(folder), json.loads((folder / "model.json").read_text())
        assert model.name == kind
        report = json.loads((places["models"] / "figures" / f"pooled-{kind}.json").read_text())
        assert report["clips"] == 45
        assert report["speakers"] == 15
        card = (folder / "card.md").read_text()
        assert card == render_card(sidecar)
        assert f"{100 * report['mean']['accuracy']['mean']:.1f} %" in card
        assert "not of what a person feels" in card
        assert "CC BY-NC-SA" in (folder / "LICENSE").read_text()
        reference = msgspec.convert(sidecar["reference"], Reference)
        assert set(reference.emotions) == set(sidecar["labels"])
        assert "ravdess" in reference.made_from
        assert reference.made_from in card
    assert "teacher's probabilities" in (places["models"] / "compact" / "card.md").read_text()


def test_what_calls_are_compared_with_is_measured_anew_and_changes_nothing_else(
    places: dict[str, Path], flags: list[str]
) -> None:
    from train.__main__ import main

    folder = places["models"] / "compact"
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    sidecar = json.loads(kept["model.json"])
    (folder / "model.json").write_text(json.dumps(sidecar | {"reference": None}))
    assert main(["reference", "--kinds", "compact", *flags]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


def test_a_study_that_was_stopped_repeats_no_fold(places: dict[str, Path], flags: list[str]) -> None:
    from train.__main__ import main

    folder = places["runs"] / "study" / "pooled"
    (folder / "compact-3.npz").unlink(missing_ok=True)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert main(["study", "pooled", *flags]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (folder / "compact-3.npz").is_file()


def test_a_command_without_data_ends_with_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from train.__main__ import main

    assert main(["study", "pooled", "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err.startswith("train: ")
