"""What twice as many calls cost, and what becomes of those that are let in where more come than may.

    .venv/bin/python tests/bench/doubling.py [SECONDS]

50, 100, 200 and 400 calls that speak all the time, the compact model: the processor time of the server, and its ratio
to that of half as many. Then 300 calls on a server that takes 200: each of the others must be refused with 503, and
those inside must miss nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.loads import bench, beside, told, whole  # noqa: E402

CALLS = (50, 100, 200, 400)
OVER_SEC = 5
"""The same for all, so that what the server takes by itself lasts as long."""
MOST_TIMES = 2.1
TAKEN, COMING = 200, 300


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
    half = 0.0
    for calls in CALLS:
        figures = bench("--calls", calls, "--seconds", seconds, "--over", OVER_SEC, "--model", "compact")
        print(told(f"{calls} calls", figures))
        if not whole(figures):
            print(f"{calls} calls: past what this server holds, so that there is no ratio", flush=True)
            break
        cpu_sec = figures["server"]["cpu_sec"]
        if half:
            print(beside(f"{calls} calls: CPU to that of {calls // 2}", cpu_sec / half, MOST_TIMES, "x"), flush=True)
        half = cpu_sec
    figures = bench("--calls", COMING, "--max-calls", TAKEN, "--seconds", seconds, "--over", OVER_SEC,
                    "--model", "compact")  # fmt: skip
    print(told(f"{COMING} calls where {TAKEN} may enter", figures))
    print(beside("refused with 503", figures["calls"]["refused"].get("503", 0), COMING - TAKEN, "", least=True))
    print(beside("inside, held whole", figures["calls"]["held"] if whole(figures) else 0, TAKEN, "", least=True))


if __name__ == "__main__":
    main()
