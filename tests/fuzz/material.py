"""What fuzzed calls are made of: sounds in every format, and scores that follow from the segment alone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from tests.rules.made import scores
from tests.voices import noise, silence, voice
from undervoice.audio import MULAW, RATES, AudioFormat
from undervoice.emotion import Emotion, Samples, Scores, Segment

SOUND_SEC = 6.0
KINDS = ("voice", "speech", "room", "noise", "nothing", "bytes")
LAYOUTS = (("customer",), ("customer", "agent"), ("agent", "customer"), ("agent",))
FORMATS = [
    AudioFormat(encoding, rate, layout) for encoding in ("pcm_s16le", "mulaw") for rate in RATES for layout in LAYOUTS
]


@cache
def sound(kind: str, sample_rate: int) -> Samples:
    """Return some seconds of a kind of sound."""
    count = round(SOUND_SEC * sample_rate)
    match kind:
        case "voice":
            return voice(SOUND_SEC, sample_rate=sample_rate)
        case "speech":
            words = [
                piece
                for n in range(6)
                for piece in (voice(0.7, pitch_hz=120 + 20 * n, sample_rate=sample_rate), _quiet(sample_rate, n))
            ]
            return np.concatenate(words)[:count]
        case "room":
            return silence(SOUND_SEC, sample_rate=sample_rate)
        case "noise":
            return noise(SOUND_SEC, level=0.1, sample_rate=sample_rate)
        case "bytes":
            return np.random.default_rng(5).integers(-32_768, 32_768, count).astype(np.int16)
    return np.zeros(count, np.int16)


def _quiet(sample_rate: int, seed: int) -> Samples:
    return silence(0.3 + 0.1 * seed, sample_rate=sample_rate, seed=seed)


@dataclass(frozen=True)
class Piece:
    """Some bytes of a kind of sound on the customer's channel; the agent talks over it."""

    kind: str
    start: float
    """0…1: where in the sound it begins."""
    size: int
    """Bytes at 16 kHz PCM16 mono; other formats get as many as last as long."""

    def encode(self, audio: AudioFormat) -> bytes:
        """Return the piece as a client sends it."""
        customer = sound(self.kind, audio.sample_rate)
        count = min(len(customer), self.size * audio.sample_rate // 32_000 + 2)
        first = int(self.start * (len(customer) - count))
        talk = sound("speech", audio.sample_rate)[:count]
        columns = {"customer": customer[first : first + count], "agent": np.resize(talk, count)}
        frames = np.stack([columns[name] for name in audio.channels], axis=1)
        size = self.size * audio.frame_bytes * audio.sample_rate // 32_000 + self.size % 3
        return (frames.astype("<i2").tobytes() if audio.encoding == "pcm_s16le" else _mulaw(frames))[:size]


_ORDER = np.argsort(MULAW, kind="stable")


def _mulaw(frames: np.ndarray) -> bytes:
    """Return the codes whose values are nearest from above."""
    places = np.searchsorted(MULAW[_ORDER], frames.ravel()).clip(max=255)
    return _ORDER[places].astype(np.uint8).tobytes()


def verdict(segment: Segment) -> Scores | None:
    """Return what the model says of a segment, the same whoever asks; ``None`` where it was shed."""
    chance = zlib.crc32(f"{segment.start}:{segment.end}:{segment.trigger}".encode())
    if chance % 8 == 0:
        return None
    emotion = list(Emotion)[chance % 3 + 2] if chance % 5 else Emotion.NEUTRAL
    return scores(emotion.value, 0.4 + chance % 50 / 100, uncertain=chance % 4 == 0)
