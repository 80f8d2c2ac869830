"""Classical baselines on made voices: they learn what loudness tells, on folds that share no speaker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("sklearn")

from tests.voices import silence, voice
from train.baselines import KINDS, baseline, baselines, summaries
from train.corpora import Clip
from train.evaluation import Task, cross_validate
from train.summary import Vector, names
from train.workers import spread_work

LEVELS = {"angry": 0.5, "neutral": 0.1, "sad": 0.02}
TASK = Task(tuple(LEVELS), {"angry": 1.0, "sad": 1.0})

LEAST = {"gradient boosting": 0.3, "small MLP": 0.4}
"""Two learn little from 24 voices: leaves need 20 each, and few passes over one batch are few steps."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("voices")
    made = []
    for speaker in range(6):
        for label, level in LEVELS.items():
            for take in range(2):
                path = folder / f"{speaker}-{label}-{take}.wav"
                sound = voice(0.8 + 0.2 * take, pitch_hz=100 + 15 * speaker, level=level * (1 + 0.1 * take))
                soundfile.write(path, np.concatenate([silence(0.4), sound, silence(0.6)]), 16_000)
                made.append(Clip(path, "made", f"made:{speaker}", label))
    return made


@pytest.fixture(scope="module")
def vectors(clips: list[Clip]) -> dict[Path, Vector]:
    """36 clips are enough for other processes to be asked."""
    return summaries([*clips, *clips])


@pytest.mark.parametrize("name", KINDS)
def test_each_learns_from_some_speakers_what_it_hears_of_others(
    name: str, clips: list[Clip], vectors: dict[Path, Vector]
) -> None:
    candidate = baseline(KINDS[name], vectors, TASK)
    train, calibrate, test = (
        [clip for clip in clips if int(clip.speaker[-1]) in group] for group in ({0, 2, 4, 5}, {1}, {3})
    )
    found = candidate(train, calibrate, test)
    assert found.shape == (len(test), 3)
    assert found.sum(axis=1) == pytest.approx(1)
    assert TASK.measure(found, test)["accuracy"] >= LEAST.get(name, 0.8)
    assert np.allclose(found, candidate(train, calibrate, test), rtol=0, atol=1e-9), (
        "the same seed gives the same answers"
    )


def test_all_of_them_are_judged_on_the_same_clips(clips: list[Clip], vectors: dict[Path, Vector]) -> None:
    table = cross_validate(clips, 3, baselines(vectors, TASK), task=TASK)
    assert list(table) == list(KINDS)
    for report in table.values():
        assert [fold["clips"] for fold in report["folds"]] == [12, 12, 12]
        assert sum(map(sum, report["confusion"]["rows"])) == len(clips)


def test_a_label_that_training_never_had_is_all_but_impossible(clips: list[Clip], vectors: dict[Path, Vector]) -> None:
    def known(group: Sequence[Clip]) -> list[Clip]:
        return [clip for clip in group if clip.label != "neutral"]

    found = baseline(KINDS["logistic regression"], vectors, TASK)(known(clips[:24]), [], clips[24:])
    assert np.all(found[:, 1] < 1e-6)


def test_features_are_made_once_for_each_clip(clips: list[Clip], vectors: dict[Path, Vector]) -> None:
    assert set(vectors) == {clip.path for clip in clips}
    assert {len(vector) for vector in vectors.values()} == {len(names())}


def test_work_keeps_its_order_and_is_done_elsewhere() -> None:
    paths = [Path(f"/{number}") for number in range(40)]
    assert list(spread_work(str, paths, workers=2)) == [str(path) for path in paths]
    assert os.getpid() not in set(spread_work(process_of, paths, workers=2))
    assert set(spread_work(process_of, paths[:3], workers=2)) == {os.getpid()}


def process_of(_: object) -> int:
    return os.getpid()
