"""What the parts cost, each beside the bare library that it rests on or the limit that it must keep, in one run.

.venv/bin/python tests/bench/parts.py
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import python_speech_features as psf
import webrtcvad

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.voices import sentence, voice  # noqa: E402

from undervoice.emotion import Segment  # noqa: E402
from undervoice.features import log_mel, logfbank  # noqa: E402
from undervoice.model import Model  # noqa: E402
from undervoice.vad import FRAME, Segmenter, SegmenterConfig  # noqa: E402

LIMITS_MS = {"accurate": 25.0, "compact": 2.0}
"""Most that a segment of 2.5 s may take on one thread, features included."""
CALL = sentence(*[0.5, 3.0] * 10)
WINDOW = voice(2.5)


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the median duration of some work, after one run that is not counted."""
    work()
    durations = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        durations.append((time.perf_counter() - began) * 1000)
    return statistics.median(durations)


def segment_call() -> None:
    segmenter = Segmenter(SegmenterConfig())
    for at in range(0, len(CALL), 1600):
        segmenter.push(CALL[at : at + 1600])


def bare_vad() -> None:
    vad, pcm = webrtcvad.Vad(2), CALL.tobytes()
    for at in range(0, len(pcm) - 2 * FRAME, 2 * FRAME):
        vad.is_speech(pcm[at : at + 2 * FRAME], 16_000)


def scored_ms(name: str) -> float:
    """Return the cost of scoring one segment on one thread, features included."""
    model = Model.load(REPOSITORY / "models" / name)
    segment = Segment("customer", 0, len(WINDOW), WINDOW, "window", -60.0)
    return median_ms(lambda: model.score([segment]), 50)


def main() -> None:
    seconds = len(CALL) / 16_000
    definition = median_ms(lambda: psf.logfbank(WINDOW, 16_000, nfilt=40, nfft=512), 20)
    rows = [
        ("log filter-bank energies of 2.5 s", median_ms(lambda: logfbank(WINDOW), 50), "python_speech_features",
         definition),
        ("Whisper's log mel of 2.5 s", median_ms(lambda: log_mel(WINDOW), 50), "python_speech_features", definition),
        ("segmenter, a second of audio", median_ms(segment_call, 5) / seconds, "webrtcvad alone",
         median_ms(bare_vad, 5) / seconds),
        *((f"{name}, a segment with features", scored_ms(name), "limit", limit) for name, limit in LIMITS_MS.items()),
    ]  # fmt: skip
    for name, ours, peer, theirs in rows:
        print(f"{name:36} {ours:7.3f} ms   {peer:24} {theirs:7.3f} ms   ratio {ours / theirs:5.2f}")


if __name__ == "__main__":
    main()
