"""The service beside what is used elsewhere, on the same machine in one run; ratios.

    .venv/bin/python -m pip install '.[bench]' --constraint deploy/lock.txt
    .venv/bin/python tests/bench/peers.py [windows] [calls [COUNT …]]

``windows``: what one window of 2.5 s costs on one thread, features and classifier: ours, librosa's MFCC, pYIN and RMS
with a forest, openSMILE's eGeMAPS with a forest; on speakers that the forests were not fitted on. ``calls``: how many
live calls, all speech, are held with p99 ≤ 300 ms, by our server and by one with a thread a call and the same model.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"  # before anything reads it: all are measured on one thread

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.bench.rivals.calls import compare_calls  # noqa: E402
from tests.bench.rivals.windows import compare_windows  # noqa: E402

MODEL = REPOSITORY / "models" / "compact"
EXTRA = ("librosa", "opensmile", "sklearn")
COUNTS = (25, 50, 100, 200, 300, 400, 600, 800)


def main() -> None:
    asked = [word for word in sys.argv[1:] if not word.isdigit()] or ["windows", "calls"]
    counts = [int(word) for word in sys.argv[1:] if word.isdigit()] or list(COUNTS)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if "windows" in asked and missing:
        print(f"not installed: {', '.join(missing)}; pip install '.[bench]'")
    elif "windows" in asked:
        compare_windows(MODEL)
    if "calls" in asked:
        compare_calls(MODEL, counts)


if __name__ == "__main__":
    main()
