"""What a phone line's codec leaves of a voice: G.711, GSM full rate and Opus, encoded and decoded again.

G.711 is two tables. GSM and Opus are the real codecs inside libsndfile, run in memory: no other program is needed, and
libsndfile takes their delay out. A build of libsndfile without one of them offers the others.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import soundfile

NARROW = 8_000
WIDE = 16_000

Audio = npt.NDArray[np.float32]
"""``float32[n]`` in the scale of 16-bit samples."""

OPUS_KBPS = (6, 256)
"""The bit rates between which libsndfile lets ``compression_level`` choose, from 1 down to 0."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec as callers meet it."""

    name: str
    rate: int
    """Samples a second on the line, in Hz."""
    weight: float
    """How often it is drawn, against the others."""
    through: Callable[[Audio], Audio]
    """Encodes and decodes ``float32[n]`` at ``rate``; what comes back may be some samples longer."""
    needs: tuple[str, str] | None = None
    """Container and subtype that libsndfile must know; None: nothing."""

    @property
    def here(self) -> bool:
        """Whether the installed libsndfile can run it."""
        return self.needs is None or self.needs[1] in soundfile.available_subtypes(self.needs[0])


def mirror(magnitude: npt.NDArray[np.int64]) -> Audio:
    """Return magnitudes with both signs, ascending and without repeats."""
    return np.unique(np.concatenate([-magnitude, magnitude])).astype(np.float32)


@lru_cache(maxsize=1)
def mulaw_levels() -> Audio:
    """Return the 255 amplitudes that G.711 mu-law can express, ascending."""
    code = np.arange(128)
    return mirror((((code & 15) << 3) + 132 << (code >> 4)) - 132)


@lru_cache(maxsize=1)
def alaw_levels() -> Audio:
    """Return the 256 amplitudes that G.711 A-law can express, ascending; zero is none of them."""
    code = np.arange(128)
    step, segment = code & 15, code >> 4
    return mirror(np.where(segment == 0, (step << 4) + 8, (step << 4) + 264 << np.maximum(segment - 1, 0)))


def compand(audio: Audio, levels: Audio) -> Audio:
    """Return audio with each sample at the nearest of ``levels``."""
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, audio)]


def mulaw(audio: Audio) -> Audio:
    """Return ``float32[n]`` after G.711 mu-law, the line of North America and Japan."""
    return compand(audio, mulaw_levels())


def alaw(audio: Audio) -> Audio:
    """Return ``float32[n]`` after G.711 A-law, the line of Europe and most of the world."""
    return compand(audio, alaw_levels())


def encode(audio: Audio, rate: int, container: str, subtype: str, kbps: float | None = None) -> bytes:
    """Return audio as a file of libsndfile's; ``kbps`` is Opus's bit rate."""
    low, high = OPUS_KBPS
    level = None if kbps is None else (high - kbps) / (high - low)
    samples = np.clip(np.rint(audio), -32_768, 32_767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype, compression_level=level)
    return file.getvalue()


def decode(file: bytes) -> Audio:
    """Return a mono file's audio as ``float32[n]`` in the scale of 16-bit samples."""
    # As floats: lossy decoders overshoot full scale, and integers would wrap around.
    audio, _ = soundfile.read(io.BytesIO(file), dtype="float32")
    return np.asarray(audio * 32_768, np.float32)


def coded(audio: Audio, rate: int, container: str, subtype: str, kbps: float | None = None) -> Audio:
    """Return audio encoded and decoded again by libsndfile."""
    return decode(encode(audio, rate, container, subtype, kbps))


GSM = ("WAV", "GSM610")
OPUS = ("OGG", "OPUS")


def opus(name: str, rate: int, kbps: float, weight: float) -> Codec:
    """Return Opus at a bit rate in kbit/s."""
    through = partial(coded, rate=rate, container=OPUS[0], subtype=OPUS[1], kbps=kbps)
    return Codec(name, rate, weight, through, OPUS)


CODECS = (
    Codec("mulaw", NARROW, 0.40, mulaw),
    Codec("alaw", NARROW, 0.30, alaw),
    Codec("gsm", NARROW, 0.25, partial(coded, rate=NARROW, container=GSM[0], subtype=GSM[1]), GSM),
    opus("opus-narrow-12k", NARROW, 12, 0.02),
    opus("opus-wide-16k", WIDE, 16, 0.02),
    opus("opus-wide-24k", WIDE, 24, 0.01),
)
"""The codecs of callers and how often each is drawn: G.711 seven times in ten, since that is what a contact centre's
trunk carries; GSM for mobile legs; Opus, for calls from apps and browsers, seldom, because its encoder takes ten times
as long as all else together. The proportions are a judgement, not a measurement."""


@lru_cache(maxsize=1)
def offered() -> tuple[Codec, ...]:
    """Return the codecs that can be run here."""
    return tuple(codec for codec in CODECS if codec.here)


def missing() -> tuple[str, ...]:
    """Return the names of the codecs that cannot be run here, for a run's log."""
    return tuple(codec.name for codec in CODECS if not codec.here)


def draw(rng: np.random.Generator) -> Codec:
    """Return a codec drawn by weight."""
    codecs = offered()
    weights = np.cumsum([codec.weight for codec in codecs])
    return codecs[int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))]
