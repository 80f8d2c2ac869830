"""Labelled speech on disk: which clips there are, who speaks, and what they are taken for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr

from undervoice.emotion import SAMPLE_RATE, Emotion, Samples
from undervoice.errors import BadAudio, BadInput

from .layouts import KNOWN, MANIFEST, SPLITS, Recording, audio_files, layout_of, read_label_folders, read_manifest

LABELS: tuple[str, ...] = tuple(Emotion)
"""The seven, in the order in which a model answers them."""

WORDS = {
    "neutral": "calm calmness",
    "happy": "happiness joy",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise pleasant_surprise pleasant_surprised ps",
    "fearful": "fear",
    "disgusted": "disgust",
}
"""Other words for the seven, and calm, since a calm caller sounds neutral to an agent."""

MERGED = {word: name for name, words in WORDS.items() for word in words.split()}

NO_LABEL = frozenset({"", "none", "empty", "background"})
"""What stands where nobody says anything; never a label."""

LEFT_OUT = NO_LABEL | {"boredom", "bored"}
"""Labels without a place among the seven: such clips are not used."""

BACKGROUND = "background"
"""The ``sentence`` of clips in which nobody says anything: room and street noise."""

UNKNOWN_SPEAKER = "unknown"
"""Clips of unknown speakers cannot be kept apart: they are left out, unless their whole corpus names nobody."""

Labels = Literal["seven", "own"]
"""Which labels are trained: the seven of the product, or whatever the data holds."""

LICENCES = {
    "ravdess": "CC BY-NC-SA 4.0",
    "emodb": "free download, no formal text seen",
    "nemo": "CC BY-NC-SA 4.0",
    "ased": "none stated",
    "emospeech_in": "CC BY-NC-SA 4.0",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: where it lies, who speaks and which of the seven it was meant to be."""

    path: Path
    corpus: str
    speaker: str
    label: str
    sentence: str = ""

    @property
    def target(self) -> int:
        """The label's place among the seven."""
        return LABELS.index(self.label)


def plain_label(label: str) -> str:
    """Return a label in lower case, with ``_`` for spaces."""
    return "_".join(label.lower().split())


def map_label(label: str) -> str | None:
    """Return the one of the seven a corpus's label stands for, or None to leave the clip out.

    Raises:
        BadInput: a label nobody has decided about.
    """
    name = plain_label(label).replace("-", "_")
    name = MERGED.get(name, name)
    if name in LEFT_OUT:
        return None
    if name not in LABELS:
        raise BadInput(f"label {label!r} stands for none of the seven; --labels own trains on the labels as they are")
    return name


def labels_of(clips: Iterable[Clip]) -> tuple[str, ...]:
    """Return the labels a model of these clips answers: the seven where they hold no other, else theirs, sorted."""
    found = {clip.label for clip in clips}
    return LABELS if found <= set(LABELS) else tuple(sorted(found))


def default_data(start: Path = Path(__file__)) -> Path:
    """Return the ``shared/data`` that lies beside the repository."""
    for parent in start.resolve().parents:
        if (parent / "shared" / "data").is_dir():
            return parent / "shared" / "data"
    raise BadInput("no folder shared/data beside the repository: name one with --data")


def read_data(
    places: Sequence[str | Path], labels: Labels = "seven", left_out: Counter[str] | None = None
) -> list[Clip]:
    """Return the labelled clips of several places, each recording once.

    Args:
        places: manifests, folders in a layout that ``layouts`` knows, or folders of such folders;
            ``PLACE:01+02`` keeps those sentences only.
        labels: ``seven`` maps every label to one of the seven, ``own`` keeps what is there.
        left_out: where to count the recordings that are not used, by corpus and reason.

    Raises:
        BadInput: a place, a manifest's cell, a label or a recording that cannot be used; the message names it.
    """
    found = [recording for place in places for recording in read_place(place)]
    named = {recording.corpus for recording in found if speaker_of(recording)}
    clips: dict[Path, Clip] = {}
    for recording in found:
        label = label_of(recording, labels)
        speaker = speaker_of(recording) or (UNKNOWN_SPEAKER if recording.corpus not in named else "")
        if label is None or not speaker:
            if left_out is not None:
                what = BACKGROUND if recording.sentence == BACKGROUND else plain_label(recording.label) or "no label"
                left_out[f"{recording.corpus}: {what if label is None else 'speaker unknown'}"] += 1
            continue
        # The corpus keeps speaker 01 of one apart from speaker 01 of another.
        about = (recording.corpus, f"{recording.corpus}:{speaker}", label, recording.sentence)
        clip = clips.setdefault(recording.path.resolve(), Clip(recording.path, *about))
        if clip.label != label:
            raise BadInput(f"{recording.origin('label')}: {label}, but the same file is {clip.label} elsewhere")
        check_sound(recording)
    if not clips:
        raise BadInput(f"no labelled clip in {', '.join(map(str, places))}")
    return list(clips.values())


