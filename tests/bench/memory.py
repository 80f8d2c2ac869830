"""What a call takes of a server's memory, connected and speaking, and what the server takes without one.

    .venv/bin/python tests/bench/memory.py [CALLS] [SECONDS]

Resident memory of the server's process: warm but without calls, with all calls connected and none speaking, and the
most while all of them speak.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.loads import bench, beside, told  # noqa: E402

GOALS = (("process_mb", 250, "MB"), ("idle_call_kib", 20, "KiB"), ("active_call_kib", 400, "KiB"))


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    for model in ("compact", "auto"):
        figures = bench("--calls", calls, "--seconds", seconds, "--model", model)
        print(told(f"{calls} calls, {model}", figures))
        for name, goal, unit in GOALS:
            print(beside(f"{model}: {name}", figures["memory"][name], goal, unit))
        print(f"{model}: {figures['memory']['end_mb']:.0f} MB a second after the last call had ended", flush=True)


if __name__ == "__main__":
    main()
