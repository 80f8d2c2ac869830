"""Which clips are used, what they are taken for, and who stands on which side of a split."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.voices import voice
from train.corpora import LABELS, Clip, default_data, labels_of, map_label, read_corpora, read_data, read_noises
from train.split import SharedSpeaker, Split, corpus_folds, hold_out, speaker_folds, speakers
from undervoice.emotion import Emotion
from undervoice.errors import BadInput

SOUND = voice(0.1)


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


@pytest.mark.parametrize(
    ("label", "taken_for"),
    [
        ("calm", "neutral"),
        ("Happy", "happy"),
        ("boredom", None),
        ("Pleasant Surprise", "surprised"),
        ("pleasant-surprised", "surprised"),
        ("fear", "fearful"),
        ("empty", None),
    ],
)
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


def write_sound(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, SOUND, 16_000)


def write_manifest(folder: Path, rows: list[tuple[str, str, str, str]]) -> None:
    for name, *_ in rows:
        write_sound(folder / name)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "corpus", "speaker", "label", "sentence"])
        writer.writerows((name, folder.name, speaker, label, text) for name, speaker, label, text in rows)


def write_lines(folder: Path, *lines: str) -> Path:
    """Write a manifest as it stands, beside the one recording ``a.wav``."""
    write_sound(folder / "a.wav")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_noise_unknown_speakers_and_other_sentences_are_no_labelled_clips(tmp_path: Path) -> None:
    rows = [
        ("a.wav", "s1", "angry", "01"),
        ("b.wav", "s1", "calm", "02"),
        ("c.wav", "s2", "boredom", "01"),
        ("d.wav", "s_unknown", "angry", "01"),
        ("e.wav", "s_unknown", "none", "background"),
    ]
    write_manifest(tmp_path / "emospeech_in", rows)
    left_out: Counter[str] = Counter()
    assert [c.label for c in read_data([tmp_path / "emospeech_in"], left_out=left_out)] == ["angry", "neutral"]
    assert {reason.partition(": ")[2]: count for reason, count in left_out.items()} == {
        "boredom": 1,
        "speaker unknown": 1,
        "background": 1,
    }
    assert [c.label for c in read_corpora(tmp_path, ["emospeech_in"])] == ["angry", "neutral"]
    assert [c.label for c in read_corpora(tmp_path, ["emospeech_in:01"])] == ["angry"]
    assert [c.label for c in read_data([tmp_path / "emospeech_in"], "own")] == ["angry", "calm", "boredom"]
    assert [path.name for path in read_noises(tmp_path)] == ["e.wav"]
    assert read_noises(tmp_path / "nowhere") == []


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.csv"):
        read_corpora(tmp_path, ["nothing"])


def test_a_manifest_needs_a_file_and_a_label_and_nothing_else(tmp_path: Path) -> None:
    write_lines(tmp_path / "calls", "\ufefffile,label", "a.wav,Very Angry")
    (clip,) = read_data([tmp_path / "calls"], "own")
    assert clip == Clip(tmp_path / "calls" / "a.wav", "calls", "calls:unknown", "very_angry")


def test_a_manifest_may_have_any_name_and_name_files_elsewhere(tmp_path: Path) -> None:
    write_sound(tmp_path / "far" / "x.wav")
    (tmp_path / "mine.csv").write_text(f"speaker,label,file\nann,sad,{tmp_path / 'far' / 'x.wav'}\n")
    (clip,) = read_data([str(tmp_path / "mine.csv")])
    assert (clip.speaker, clip.path) == ("mine:ann", tmp_path / "far" / "x.wav")


def test_speakers_of_different_corpora_never_meet(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a", [("a.wav", "01", "angry", "")])
    write_manifest(tmp_path / "b", [("a.wav", "01", "angry", ""), ("b.wav", "b_02", "sad", "")])
    write_lines(tmp_path / "c", "file,label", "a.wav,sad")
    assert speakers(read_data([tmp_path])) == {"a:01", "b:01", "b:02", "c:unknown"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,mood", "a.wav,sad"], "line 1: no column 'label' among file, mood"),
        ([""], "line 1: no column 'file'"),
        (["file,label", "a.wav,sad", ",sad"], "line 3, column 'file': empty"),
        (["file,label", "a.wav,sad", "b.wav,sad"], r"line 3, column 'file': there is no file .*b\.wav"),
        (["file,label", "a.wav"], "line 2, column 'label': the line ends before it"),
        (["file,label", "a.wav,sad,x"], "line 2: 1 cells beyond the last column"),
        (["file,label", "a.wav,smug"], "line 2, column 'label': label 'smug' .*--labels own"),
        (["file,label", "a.wav,sad", "a.wav,angry"], r"line 3, column 'label': angry, but .* sad elsewhere"),
        (["file,label", '"a.wav,sad'], "is no CSV"),
        (["file,label", "a.wav,none"], "no labelled clip"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named_by_line_and_column(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read_data([write_lines(tmp_path / "calls", *lines)])


def test_a_manifest_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path, "")
    (tmp_path / "manifest.csv").write_bytes("file,label\na.wav,wütend".encode("latin-1"))
    with pytest.raises(BadInput, match="UTF-8"):
        read_data([tmp_path], "own")


@given(st.lists(st.sampled_from(LABELS), min_size=1))
def test_labels_among_the_seven_come_in_the_products_order(found: list[str]) -> None:
    assert labels_of([clip("s", label) for label in found]) == LABELS


@given(st.lists(st.text(min_size=1), min_size=1))
def test_other_labels_come_sorted_and_once(found: list[str]) -> None:
    names = labels_of([clip("s", label) for label in [*found, "about_to_leave"]])
    assert list(names) == sorted({*found, "about_to_leave"})


@given(st.text())
def test_a_label_is_mapped_to_one_of_the_seven_left_out_or_refused(label: str) -> None:
    with suppress(BadInput):
        assert map_label(label) in (None, *LABELS)


@pytest.mark.data
def test_the_labelled_speech_beside_the_repository_is_read_whole() -> None:
    try:
        data = default_data()
    except BadInput:
        pytest.skip("no shared/data beside the repository")
    clips = read_data([data])
    assert {c.corpus for c in clips} >= {"ravdess", "emodb", "nemo"}
    assert len({c.path for c in clips}) == len(clips)
    assert not any(c.speaker.endswith("unknown") for c in clips)
