"""Labelled clips as the service hears them: decoded, cut and scored by the product's own code, on all cores."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr

from undervoice.clips import ClipCall, clip_result, cut_clip
from undervoice.emotion import SAMPLE_RATE, Samples, Segment
from undervoice.errors import BadAudio, NoSpeech, UndervoiceError
from undervoice.model import Model
from undervoice.recordings import CONTAINERS, decode_clip
from undervoice.recordings import Clip as Recording

from .augment import add_noise, telephone, to_int16
from .corpora import Clip, read_noises, read_samples
from .windows import cut_windows
from .workers import spread_work

QUIET_DBFS = -90.0
"""The noise floor of segments that the segmenter did not cut; no probability depends on it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A poor telephone line: background noise at the caller's end, then 8 kHz mu-law."""

    noises: tuple[Path, ...] = ()
    """Recordings of rooms and streets; without any, white noise is taken."""
    snr_db: float = 15.0
    seed: int = 7

    def noise(self, path: Path) -> Samples:
        """Return the noise behind one clip, always the same for the same clip and seed."""
        rng = np.random.default_rng((self.seed, zlib.crc32(path.name.encode())))
        if self.noises:
            bed = read_noise(self.noises[int(rng.integers(len(self.noises)))])
            if np.any(bed):
                return bed
        return to_int16(rng.standard_normal(10 * SAMPLE_RATE) * 1000)

    def send(self, samples: Samples, path: Path) -> Samples:
        """Return 16 kHz samples as they come out at the other end."""
        return telephone(add_noise(samples, self.noise(path), self.snr_db))

    @property
    def words(self) -> str:
        """What was done to the clips, for a report."""
        bed = f"{len(self.noises)} recordings of rooms and streets" if self.noises else "white noise"
        return f"background noise {self.snr_db:g} dB under the clip ({bed}), then an 8 kHz mu-law line"


@lru_cache(maxsize=256)
def read_noise(path: Path) -> Samples:
    """Return a background recording, kept for the next clip."""
    return read_samples(path)


def find_noises(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the background recordings that lie in or beside the given folders."""
    folders = dict.fromkeys(folder for place in places for folder in (place, place.resolve().parent))
    return tuple(dict.fromkeys(path for folder in folders for path in read_noises(folder)))


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the service says of one labelled clip."""

    clip: Clip
    probabilities: dict[str, float]
    """The mean over its segments, weighted by duration."""
    detected: str = ""
    uncertain: bool = False
    unheard: bool = False
    """The segmenter heard nobody, so the clip was cut where its energy lies."""
    error: str = ""
    """Why there is no answer; empty where there is one."""


def open_recording(path: Path, line: Line | None = None) -> Recording:
    """Return a clip's recording as the service decodes it, or as it comes through a line.

    Raises:
        UndervoiceError: when it cannot be decoded or holds no audio.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadAudio(error.strerror or str(error), code="unreadable_file") from None
    if data.startswith(CONTAINERS):
        recording = decode_clip(data)
    else:  # MP3 may hold labelled speech, though the service takes none
        recording = Recording(read_samples(path), SAMPLE_RATE, hashlib.sha256(data).hexdigest())
    if not len(recording.samples):
        raise BadAudio("there is no audio in it", code="empty_audio")
    if line is None:
        return recording
    samples = recording.samples
    if recording.sample_rate != SAMPLE_RATE:
        samples = to_int16(soxr.resample(samples.astype(np.float32), recording.sample_rate, SAMPLE_RATE))
    return Recording(line.send(samples, path), SAMPLE_RATE, recording.sha256)


def cut_recording(recording: Recording) -> tuple[list[Segment], bool]:
    """Return the segments that the service scores, and whether its segmenter found them.

    A clip in which it hears nobody is cut where its energy lies, so that no clip drops out of the figures.
    """
    try:
        return cut_clip(recording), True
    except NoSpeech:
        samples = recording.samples
        if recording.sample_rate != SAMPLE_RATE:
            samples = to_int16(soxr.resample(samples.astype(np.float32), recording.sample_rate, SAMPLE_RATE))
        pieces = cut_windows(samples)
        return [Segment("customer", 0, len(piece), piece, "flush", QUIET_DBFS) for piece in pieces], False


def answer(model: Model, clip: Clip, line: Line | None = None) -> Answer:
    """Return what the service says of a clip; one that cannot be heard gets an error in place of an answer."""
    try:
        recording = open_recording(clip.path, line)
        segments, heard = cut_recording(recording)
        scores = model.score(segments)
        call = ClipCall(recording.default_call_id, None, datetime.now(UTC))
        result = clip_result(recording, segments, scores, call, model, 0.0)
    except UndervoiceError as error:
        return Answer(clip, {}, error=error.message)
    except Exception as error:  # one strange file must not end the work on a thousand others
        return Answer(clip, {}, error=f"{type(error).__name__}: {error}")
    return Answer(clip, result.all_emotions_confidence, result.detected_emotion, result.uncertain, not heard)


_loaded: list[Model] = []
"""The one model of a worker process."""


def load(folder: Path) -> None:
    """Load the model of this process."""
    _loaded[:] = [Model.load(folder)]


def answer_loaded(task: tuple[Clip, Line | None]) -> Answer:
    """Answer with this process's model."""
    return answer(_loaded[0], *task)


def answers(
    folder: Path, clips: Sequence[Clip], line: Line | None = None, workers: int | None = None
) -> Iterator[Answer]:
    """Yield the service's answer to each clip, in order."""
    yield from spread_work(answer_loaded, [(clip, line) for clip in clips], load, (folder,), workers)
