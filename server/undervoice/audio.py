"""From the wire's bytes to 16 kHz samples, the same ones however the bytes were cut.

Everything advances in whole blocks of 10 ms counted from a fixed place, so the resampler is always
fed the same sequence, and every place in a call is a whole number of input frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt
import soxr

from undervoice.emotion import GRID, SAMPLE_RATE, Channel, Samples
from undervoice.errors import BadStart, UnsupportedAudio

RATES = (8_000, 16_000, 24_000, 32_000, 44_100, 48_000)
"""Hz: the sample rates that are served."""
SAMPLE_BYTES = {"pcm_s16le": 2, "mulaw": 1}


def _mulaw_table() -> npt.NDArray[np.int16]:
    """Return what each mu-law byte means, ``int16[256]`` (ITU-T G.711, table 2a)."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = ((mantissa.astype(np.int32) << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


MULAW = _mulaw_table()


@dataclass(frozen=True)
class AudioFormat:
    """What binary frames hold: encoding, sample rate in Hz, and the interleaved channels in order."""

    encoding: str = "pcm_s16le"
    sample_rate: int = SAMPLE_RATE
    channels: tuple[str, ...] = ("customer",)

    def __post_init__(self) -> None:
        if self.encoding not in SAMPLE_BYTES:
            raise UnsupportedAudio(f"no such encoding: {self.encoding[:32]!r} (pcm_s16le or mulaw)")
        if self.sample_rate not in RATES:
            raise UnsupportedAudio(f"{self.sample_rate} Hz is not served: {', '.join(map(str, RATES))}")
        known = set(get_args(Channel))
        if len(set(self.channels)) != len(self.channels) or not set(self.channels) <= known:
            raise BadStart("channels names each of customer and agent at most once, in order")
        if not self.channels:
            raise BadStart("channels names at least one channel")

    @cached_property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return SAMPLE_BYTES[self.encoding] * len(self.channels)

    @cached_property
    def block(self) -> int:
        """Input frames in 10 ms."""
        return self.sample_rate // 100

    def duration_sec(self, size: int) -> float:
        """Return how long ``size`` bytes last."""
        return size / (self.frame_bytes * self.sample_rate)


class Decoder:
    """Turns frames of any size into samples; an incomplete sample is carried into the next frame."""

    def __init__(self, audio: AudioFormat) -> None:
        self.format = audio
        self._carry = b""

    def push(self, data: bytes) -> npt.NDArray[np.int16]:
        """Return ``int16[n, channels]``."""
        data = self._carry + data if self._carry else data
        whole = len(data) - len(data) % self.format.frame_bytes
        self._carry = data[whole:]
        if self.format.encoding == "mulaw":
            samples = MULAW[np.frombuffer(data, np.uint8, count=whole)]
        else:
            samples = np.frombuffer(data, "<i2", count=whole // 2).astype(np.int16, copy=False)
        return samples.reshape(-1, len(self.format.channels))


class Tape:
    """One channel at 16 kHz that can be wound back and played again from an earlier place.

    Places are call samples, multiples of ``GRID``. Winding back starts a fresh resampler, so what
    follows a place depends on nothing before it.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, start: int = 0) -> None:
        self._rate = sample_rate
        self._block = sample_rate // 100
        self._native = bytearray()
        """Input from ``_native_start`` on, ``int16``; unused at 16 kHz but for an incomplete block."""
        self._native_start = start
        self._call = bytearray()
        self._call_start = start
        self._stream: soxr.ResampleStream | None = None
        self._fed = 0
        """Blocks of ``_native`` that the resampler has had."""
        self._finished = False
        """Nothing follows what was pushed last, so that also a fresh resampler's tail is due."""

    @property
    def end(self) -> int:
        """The place up to which samples can be read."""
        return self._call_start + len(self._call) // 2

    @property
    def received(self) -> int:
        """The place up to which audio has come in whole blocks; a resampler's output lags behind it."""
        if self._rate == SAMPLE_RATE:
            return self.end
        return self._native_start + len(self._native) // (2 * self._block) * GRID

    def push(self, samples: Samples) -> None:
        """Take ``int16[n]`` at the input rate."""
        self._finished = False
        self._native += samples.tobytes()
        self._feed()

    def _feed(self) -> None:
        size = self._block * 2
        if self._rate == SAMPLE_RATE:
            whole = len(self._native) - len(self._native) % size
            self._call += memoryview(self._native)[:whole]
            del self._native[:whole]
            return
        while (self._fed + 1) * size <= len(self._native):
            block = self._native[self._fed * size : (self._fed + 1) * size]
            self._fed += 1
            self._resample(np.frombuffer(block, np.int16))

    def _resample(self, block: Samples, last: bool = False) -> None:
        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        # float32 and our own rounding: soxr's int16 output is dithered.
        out = self._stream.resample_chunk(block.astype(np.float32), last=last)
        self._call += np.clip(np.rint(out), -32_768, 32_767).astype(np.int16).tobytes()

    def finish(self) -> None:
        """Make the resampler's delayed tail readable; a gap or the end follows."""
        self._finished = True
        self._drain()

    def _drain(self) -> None:
        if self._stream is None:
            return
        self._resample(np.zeros(0, np.int16), last=True)
        whole = self._native_start + self._fed * GRID - self._call_start
        self._call = (self._call + bytes(2 * GRID))[: 2 * whole]
        self._stream = None

    def rewind(self, place: int) -> None:
        """Start again at ``place`` with a fresh resampler; what lay before can no longer be read."""
        self.forget(place)
        if self._rate == SAMPLE_RATE:
            return
        del self._call[:]
        self._stream, self._fed = None, 0
        self._feed()
        if self._finished:
            self._drain()

    def forget(self, before: int, native_before: int | None = None) -> None:
        """Let go of the samples before a place (of the input's before another, no later one)."""
        drop = before - self._call_start
        if drop > 0:
            del self._call[: 2 * drop]
            self._call_start += drop
        if self._rate == SAMPLE_RATE:
            return
        blocks = max(0, (before if native_before is None else native_before) - self._native_start) // GRID
        del self._native[: 2 * blocks * self._block]
        self._native_start += blocks * GRID
        self._fed -= blocks

    def skip(self, samples: int) -> None:
        """Move on by a gap, a multiple of ``GRID``; audio of an incomplete block leads what follows."""
        place = self.end + samples
        if self._rate != SAMPLE_RATE:
            del self._native[: 2 * self._fed * self._block]
        self._call.clear()
        self._stream, self._fed = None, 0
        self._native_start = self._call_start = place

    def read(self, start: int, end: int) -> bytes:
        """Return the samples of ``start … end`` as little-endian ``int16`` bytes."""
        with memoryview(self._call) as view:
            return bytes(view[2 * (start - self._call_start) : 2 * (end - self._call_start)])
