"""Which clips are used, what they are taken for, and who stands on which side of a split."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from train.corpora import LABELS, Clip, map_label, read_corpora, read_noises
from train.split import SharedSpeaker, Split, corpus_folds, hold_out, speaker_folds, speakers
from undervoice.emotion import Emotion
from undervoice.errors import BadInput


def clip(speaker: str, label: str = "angry", corpus: str = "made", number: int = 0) -> Clip:
    return Clip(Path(f"{corpus}-{speaker}-{label}-{number}.flac"), corpus, speaker, label)


def pool(number: int = 10) -> list[Clip]:
    return [
        clip(f"{corpus}_{n}", label, corpus, take)
        for corpus in ("one", "two")
        for n in range(number)
        for label in ("angry", "sad")
        for take in range(1 + n % 3)
    ]


def test_the_labels_are_those_of_the_product_in_its_order() -> None:
    assert tuple(Emotion) == LABELS


@pytest.mark.parametrize(("label", "taken_for"), [("calm", "neutral"), ("Happy", "happy"), ("boredom", None)])
def test_every_label_is_one_of_the_seven_or_left_out(label: str, taken_for: str | None) -> None:
    assert map_label(label) == taken_for


def test_a_label_nobody_decided_about_is_refused() -> None:
    with pytest.raises(BadInput, match="smug"):
        map_label("smug")


def test_a_split_refuses_a_speaker_on_both_sides() -> None:
    for sides in (("a", "a", "b"), ("a", "b", "a"), ("a", "b", "b")):
        train, calibrate, test = ((clip(name),) for name in sides)
        with pytest.raises(SharedSpeaker, match="both sides"):
            Split(train, calibrate, test)


def test_folds_judge_every_speaker_once_and_share_none() -> None:
    clips = pool()
    splits = speaker_folds(clips, 5, 0.2, seed=3)
    judged = [speakers(split.test) for split in splits]
    assert sorted(name for names in judged for name in names) == sorted(speakers(clips))
    for split in splits:
        assert len(split.train) + len(split.calibrate) + len(split.test) == len(clips)
        assert split.calibrate
        assert {c.corpus for c in split.test} == {"one", "two"}


def test_corpus_folds_judge_a_corpus_that_was_never_heard() -> None:
    for split in corpus_folds(pool(), 0.2, seed=3):
        assert {c.corpus for c in split.test}.isdisjoint({c.corpus for c in (*split.train, *split.calibrate)})


def test_the_same_seed_holds_out_the_same_speakers() -> None:
    assert hold_out(pool(), 0.2, 5) == hold_out(pool(), 0.2, 5) != hold_out(pool(), 0.2, 6)


def write_manifest(folder: Path, rows: list[tuple[str, str, str, str]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "corpus", "speaker", "label", "sentence"])
        writer.writerows((name, folder.name, speaker, label, text) for name, speaker, label, text in rows)


def test_noise_unknown_speakers_and_other_sentences_are_no_labelled_clips(tmp_path: Path) -> None:
    rows = [
        ("a.ogg", "s1", "angry", "01"),
        ("b.ogg", "s1", "calm", "02"),
        ("c.ogg", "s2", "boredom", "01"),
        ("d.ogg", "s_unknown", "angry", "01"),
        ("e.ogg", "s_unknown", "none", "background"),
    ]
    write_manifest(tmp_path / "emospeech_in", rows)
    assert [c.label for c in read_corpora(tmp_path, ["emospeech_in"])] == ["angry", "neutral"]
    assert [c.label for c in read_corpora(tmp_path, ["emospeech_in:01"])] == ["angry"]
    assert [path.name for path in read_noises(tmp_path)] == ["e.ogg"]
    assert read_noises(tmp_path / "nowhere") == []


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.csv"):
        read_corpora(tmp_path, ["nothing"])
