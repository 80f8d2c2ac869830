"""Recordings of any served kind become 16-bit samples of the customer's channel."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from undervoice.audio import RATES
from undervoice.emotion import SAMPLE_RATE, Samples
from undervoice.errors import BadAudio, TooLarge, UnsupportedAudio

CONTAINERS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS")
"""How the recordings begin that are decoded; anything else can only be raw samples."""
RAW_TYPES = ("application/octet-stream", None)
CONTAINER_TYPES = (
    "audio/wav",
    "audio/x-wav",
    "audio/wave",
    "audio/vnd.wave",
    "audio/flac",
    "audio/x-flac",
    "audio/ogg",
)
MAX_CHANNELS = 8
MAX_RATE = 192_000
VALUES_PER_SEC = 96_000
"""Stereo at 48 kHz: what a second of the longest clip may hold, so that a few bytes of silence in many channels at
a high rate do not unpack for minutes."""
BLOCK_VALUES = 2**17
"""Samples of all channels that are decoded at a time; after each read libsndfile seeks, and decodes some FLAC anew."""
BLOCK_SEC = 1
"""Seconds of bare samples that are handed on at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A decoded recording's customer channel: ``int16[n]`` at one of the listed rates."""

    samples: Samples
    sample_rate: int
    sha256: str
    """Of the bytes that it was decoded from."""

    @property
    def default_call_id(self) -> str:
        """The id of a clip that names no call: the same recording is always the same call."""
        return f"clip-{self.sha256[:16]}"

    @property
    def duration_sec(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(slots=True, eq=False)
class Recording:
    """A recording that is decoded while it is read: ``int16[n]`` blocks at one of the listed rates."""

    blocks: Iterator[Samples]
    """To be read once. Bad audio, or too much of it, shows only then."""
    sample_rate: int
    sha256: str
    """Of the bytes that it is decoded from."""
    decoded: int = field(default=0)
    """Samples that have been read so far."""

    @property
    def default_call_id(self) -> str:
        """The id of a clip that names no call: the same recording is always the same call."""
        return f"clip-{self.sha256[:16]}"

    @property
    def duration_sec(self) -> float:
        """Its length in seconds, as far as it has been read."""
        return self.decoded / self.sample_rate

    def __iter__(self) -> Iterator[Samples]:
        for block in self.blocks:
            self.decoded += len(block)
            yield block


def decode_clip(
    data: bytes, media_type: str | None = None, *, column: int = 0, longest_sec: float | None = None
) -> Clip:
    """Decode WAV, FLAC, Ogg, or raw 16 kHz PCM16 as a whole; ``open_recording`` has the arguments and errors."""
    recording = open_recording(data, media_type, column=column, longest_sec=longest_sec)
    parts = list(recording)
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return Clip(samples, recording.sample_rate, recording.sha256)


def open_recording(
    data: bytes, media_type: str | None = None, *, column: int = 0, longest_sec: float | None = None
) -> Recording:
    """Begin to decode WAV, FLAC, Ogg, or raw 16 kHz PCM16; whatever it unpacks to, a second of it is held at a time.

    Args:
        data: the whole recording.
        media_type: as the client named it; ``None`` to go by the first bytes alone.
        column: which channel is the customer's; the others are dropped here.
        longest_sec: refuse what decodes to more.

    Raises:
        BadAudio: empty or undecodable.
        UnsupportedAudio: a type, rate or channel layout that is not served.
        TooLarge: longer than ``longest_sec``.
    """
    if not data:
        raise BadAudio("there is no audio in the request", code="empty_audio")
    kind = media_type.partition(";")[0].strip().lower() if media_type else None
    if kind not in RAW_TYPES and kind not in CONTAINER_TYPES:
        raise UnsupportedAudio(f"{kind[:64] if kind else kind!r} is not served: WAV, FLAC, Ogg or raw 16 kHz PCM16")
    sha256 = hashlib.sha256(data).hexdigest()
    if data.startswith(CONTAINERS):
        file = _open_container(data, column)
        rate: int = file.samplerate
        served = rate if rate in RATES else SAMPLE_RATE
        return Recording(_resampled(_decoded(file, column, longest_sec), rate, served), served, sha256)
    if kind in CONTAINER_TYPES:
        raise BadAudio(f"this is no {kind} recording", code="undecodable_audio")
    samples = np.frombuffer(data, "<i2", count=len(data) // 2).astype(np.int16)
    _check_length(len(samples), SAMPLE_RATE, 1, longest_sec)
    step = BLOCK_SEC * SAMPLE_RATE
    return Recording((samples[start : start + step] for start in range(0, len(samples), step)), SAMPLE_RATE, sha256)


def _open_container(data: bytes, column: int) -> soundfile.SoundFile:
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError as error:
        raise _undecodable(error) from error
    if not RATES[0] <= file.samplerate <= MAX_RATE or not column < file.channels <= MAX_CHANNELS:
        raise UnsupportedAudio(f"{file.samplerate} Hz with {file.channels} channels is not served")
    return file


def _decoded(file: soundfile.SoundFile, column: int, longest_sec: float | None) -> Iterator[Samples]:
    """Yield one column; a few bytes can declare, or compress, hours, so that what comes out is counted."""
    exact = file.subtype == "PCM_16"
    step, frames = BLOCK_VALUES // file.channels, 0
    with file:
        try:
            while len(block := file.read(step, dtype="int16" if exact else "float32", always_2d=True)):
                frames += len(block)
                _check_length(frames, file.samplerate, file.channels, longest_sec)
                yield block[:, column].copy() if exact else _int16(block[:, column])
        except soundfile.LibsndfileError as error:
            raise _undecodable(error) from error


def _resampled(blocks: Iterator[Samples], rate: int, served: int) -> Iterator[Samples]:
    if rate == served:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate, served, 1, dtype="float32")
    for block in blocks:
        yield _int16(resampler.resample_chunk(block.astype(np.float32) / 32_768))
    yield _int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _check_length(frames: int, rate: int, channels: int, longest_sec: float | None) -> None:
    if longest_sec is None:
        return
    if frames > longest_sec * rate:
        raise TooLarge(f"a clip is at most {longest_sec:.0f} seconds long")
    if frames * channels > longest_sec * VALUES_PER_SEC:
        raise TooLarge(f"a clip holds at most {longest_sec * VALUES_PER_SEC:.0f} samples in all its channels")


def _undecodable(error: soundfile.LibsndfileError) -> BadAudio:
    return BadAudio(f"the recording cannot be decoded: {error.error_string}", code="undecodable_audio")


def _int16(signal: npt.NDArray[np.float32]) -> Samples:
    """Round ``float32[n]`` in −1…1 to samples."""
    # Clipped first: a file of floats may hold any, and the largest would overflow.
    return np.minimum(np.rint(np.clip(np.nan_to_num(signal), -1, 1) * 32_768), 32_767).astype(np.int16)
