"""Recordings on disk, scored without a server: several at a time, since a model scores segments faster together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from undervoice.clips import ClipCall, clip_result, cut
from undervoice.emotion import Scores, Segment
from undervoice.errors import BadAudio, Internal, UndervoiceError
from undervoice.model import Model
from undervoice.recordings import CONTAINERS, Recording, open_recording

RAW_SUFFIXES = (".raw", ".pcm")
"""Files that hold bare 16 kHz 16-bit samples; all others must say what they are."""
TOGETHER = 64
"""Segments that are scored in one go, of however many files: those of like length among them share a run."""
PART_FILES, PART_BYTES = 16, 2**20
"""Most that is handed to one process at a time, but for a single larger file: enough to share runs, and to keep the
results of one part from waiting for the other's."""
BYTES_PER_SEC = 8_000
"""What a second of a recording takes on disk, roughly: as FLAC more, as Ogg less."""
WINDOW_SEC = 2.5
Result = dict[str, Any]
"""One line of ``--json``: the file and its reading, or the file and its error."""


@dataclass(eq=False, slots=True)
class _File:
    path: Path
    recording: Recording | None = None
    segments: list[Segment] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    error: UndervoiceError | None = None

    def cut(self) -> Iterator[Segment]:
        """Yield the segments as the file is decoded; what is wrong with it is kept, not raised."""
        try:
            self.recording = open_recording(_read(self.path))
            yield from cut(self.recording, self.recording.sample_rate)
        except Exception as error:  # one strange file must not end the work on a thousand others
            self.fail(error)

    def take(self, segment: Segment, scores: Scores) -> None:
        """Keep a score, and of its segment all but the samples: a recording may last for hours."""
        self.segments.append(replace(segment, samples=segment.samples[:0].copy()))
        self.scores.append(scores)

    def fail(self, error: Exception) -> None:
        """Keep the first thing that went wrong."""
        told = error if isinstance(error, UndervoiceError) else Internal(f"{type(error).__name__}: {error}")
        self.error = self.error or told

    def result(self, model: Model, began: float) -> Result:
        """Return the line of the file."""
        if self.error or self.recording is None:
            error = self.error or Internal("the file was not read")
            return {"file": str(self.path), "error": {"code": error.code, "message": " ".join(error.message.split())}}
        call = ClipCall(self.recording.default_call_id, None, datetime.now(UTC))
        latency_ms = (time.perf_counter() - began) * 1000
        result = clip_result(self.recording, self.segments, self.scores, call, model, latency_ms)
        return {"file": str(self.path), **msgspec.to_builtins(result)}


def score_files(model: Model, paths: Sequence[Path]) -> list[Result]:
    """Score some files; one that fails does not keep the others."""
    began = time.perf_counter()
    files = [_File(path) for path in paths]
    flow = ((file, segment) for file in files for segment in file.cut())
    while batch := list(islice(flow, TOGETHER)):
        _score(model, batch)
    return [file.result(model, began) for file in files]


def _score(model: Model, batch: list[tuple[_File, Segment]]) -> None:
    try:
        scores = model.score([segment for _, segment in batch])
    except Exception as error:
        if len(batch) == 1:
            batch[0][0].fail(error)
            return
        for one in batch:  # so that it shows whose segment it is
            _score(model, [one])
        return
    for (file, segment), score in zip(batch, scores, strict=True):
        file.take(segment, score)


def parts_of(paths: Sequence[Path]) -> list[list[Path]]:
    """Return the files in the order given, in parts that one process scores at a time."""
    parts: list[list[Path]] = []
    room = 0
    for path in paths:
        size = _size(path)
        if not parts or size > room or len(parts[-1]) == PART_FILES:
            parts.append([])
            room = PART_BYTES
        parts[-1].append(path)
        room -= size
    return parts


def cost_sec(model: Model, paths: Sequence[Path]) -> float:
    """Return about how long one process takes for some files."""
    return sum(map(_size, paths)) / BYTES_PER_SEC / WINDOW_SEC * model.segment_sec


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it is said when it is read


def _read(path: Path) -> bytes:
    """Return a recording's bytes; whatever does not say that it is one must be named as bare samples."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadAudio(error.strerror or str(error), code="unreadable_file") from None
    if not data:
        raise BadAudio("the file is empty", code="empty_audio")
    if not data.startswith(CONTAINERS) and path.suffix.lower() not in RAW_SUFFIXES:
        raise BadAudio("no WAV, FLAC or Ogg recording", code="undecodable_audio")
    return data
