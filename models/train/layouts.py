"""How recordings lie on disk: manifests, published corpora as downloaded, and one folder per label.

A corpus is recognised by the names of its files alone. Nothing here decides about labels: they come as the corpus
gives them, and ``corpora`` says what they stand for.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undervoice.errors import BadInput

MANIFEST = "manifest.csv"
REQUIRED = ("file", "label")
"""Columns of a manifest; it may also have ``corpus``, ``speaker``, ``sentence`` and any others."""

AUDIO = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3"})
"""Endings of the files that are taken for recordings."""

SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
"""Folders that are somebody's split rather than a label; speakers are split anew."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One file and what its corpus says about it."""

    path: Path
    corpus: str
    speaker: str
    """As the corpus names the speaker; empty where nobody knows."""
    label: str
    sentence: str
    listed: str = ""
    """The manifest and line that list it; empty where the file's name says everything."""

    def origin(self, column: str) -> str:
        """Return what an error names: the manifest's line and column, or the file."""
        return f"{self.listed}, column {column!r}" if self.listed else str(self.path)


@dataclass(frozen=True, slots=True)
class Layout:
    """A published corpus and how its file names are read."""

    name: str
    title: str
    pattern: re.Pattern[str]
    """Finds a path without its ending. Groups tell one recording from another; a match without ``label`` belongs to
    the corpus and is left out."""
    labels: Mapping[str, str]

    def match(self, folder: Path, file: Path) -> re.Match[str] | None:
        """Return what the name says, or None where it is none of this corpus's."""
        # The folder's own name is read too, so that SAVEE's DC/ may be given by itself.
        return self.pattern.search(f"{folder.resolve().name}/{file.relative_to(folder).with_suffix('').as_posix()}")

    def read(self, folder: Path, files: Sequence[Path]) -> list[Recording]:
        """Return the recordings among files; a copy of one in another folder is left out, as archives hold some."""
        found: dict[tuple[str | None, ...], Recording] = {}
        for file in files:
            match = self.match(folder, file)
            if match and match["label"]:
                label = self.labels[match["label"].lower()]
                recording = Recording(file, self.name, match["speaker"], label, match["sentence"])
                found.setdefault(match.groups(), recording)
        return list(found.values())


def layout(name: str, title: str, pattern: str, labels: Mapping[str, str]) -> Layout:
    """Return a row of the table, whose pattern begins after a slash and ends where the file's name does."""
    return Layout(name, title, re.compile(rf"(?:^|/)(?:{pattern})$"), labels)


def numbered(*labels: str) -> dict[str, str]:
    """Return labels by their number, as two digits from 01."""
    return {f"{number:02}": label for number, label in enumerate(labels, 1)}


LAYOUTS = (
    layout(  # modality 03 is sound alone, channel 01 speech; video and song are left out
        "ravdess",
        "RAVDESS",
        r"03-01-(?P<label>0[1-8])-(\d\d)-(?P<sentence>\d\d)-(\d\d)-(?P<speaker>\d\d)|0[1-3]-0[12]-0[1-8](?:-\d\d){4}",
        numbered("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
    ),
    layout(  # the letters are German: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral
        "emodb",
        "EMO-DB",
        r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<label>[WLEAFTN])([a-z]?)",
        {"w": "angry", "l": "boredom", "e": "disgusted", "a": "fearful", "f": "happy", "t": "sad", "n": "neutral"},
    ),
    layout(  # one file ends in X instead of XX
        "cremad",
        "CREMA-D",
        r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<label>ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)",
        {"ang": "angry", "dis": "disgusted", "fea": "fearful", "hap": "happy", "neu": "neutral", "sad": "sad"},
    ),
    layout(  # one file says OA instead of OAF
        "tess",
        "TESS",
        r"(?P<speaker>[OY]A)F?_(?P<sentence>[A-Za-z]+)_(?P<label>(?i:angry|disgust|fear|happy|neutral|ps|sad))",
        {
            "angry": "angry",
            "disgust": "disgusted",
            "fear": "fearful",
            "happy": "happy",
            "neutral": "neutral",
            "ps": "pleasant_surprise",
            "sad": "sad",
        },
    ),
    layout(
        "savee",
        "SAVEE",
        r"(?P<speaker>DC|JE|JK|KL)[_/](?P<label>sa|su|[adfhn])(?P<sentence>\d\d)",
        {
            "a": "angry",
            "d": "disgusted",
            "f": "fearful",
            "h": "happy",
            "n": "neutral",
            "sa": "sad",
            "su": "surprised",
        },
    ),
)
"""The published corpora that are read as they are downloaded."""

