"""Corpora are read as they come: each layout on a few files named as its own are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.voices import voice
from train.corpora import Clip, read_data, read_samples
from undervoice.errors import BadInput

SOUND = voice(0.1)

Heard = tuple[str, str, str]
"""File name, speaker and label of a clip."""


def lay(folder: Path, *names: str) -> Path:
    """Write a tenth of a second under each name, and return the folder."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, SOUND, 16_000)
    return folder


def heard(clips: list[Clip]) -> set[Heard]:
    return {(clip.path.name, clip.speaker, clip.label) for clip in clips}


PUBLISHED: dict[str, tuple[list[str], set[Heard]]] = {
    "ravdess": (
        ["Actor_01/03-01-05-01-02-01-01.wav", "Actor_12/03-01-02-02-01-02-12.wav", "Actor_12/03-02-05-01-01-01-12.wav"],
        {("03-01-05-01-02-01-01.wav", "ravdess:01", "angry"), ("03-01-02-02-01-02-12.wav", "ravdess:12", "calm")},
    ),
    "ravdess, flat": (
        ["03-01-01-01-01-01-02.wav", "03-01-08-02-01-01-02.wav"],
        {
            ("03-01-01-01-01-01-02.wav", "ravdess:02", "neutral"),
            ("03-01-08-02-01-01-02.wav", "ravdess:02", "surprised"),
        },
    ),
    "ravdess, speech and song, a second copy, a Mac's litter": (
        [
            "Audio_Speech_Actors_01-24/Actor_01/03-01-07-01-01-01-01.wav",
            "Audio_Song_Actors_01-24/Actor_01/03-02-04-01-01-01-01.wav",
            "audio_speech_actors_01-24/Actor_01/03-01-07-01-01-01-01.wav",
            "__MACOSX/Actor_01/03-01-07-01-01-01-01.wav",
            "Audio_Speech_Actors_01-24/Actor_01/._03-01-07-01-01-01-01.wav",
        ],
        {("03-01-07-01-01-01-01.wav", "ravdess:01", "disgusted")},
    ),
    "emodb": (
        [f"wav/{name}.wav" for name in ("03a01Fa", "03a01Wa", "08b10La", "08a02Ec", "09a04Ad", "10b03Tb", "16a07Nb")],
        {
            ("03a01Fa.wav", "emodb:03", "happy"),
            ("03a01Wa.wav", "emodb:03", "angry"),
            ("08b10La.wav", "emodb:08", "boredom"),
            ("08a02Ec.wav", "emodb:08", "disgusted"),
            ("09a04Ad.wav", "emodb:09", "fearful"),
            ("10b03Tb.wav", "emodb:10", "sad"),
            ("16a07Nb.wav", "emodb:16", "neutral"),
        },
    ),
    "cremad": (
        ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1040_ITH_SAD_X.wav", "AudioWAV/1091_IEO_FEA_HI.wav"],
        {
            ("1001_DFA_ANG_XX.wav", "cremad:1001", "angry"),
            ("1040_ITH_SAD_X.wav", "cremad:1040", "sad"),
            ("1091_IEO_FEA_HI.wav", "cremad:1091", "fearful"),
        },
    ),
    "tess": (
        [
            "TESS Toronto emotional speech set data/OAF_angry/OAF_back_angry.wav",
            "TESS Toronto emotional speech set data/YAF_pleasant_surprised/YAF_bar_ps.wav",
            "TESS Toronto emotional speech set data/OAF_Fear/OAF_base_fear.wav",
            "TESS Toronto emotional speech set data/OAF_neutral/OA_bite_neutral.wav",
            "TESS Toronto emotional speech set data/TESS Toronto again/OAF_angry/OAF_back_angry.wav",
        ],
        {
            ("OAF_back_angry.wav", "tess:OA", "angry"),
            ("YAF_bar_ps.wav", "tess:YA", "pleasant_surprise"),
            ("OAF_base_fear.wav", "tess:OA", "fearful"),
            ("OA_bite_neutral.wav", "tess:OA", "neutral"),
        },
    ),
    "savee, all in one": (
        ["ALL/DC_a01.wav", "ALL/KL_su15.wav", "ALL/JE_sa03.wav", "ALL/JK_n30.wav"],
        {
            ("DC_a01.wav", "savee:DC", "angry"),
            ("KL_su15.wav", "savee:KL", "surprised"),
            ("JE_sa03.wav", "savee:JE", "sad"),
            ("JK_n30.wav", "savee:JK", "neutral"),
        },
    ),
    "savee, by speaker": (
        ["AudioData/DC/a01.wav", "AudioData/DC/d02.wav", "AudioData/KL/h01.wav", "AudioData/KL/f01.wav"],
        {
            ("a01.wav", "savee:DC", "angry"),
            ("d02.wav", "savee:DC", "disgusted"),
            ("h01.wav", "savee:KL", "happy"),
            ("f01.wav", "savee:KL", "fearful"),
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_corpus_is_read_as_it_is_downloaded(tmp_path: Path, name: str) -> None:
    names, expected = PUBLISHED[name]
    clips = read_data([lay(tmp_path / "download", *names)], labels="own")
    assert heard(clips) == expected
    assert len(clips) == len(expected)
    assert {clip.corpus for clip in clips} == {name.partition(",")[0]}


def test_the_seven_leave_boredom_out_and_take_the_others_in(tmp_path: Path) -> None:
    lay(tmp_path / "emodb", "wav/08b10La.wav", "wav/03a01Wa.wav")
    lay(tmp_path / "tess", "YAF_pleasant_surprised/YAF_bar_ps.wav")
    lay(tmp_path / "ravdess", "Actor_12/03-01-02-02-01-02-12.wav")
    assert {clip.label for clip in read_data([tmp_path])} == {"angry", "surprised", "neutral"}


def test_a_folder_of_corpora_is_all_of_them_and_speakers_stay_apart(tmp_path: Path) -> None:
    lay(tmp_path / "a", "Actor_03/03-01-05-01-02-01-03.wav")
    lay(tmp_path / "b" / "emo", "wav/03a01Fa.wav")
    lay(tmp_path / "calls", "angry/03/x.wav", "sad/03/y.flac", "sad/04/z.ogg", "sad/04/deeper/w.mp3")
    (tmp_path / "papers").mkdir()
    assert {clip.speaker for clip in read_data([tmp_path])} == {"ravdess:03", "emodb:03", "calls:03", "calls:04"}


def test_a_speakers_own_folder_of_savee_will_do(tmp_path: Path) -> None:
    assert heard(read_data([lay(tmp_path / "JK", "sa01.wav")])) == {("sa01.wav", "savee:JK", "sad")}


def test_sentences_are_chosen_by_a_suffix(tmp_path: Path) -> None:
    lay(tmp_path / "emodb", "wav/03a01Fa.wav", "wav/03a02Fa.wav", "wav/03b01Fa.wav")
    clips = read_data([f"{tmp_path / 'emodb'}:a01+b01"])
    assert [clip.sentence for clip in clips] == ["a01", "b01"]
    with pytest.raises(BadInput, match=r"emodb:a09 holds no recordings"):
        read_data([f"{tmp_path / 'emodb'}:a09"])


def test_labels_are_folders_and_names_begin_with_the_speaker(tmp_path: Path) -> None:
    lay(
        tmp_path / "calls", "angry/ann_1.wav", "sad/ann_2.wav", "angry/bob_smith_1.wav", "sad/bob_2.wav", "sad/cy_1.wav"
    )
    clips = read_data([tmp_path / "calls"])
    assert {clip.speaker for clip in clips} == {"calls:ann", "calls:bob", "calls:cy"}
    assert {clip.corpus for clip in clips} == {"calls"}


@pytest.mark.parametrize("names", [["angry/one.wav", "sad/two.wav"], ["angry/angry_1.wav", "sad/sad_2.wav"]])
def test_names_that_name_nobody_are_one_unknown_speaker(tmp_path: Path, names: list[str]) -> None:
    assert {clip.speaker for clip in read_data([lay(tmp_path / "calls", *names)])} == {"calls:unknown"}


def test_labels_of_ones_own_are_kept_and_silence_is_none(tmp_path: Path) -> None:
    lay(tmp_path / "calls", "About to Leave/a/1.wav", "curious/a/2.wav", "background/a/3.wav", "none/a/4.wav")
    assert {clip.label for clip in read_data([tmp_path / "calls"], labels="own")} == {"about_to_leave", "curious"}
    with pytest.raises(BadInput, match=r"1\.wav: label 'About to Leave' .*--labels own"):
        read_data([tmp_path / "calls"])


def test_somebodys_split_is_no_label_and_its_speakers_are_one_pool(tmp_path: Path) -> None:
    lay(tmp_path / "calls", "train/angry/ann/1.wav", "test/sad/ann/2.wav")
    assert {(clip.speaker, clip.label) for clip in read_data([tmp_path / "calls"])} == {
        ("calls:ann", "angry"),
        ("calls:ann", "sad"),
    }


def test_a_recording_that_a_corpus_does_not_know_is_named(tmp_path: Path) -> None:
    lay(tmp_path, "Actor_01/03-01-05-01-02-01-01.wav", "Actor_01/03-01-06-01-02-01-01.wav", "Actor_01/mine.wav")
    with pytest.raises(BadInput, match=r"looks like RAVDESS, but .*mine\.wav"):
        read_data([tmp_path])


def test_a_recording_beside_the_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"stray\.wav has no label"):
        read_data([lay(tmp_path, "angry/1.wav", "stray.wav")])


@pytest.mark.parametrize("place", ["", "nowhere", "note.txt"])
def test_a_place_without_recordings_says_what_would_be_one(tmp_path: Path, place: str) -> None:
    (tmp_path / "note.txt").write_text("none")
    with pytest.raises(BadInput, match=r"manifest.*one folder per label.*RAVDESS"):
        read_data([tmp_path / place])


def test_links_are_followed_and_a_loop_ends(tmp_path: Path) -> None:
    lay(tmp_path / "far", "Actor_01/03-01-05-01-02-01-01.wav")
    (tmp_path / "data").mkdir()
    os.symlink(tmp_path / "far", tmp_path / "data" / "ravdess")
    os.symlink(tmp_path / "data", tmp_path / "far" / "loop")
    assert len(read_data([tmp_path / "data"])) == 1


def test_the_same_place_twice_gives_each_recording_once(tmp_path: Path) -> None:
    lay(tmp_path, "angry/1.wav", "sad/2.wav")
    assert len(read_data([tmp_path, tmp_path])) == 2


@pytest.mark.parametrize("name", ["clip.wav", "clip.flac", "clip.ogg", "clip.mp3"])
def test_every_format_sounds_the_same(tmp_path: Path, name: str) -> None:
    sound = voice(0.6)
    stereo = np.stack([sound, sound], axis=1) / 32_768  # as floats: libsndfile 1.2 writes garbled MP3 from integers
    soundfile.write(tmp_path / name, stereo, 16_000)
    back = read_samples(tmp_path / name).astype(float)
    match = np.correlate(back, sound.astype(float), "full")  # at its best shift: some MP3 begin with a gap
    assert match.max() / np.sqrt(np.sum(back**2) * np.sum(sound.astype(float) ** 2)) > 0.95


def test_what_is_no_sound_is_refused_by_name_before_training(tmp_path: Path) -> None:
    lay(tmp_path / "calls", "angry/a/1.wav", "sad/a/2.wav")
    broken = tmp_path / "calls" / "sad" / "a" / "2.wav"
    broken.write_text("no sound at all")
    with pytest.raises(BadInput, match=r"2\.wav cannot be read"):
        read_data([tmp_path / "calls"])
    with pytest.raises(BadInput, match=r"2\.wav cannot be read"):
        read_samples(broken)
    soundfile.write(broken, SOUND[:0], 16_000)
    with pytest.raises(BadInput, match=r"2\.wav holds no sound"):
        read_data([tmp_path / "calls"])
    shutil.rmtree(broken.parent)
    assert len(read_data([tmp_path / "calls"])) == 1
