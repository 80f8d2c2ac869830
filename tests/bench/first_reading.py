"""What one agent waits for: the first reading after somebody begins to speak, and each final one.

    .venv/bin/python tests/bench/first_reading.py [SECONDS]

One call with pauses as calls have them, then a hundred; the first is judged from the moment at which the voice begins,
so that the audio that a provisional reading rests on counts, a final from the hand-over of its last sample.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.loads import bench, beside, told  # noqa: E402

FIRST_MS = 1300
MEDIAN_MS = {"compact": 15, "accurate": 40}


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    for model, median_ms in MEDIAN_MS.items():
        alone = bench("--calls", 1, "--seconds", seconds, "--speech", 0.6, "--model", model)
        print(told(f"one call, {model}", alone))
        print(beside(f"one call, {model}: first reading, p95", alone["first_reading_ms"]["p95"], FIRST_MS, "ms"))
        print(beside(f"one call, {model}: final, median", alone["latency_ms"]["p50"], median_ms, "ms"), flush=True)
    many = bench("--calls", 100, "--seconds", seconds, "--speech", 0.4)
    print(told("a hundred calls, auto", many))
    print(beside("a hundred calls: first reading, p95", many["first_reading_ms"]["p95"], FIRST_MS, "ms"))


if __name__ == "__main__":
    main()
