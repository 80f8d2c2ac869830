"""How fast recordings on disk are scored, and what of that the model takes; ratios to the goals in one run.

    .venv/bin/python tests/bench/analyze.py [FOLDER …]

Runs ``undervoice analyze --model compact --json`` on the FLAC files of the folders (those of ../shared/data, or the
sample call), as they are and joined to calls of five minutes, start-up and all. Beside it, in one process a core and
without start-up: windows of 2.5 s from samples in memory (features and model), and the model on features that wait.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import undervoice.cli  # noqa: F401  # first: it keeps OpenBLAS to one thread, as in the command

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"
SAMPLE_CALL = REPOSITORY / "widget" / "src" / "demo" / "sample-call.flac"
MODEL = REPOSITORY / "models" / "compact"
CORES = os.cpu_count() or 1
REAL_TIME, FROM_RAW, CLASSIFIER = 1_000, 800, 6_604
"""Goals: times real time, and segments a second; what an earlier system's classifier did on ready features."""
RUNS, CALL_SEC, WINDOW, WINDOWS, MEASURED_SEC = 3, 300, 40_000, 64, 3.0


@dataclass(frozen=True)
class Run:
    """What one run of the command came to."""

    audio_sec: float
    segments: int
    wall_sec: float
    cpu_sec: float

    def __str__(self) -> str:
        times, rate = self.audio_sec / self.wall_sec, self.segments / self.wall_sec
        free = self.audio_sec / self.cpu_sec * CORES
        return (
            f"{self.audio_sec:6.0f} s of audio in {self.wall_sec:5.2f} s: {times:5.0f} x real time "
            f"({times / REAL_TIME:.2f} of the goal), {rate:5.0f} segments/s ({rate / FROM_RAW:.2f}); "
            f"{self.cpu_sec:.2f} CPU s, which {CORES} idle cores would do at {free:.0f} x"
        )


def command(files: list[Path]) -> Run:
    """Run the command on some files."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    line = [sys.executable, "-m", "undervoice", "analyze", "--model", "compact", "--json", *map(str, files)]
    output = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False).stdout
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answers = [answer for line in output.splitlines() if "segments" in (answer := json.loads(line))]
    segments = sum(len(answer["segments"]) for answer in answers)
    return Run(sum(answer["end_offset_sec"] for answer in answers), segments, wall, cpu)


def median_run(files: list[Path]) -> Run:
    """Return the middle one of some runs; the first also warms the disk's cache."""
    return sorted((command(files) for _ in range(RUNS)), key=lambda run: run.wall_sec)[RUNS // 2]


def joined(files: list[Path], folder: Path) -> Iterator[Path]:
    """Write the files' sound as calls of five minutes."""
    import numpy as np
    import soundfile

    parts, length, rate = [], 0, 16_000
    for number, file in enumerate(files, 1):
        audio, rate = soundfile.read(file, dtype="int16", always_2d=True)
        parts.append(audio[:, 0])
        length += len(audio)
        if length >= CALL_SEC * rate or number == len(files):
            path = folder / f"call-{number:05d}.flac"
            soundfile.write(path, np.concatenate(parts), rate)
            parts, length = [], 0
            yield path


# ---------------------------------------------------------------- in memory, one process a core

_barriers: list[Barrier] = []


def _meet(barrier: Barrier) -> None:
    _barriers[:] = [barrier]


def windows_a_second(file: Path, ready: bool) -> float:
    """Return how many windows one process scores, from samples or from features that are ready."""
    import numpy as np
    import soundfile

    from undervoice.emotion import Segment
    from undervoice.model import Model

    model, audio = Model.load(MODEL), soundfile.read(file, dtype="int16")[0]
    cuts = [np.roll(audio, -97 * number)[:WINDOW] for number in range(WINDOWS)]
    segments = [Segment("customer", 0, WINDOW, np.ascontiguousarray(cut), "window", -60.0) for cut in cuts]
    features = [model.sidecar.features.compute(segment.samples) for segment in segments]
    _barriers[0].wait(timeout=60)
    began, scored = time.perf_counter(), 0
    while (lasted := time.perf_counter() - began) < MEASURED_SEC:
        scored += len(model.run(features) if ready else model.score(segments))
    return scored / lasted


def on_all_cores(file: Path, ready: bool) -> float:
    """Return what one process a core score together in a second."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(CORES, context, initializer=_meet, initargs=(context.Barrier(CORES),)) as pool:
        return sum(pool.map(windows_a_second, [file] * CORES, [ready] * CORES))


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or [DATA]
    files = sorted(file for folder in folders for file in folder.rglob("*.flac")) or [SAMPLE_CALL] * 50
    print(f"{CORES} cores, load {os.getloadavg()[0]:.1f}; {len(files)} FLAC files")
    print(f"start-up and one file: {median_run([files[0]]).wall_sec:.2f} s")
    print(f"files as they are  {median_run(files)}")
    with tempfile.TemporaryDirectory() as folder:
        calls = list(joined(files, Path(folder)))
        print(f"{len(calls):3} calls          {median_run(calls)}")
        raw, alone = (on_all_cores(calls[0], ready) for ready in (False, True))
    print(f"an earlier system's classifier did {CLASSIFIER} segments/s on features that were ready")
    print(f"windows of 2.5 s from samples in memory: {raw:6.0f} segments/s ({raw / FROM_RAW:.2f} of the goal)")
    print(f"the model on features that are ready:    {alone:6.0f} segments/s ({alone / CLASSIFIER:.2f} of those)")


if __name__ == "__main__":
    main()