KNOWN = f"a manifest.csv, one folder per label, or the files of {', '.join(row.title for row in LAYOUTS)}"


def audio_files(folder: Path) -> list[Path]:
    """Return the recordings below a folder, in order; links are followed, hidden files and archive litter are not."""
    found: list[Path] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(root)) in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        found += [Path(root, name) for name in sorted(names) if is_audio(name)]
    return found


def is_audio(name: str) -> bool:
    """Return whether a file's name is a recording's."""
    return Path(name).suffix.lower() in AUDIO and not name.startswith(".")


def layout_of(folder: Path, files: Sequence[Path], share: float = 1.0) -> Layout | None:
    """Return the layout that at least ``share`` of the files follow, or None."""
    for row in LAYOUTS:
        matching = sum(1 for file in files if row.match(folder, file))
        if files and matching >= share * len(files):
            return row
    return None


def read_label_folders(folder: Path, files: Sequence[Path]) -> list[Recording]:
    """Return the recordings of ``LABEL/[SPEAKER/]NAME``.

    The speaker is the folder below the label, else the file's name up to its first ``_`` where such beginnings repeat
    across labels, else unknown.

    Raises:
        BadInput: a recording lies in no label's folder.
    """
    ways = {file: file.relative_to(folder).parts for file in files}
    if all(way[0].lower() in SPLITS for way in ways.values()):
        ways = {file: way[1:] for file, way in ways.items()}
    if stray := next((file for file, way in ways.items() if len(way) < 2), None):
        raise BadInput(f"{stray} has no label: {folder} must hold {KNOWN}")
    beginnings = speaker_beginnings(ways.values())
    corpus = folder.resolve().name
    return [
        Recording(file, corpus, way[1] if len(way) > 2 else beginnings.get(way[-1], ""), way[0], "")
        for file, way in ways.items()
    ]


def speaker_beginnings(ways: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the speaker that each file's name begins with; nothing where the beginnings name no speakers.

    They do where every name directly in a label's folder has one, and at least half of them speak in two labels.
    """
    labels: dict[str, set[str]] = defaultdict(set)
    names = [(way[0], way[-1]) for way in ways if len(way) == 2]
    for label, name in names:
        labels[name.partition("_")[0] if "_" in name else ""].add(label)
    repeated = sum(1 for found in labels.values() if len(found) > 1)
    if "" in labels or 2 * repeated < max(1, len(labels)):
        return {}
    return {name: name.partition("_")[0] for _, name in names}


def read_manifest(manifest: Path) -> list[Recording]:
    """Return the recordings that a manifest lists, files being relative to its folder.

    Raises:
        BadInput: the table, or one of its cells, is not what it must be; the line and column are named.
    """
    corpus = manifest.resolve().parent.name if manifest.name == MANIFEST else manifest.stem
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            check_columns(manifest, table.fieldnames)
            return [read_row(manifest, table.line_num, row, corpus) for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{manifest} is no CSV in UTF-8: {error}") from error


def check_columns(manifest: Path, columns: Sequence[str] | None) -> None:
    """Refuse a manifest without the columns that it must have."""
    for column in REQUIRED:
        if column not in (columns or ()):
            raise BadInput(f"{manifest}, line 1: no column {column!r} among {', '.join(columns or ()) or 'none'}")


def read_row(manifest: Path, line: int, row: dict[str | None, Any], corpus: str) -> Recording:
    """Return one line of a manifest."""
    where = f"{manifest}, line {line}"
    if None in row:
        raise BadInput(f"{where}: {len(row[None])} cells beyond the last column")
    if short := next((column for column, cell in row.items() if cell is None), None):
        raise BadInput(f"{where}, column {short!r}: the line ends before it")
    if not row["file"].strip():
        raise BadInput(f"{where}, column 'file': empty")
    about = (row.get("corpus") or corpus, row.get("speaker", ""), row["label"], row.get("sentence", ""))
    return Recording(manifest.parent / row["file"].strip(), *about, listed=where)