def speaker_of(recording: Recording) -> str:
    """Return a speaker's name within the corpus; empty where it is unknown."""
    name = recording.speaker.strip().removeprefix(f"{recording.corpus}_")
    return "" if name.lower().endswith(UNKNOWN_SPEAKER) else name


def label_of(recording: Recording, labels: Labels) -> str | None:
    """Return the label a recording is used with, or None to leave it out."""
    if recording.sentence == BACKGROUND:
        return None
    try:
        name = map_label(recording.label) if labels == "seven" else plain_label(recording.label)
    except BadInput as error:
        raise BadInput(f"{recording.origin('label')}: {error}") from None
    return None if name in NO_LABEL else name


def check_sound(recording: Recording) -> None:
    """Refuse a recording that is not there, cannot be decoded or is empty, before hours go into the others."""
    where = f"{recording.origin('file')}: " if recording.listed else ""
    if not recording.path.is_file():
        raise BadInput(f"{where}there is no file {recording.path}")
    try:
        empty = soundfile.info(recording.path).frames == 0
    except soundfile.LibsndfileError as error:
        raise BadAudio(f"{where}{recording.path} cannot be read: {error.error_string}") from error
    if empty:
        raise BadAudio(f"{where}{recording.path} holds no sound")


def read_place(place: str | Path) -> list[Recording]:
    """Return the recordings of one place; ``PLACE:01+02`` keeps those sentences only."""
    path, kept = Path(place), ""
    if not path.exists() and ":" in str(place):
        head, _, kept = str(place).rpartition(":")
        path = Path(head)
    manifest = path.is_file() and path.suffix.lower() == ".csv"
    found = read_folder(path) if path.is_dir() else read_manifest(path) if manifest else []
    chosen = [recording for recording in found if not kept or recording.sentence in kept.split("+")]
    if not chosen:
        raise BadInput(f"{place} holds no recordings: it must be a manifest (.csv) or a folder with {KNOWN}")
    return chosen


def read_folder(folder: Path) -> list[Recording]:
    """Return the recordings of a folder: by its manifest, as a published corpus, of several corpora, or by label."""
    if (folder / MANIFEST).is_file():
        return read_manifest(folder / MANIFEST)
    files = audio_files(folder)
    if whole := layout_of(folder, files):
        return whole.read(folder, files)
    below = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    if any(is_corpus(child) for child in below):
        # A folder of papers or pictures beside the corpora is none of them.
        below = [child for child in below if audio_files(child) or any(child.rglob(MANIFEST))]
        return [recording for child in below for recording in read_folder(child)]
    if not by_label(folder) and (most := layout_of(folder, files, share=0.5)):
        other = next(file for file in files if not most.match(folder, file))
        raise BadInput(f"{folder} looks like {most.title}, but {other} is none of its recordings: move it elsewhere")
    return read_label_folders(folder, files)


def is_corpus(folder: Path) -> bool:
    """Return whether a folder can be told for a corpus, or for several, by itself."""
    if (folder / MANIFEST).is_file() or layout_of(folder, audio_files(folder)):
        return True
    if by_label(folder):
        return folder.name.lower() not in SPLITS  # one side of a split shares its speakers with the other
    return any(is_corpus(child) for child in folder.iterdir() if child.is_dir())


def by_label(folder: Path) -> bool:
    """Return whether every folder below is called as an emotion is."""
    names = [plain_label(child.name) for child in folder.iterdir() if child.is_dir() and audio_files(child)]
    return bool(names) and all(name in LABELS or name in MERGED or name in LEFT_OUT for name in names)


def read_corpora(data: Path, names: Sequence[str]) -> list[Clip]:
    """Return the clips of several corpora below ``data`` with the seven; ``name:01+02`` keeps those sentences."""
    return read_data([data / name for name in names])


def read_noises(data: Path, corpus: str = "emospeech_in") -> list[Path]:
    """Return the recordings of room and street noise; none where the corpus is not there."""
    manifest = data / corpus / MANIFEST
    if not manifest.is_file():
        return []
    return [row.path for row in read_manifest(manifest) if row.sentence == BACKGROUND and row.label == "none"]


def read_samples(path: Path) -> Samples:
    """Return a recording as ``int16[n]`` at 16 kHz, its channels averaged.

    Raises:
        BadAudio: the file is not there or cannot be decoded.
    """
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadAudio(f"{path} cannot be read: {error.error_string}") from error
    mono = np.nan_to_num(audio.mean(axis=1))
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    samples: Samples = np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)
    return samples
