"""Candidates on folds: everybody is judged once, by whoever never heard them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from train.corpora import LABELS, Clip
from train.evaluation import HEADLINES, SEVEN, Task, by_corpus, cross_validate, intervals, judge
from train.split import SharedSpeaker, Split, speaker_folds, speakers
from undervoice.errors import BadInput


def make_clips(speakers_each: int = 6, corpora: Sequence[str] = ("one", "two")) -> list[Clip]:
    return [
        Clip(Path(f"/{corpus}/{number}-{label}.wav"), corpus, f"{corpus}:{number}", str(label))
        for corpus in corpora
        for number in range(speakers_each)
        for label in LABELS
    ]


def knowing(_train: Sequence[Clip], _calibrate: Sequence[Clip], test: Sequence[Clip]) -> np.ndarray:
    return np.eye(len(LABELS))[SEVEN.targets(test)]


def guessing(_train: Sequence[Clip], _calibrate: Sequence[Clip], test: Sequence[Clip]) -> np.ndarray:
    return np.full((len(test), len(LABELS)), 1 / len(LABELS))


def test_every_speaker_is_judged_once_by_who_never_heard_them() -> None:
    clips, judged = make_clips(), []

    def listening(train: Sequence[Clip], calibrate: Sequence[Clip], test: Sequence[Clip]) -> np.ndarray:
        assert not speakers(test) & (speakers(train) | speakers(calibrate))
        assert not speakers(train) & speakers(calibrate)
        judged.extend(speakers(test))
        return knowing(train, calibrate, test)

    cross_validate(clips, 4, {"listening": listening})
    assert sorted(judged) == sorted(speakers(clips))


def test_candidates_stand_side_by_side_on_the_same_folds() -> None:
    table = cross_validate(make_clips(), 3, {"knowing": knowing, "guessing": guessing})
    assert table["knowing"]["mean"]["accuracy"] == {"mean": 1.0, "std": 0.0}
    assert table["guessing"]["mean"]["uar"]["mean"] == pytest.approx(1 / 7, abs=1e-4)
    assert set(table["guessing"]["mean"]) == set(HEADLINES)
    assert [fold["clips"] for fold in table["knowing"]["folds"]] == [
        fold["clips"] for fold in table["guessing"]["folds"]
    ]
    assert set(table["guessing"]["by_corpus"]) == {"one", "two"}
    assert table["knowing"]["confusion"]["rows"] == (12 * np.eye(7, dtype=int)).tolist()


def test_labels_without_upset_have_no_upset_figures() -> None:
    table = cross_validate(make_clips(), 3, {"knowing": knowing}, task=Task(LABELS, {}))
    assert "upset_accuracy" not in table["knowing"]["mean"]
    assert "upset_accuracy" not in table["knowing"]["by_corpus"]["one"]


def test_too_many_folds_are_refused() -> None:
    with pytest.raises(BadInput, match="7 folds need more speakers"):
        cross_validate(make_clips(3, ("one",)), 7, {"knowing": knowing})


def test_a_split_that_shares_a_speaker_cannot_be_judged() -> None:
    clips = tuple(make_clips(2))
    with pytest.raises(SharedSpeaker):
        judge([Split(clips, (), clips[:1])], {"knowing": knowing})


def test_the_same_seed_deals_the_same_folds_whatever_the_order() -> None:
    clips = make_clips()
    one, other = (speaker_folds(made, 4, 0.12, 7) for made in (clips, clips[::-1]))
    assert [speakers(split.test) for split in one] == [speakers(split.test) for split in other]


def test_one_corpus_is_measured_by_itself() -> None:
    clips = make_clips()
    rows = np.concatenate([knowing([], [], clips[:42]), np.roll(knowing([], [], clips[42:]), 1, axis=1)])
    found = by_corpus(rows, clips, SEVEN)
    assert (found["one"]["accuracy"], found["two"]["accuracy"]) == (1.0, 0.0)


def test_speakers_who_differ_make_the_interval_wide() -> None:
    clips = make_clips(10, ("one",))
    even = np.eye(7)[np.where(np.arange(70) % 2, SEVEN.targets(clips), 0)]
    first_half = np.concatenate([knowing([], [], clips[:35]), np.roll(knowing([], [], clips[35:]), 1, axis=1)])
    widths = [np.ptp(intervals(rows, clips, SEVEN)["accuracy"]) for rows in (even, first_half)]
    assert widths[0] < 0.15 < 0.4 < widths[1]
    assert intervals(knowing([], [], clips), clips, SEVEN)["uar"] == (1.0, 1.0)
