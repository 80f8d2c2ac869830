"""Recordings of any served kind become 16-bit samples of the customer's channel."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

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
BLOCK_SEC = 10


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


def decode_clip(
    data: bytes, media_type: str | None = None, *, column: int = 0, longest_sec: float | None = None
) -> Clip:
    """Decode WAV, FLAC, Ogg, or raw 16 kHz PCM16.

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
        return Clip(*_decode_container(data, column, longest_sec), sha256)
    if kind in CONTAINER_TYPES:
        raise BadAudio(f"this is no {kind} recording", code="undecodable_audio")
    samples = np.frombuffer(data, "<i2", count=len(data) // 2).astype(np.int16)
    _check_length(len(samples), SAMPLE_RATE, longest_sec)
    return Clip(samples, SAMPLE_RATE, sha256)


def _decode_container(data: bytes, column: int, longest_sec: float | None) -> tuple[Samples, int]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = file.samplerate
            if not RATES[0] <= rate <= MAX_RATE or not column < file.channels <= MAX_CHANNELS:
                raise UnsupportedAudio(f"{rate} Hz with {file.channels} channels is not served")
            parts: list[Samples] = []
            decoded = 0
            # A few bytes can declare, or compress, hours: what is decoded is counted block by block.
            while len(block := file.read(rate * BLOCK_SEC, dtype="float32", always_2d=True)):
                decoded += len(block)
                _check_length(decoded, rate, longest_sec)
                parts.append(_int16(block[:, column]))
    except soundfile.LibsndfileError as error:
        raise BadAudio(f"the recording cannot be decoded: {error.error_string}", code="undecodable_audio") from error
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    if rate in RATES:
        return samples, rate
    return _int16(soxr.resample(samples.astype(np.float32) / 32_768, rate, SAMPLE_RATE)), SAMPLE_RATE


def _check_length(frames: int, rate: int, longest_sec: float | None) -> None:
    if longest_sec is not None and frames > longest_sec * rate:
        raise TooLarge(f"a clip is at most {longest_sec:.0f} seconds long")


def _int16(signal: npt.NDArray[np.float32]) -> Samples:
    """Round ``float32[n]`` in −1…1 to samples; 16-bit recordings come out as they went in."""
    return np.clip(np.rint(np.nan_to_num(signal) * 32_768), -32_768, 32_767).astype(np.int16)
