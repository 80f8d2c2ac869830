"""A recording played as a live call: frames of 100 ms at a rate that the server takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from undervoice.audio import RATES
from undervoice.emotion import GRID, SAMPLE_RATE
from undervoice.errors import BadAudio, BadInput

FRAMES_A_SECOND = 10


class Recording:
    """An open recording. Its own rate is kept where the server lists it, else it becomes 16 kHz.

    ``channels`` names the file's first channels in order; channels without a name are not sent.
    """

    def __init__(self, path: Path, channels: Sequence[str] = ("customer",)) -> None:
        self.path, self.channels = path, tuple(channels)
        try:
            self._file = soundfile.SoundFile(path)
        except soundfile.LibsndfileError as error:
            reason = error.error_string if path.is_file() else "no such file"
            raise BadAudio(f"{path}: {reason}", code="undecodable_audio") from None
        if len(self.channels) > self._file.channels:
            self._file.close()
            raise BadInput(f"{path} has {self._file.channels} channels, not {len(self.channels)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def sample_rate(self) -> int:
        """The rate of what ``frames`` yields, in Hz."""
        return self._file.samplerate if self._file.samplerate in RATES else SAMPLE_RATE

    @property
    def duration_sec(self) -> float:
        """Its length as the file's header tells it."""
        return float(self._file.frames / self._file.samplerate)

    def frames(self, start: int = 0) -> Iterator[bytes]:
        """Yield interleaved little-endian 16-bit samples, 100 ms a frame; the last may be shorter.

        Args:
            start: the call sample at 16 kHz to begin at, a multiple of 160.
        """
        size = self.sample_rate // FRAMES_A_SECOND * len(self.channels) * 2
        skipped = start // GRID * (self.sample_rate // 100)
        pending = bytearray()
        for block in self._blocks():
            # Reading up to the place, not seeking: compressed files are then heard the same again.
            pending += _pcm(block[skipped:])
            skipped -= min(skipped, len(block))
            while len(pending) >= size:
                yield bytes(pending[:size])
                del pending[:size]
        if pending:
            yield bytes(pending)

    def _blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """Yield ``float32[n, channels]`` at the rate that is sent."""
        rate, width = self._file.samplerate, len(self.channels)
        if self._file.seekable():
            self._file.seek(0)
        resampler = None
        if rate not in RATES:
            resampler = soxr.ResampleStream(rate, SAMPLE_RATE, width, dtype="float32", quality="HQ")
        try:
            for block in self._file.blocks(blocksize=rate, dtype="float32", always_2d=True):
                named = np.ascontiguousarray(block[:, :width])
                yield resampler.resample_chunk(named) if resampler else named
        except soundfile.LibsndfileError as error:
            raise BadAudio(f"{self.path}: {error.error_string}", code="undecodable_audio") from None
        if resampler:
            yield resampler.resample_chunk(np.zeros((0, width), np.float32), last=True)


def _pcm(block: npt.NDArray[np.float32]) -> bytes:
    """Round −1…1 to 16 bits; a 16-bit recording comes out as it went in."""
    return bytes(np.clip(np.rint(np.nan_to_num(block) * 32_768), -32_768, 32_767).astype("<i2").tobytes())
