"""What the calls of a load say: one loop of real speech, and how many readings each place of it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from undervoice.emotion import SAMPLE_RATE, Samples, Segment
from undervoice.errors import BadAudio
from undervoice.vad import Segmenter, SegmenterConfig, SpeechEnded, SpeechStarted

GRAIN = SAMPLE_RATE // 10
"""Samples (100 ms): a loop is a whole number of them, so that frames of any length go round in it."""
LOOP_SEC = 90.0
"""How long a loop with pauses is at least: long enough that its turns differ."""
TURN_SEC = (2.0, 8.0)
"""How long somebody speaks at a time where there are pauses."""
NOISE_DBFS = -65.0
"""A quiet line: what is heard between two turns."""
LEAST_SPEECH_SEC = 5.0
SEED = 6


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call that starts at some place must be told."""

    finals: int
    provisionals: int
    speech_sec: float


def recorded(paths: Sequence[Path]) -> Samples:
    """Return recordings one after another at 16 kHz, their first channels.

    Raises:
        BadAudio: when one of them cannot be read.
    """
    return np.concatenate([_read(path) for path in paths])


def _read(path: Path) -> Samples:
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string if path.is_file() else "no such file"
        raise BadAudio(f"{path}: {reason}", code="undecodable_audio") from None
    mono = soxr.resample(sound[:, 0], rate, SAMPLE_RATE) if rate != SAMPLE_RATE else sound[:, 0]
    samples: Samples = np.clip(np.rint(np.nan_to_num(mono) * 32_768), -32_768, 32_767).astype(np.int16)
    return samples


def loop(samples: Samples, share: float) -> Samples:
    """Return audio that can be played round and round, of which a share is speech.

    Raises:
        BadAudio: when there is too little speech to make calls of.
    """
    speech = _spoken(samples)
    if len(speech) < LEAST_SPEECH_SEC * SAMPLE_RATE:
        raise BadAudio(f"there is less than {LEAST_SPEECH_SEC:.0f} s of speech in this audio", code="no_speech")
    made = speech if share >= 1 else _with_pauses(speech, share)
    return made[: len(made) // GRAIN * GRAIN]


def _spoken(samples: Samples) -> Samples:
    """Return the stretches in which somebody speaks, one after another."""
    places = [
        event.sample
        for event in _events(samples, SegmenterConfig(provisional=0))
        if isinstance(event, SpeechStarted | SpeechEnded)
    ]
    parts = [samples[start:end] for start, end in zip(places[::2], places[1::2], strict=False)]
    return np.concatenate(parts) if parts else samples[:0]


def _with_pauses(speech: Samples, share: float) -> Samples:
    """Return turns of speech, each followed by as much quiet noise as the share asks for."""
    chance = np.random.default_rng(SEED)
    level = 32_768 * 10 ** (NOISE_DBFS / 20)
    parts: list[Samples] = []
    place, length = 0, 0
    while length < LOOP_SEC * SAMPLE_RATE:
        turn = int(chance.uniform(*TURN_SEC) * SAMPLE_RATE)
        quiet = chance.normal(0, level, int(turn * (1 - share) / share)).astype(np.int16)
        parts += [np.resize(np.roll(speech, -place), turn), quiet]
        place, length = place + turn, length + turn + len(quiet)
    return np.concatenate(parts)


def heard(loop_of: Samples, place: int, length: int) -> Samples:
    """Return what a call says that starts at a place of the loop, ``int16[length]``."""
    return np.resize(np.roll(loop_of, -place), length)


def expected(samples: Samples, provisional: int) -> Expected:
    """Return what a call must be told that says this and stops; ``provisional`` in samples, 0: none."""
    finals = provisionals = spoken = 0
    for event in _events(samples, SegmenterConfig(provisional=provisional)):
        if isinstance(event, Segment):
            finals += event.final
            provisionals += not event.final
            spoken += (event.end - event.start) * event.final
    return Expected(finals, provisionals, spoken / SAMPLE_RATE)


def _events(samples: Samples, config: SegmenterConfig) -> Iterator[object]:
    segmenter = Segmenter(config)
    for start in range(0, len(samples), SAMPLE_RATE):
        yield from segmenter.push(samples[start : start + SAMPLE_RATE])
    yield from segmenter.finish()
