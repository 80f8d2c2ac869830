"""How many live calls this machine holds, the load included.

    .venv/bin/python tests/bench/capacity.py [SECONDS] [--limit]

600 calls that speak all the time and 1,000 that speak two fifths of it, with the compact model; 300 that speak all the
time with ``auto``, whose finals fall to the compact model where there is no room. Each call speaks for so many seconds.
``--limit`` goes on in steps of a tenth, for each of the three, until one is not held whole any more: at most ten steps.
Settings in the environment hold for the server, for example UNDERVOICE_WORKERS=2.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.loads import Figures, bench, beside, told, whole  # noqa: E402

STEPS = 10


@dataclass(frozen=True)
class Goal:
    """A number of calls, and how late their readings may be."""

    name: str
    calls: int
    speech: float
    model: str
    p99_ms: float

    def put(self, calls: int, seconds: float) -> Figures:
        """Put so many calls on a server."""
        return bench("--calls", calls, "--seconds", seconds, "--speech", self.speech, "--model", self.model)

    def kept(self, figures: Figures) -> bool:
        """Whether nothing was missing, and nothing late."""
        return whole(figures) and bool(figures["valid"]) and figures["latency_ms"]["p99"] <= self.p99_ms


GOALS = (
    Goal("compact, all speech", 600, 1.0, "compact", 300),
    Goal("compact, 40 % speech", 1000, 0.4, "compact", 300),
    Goal("auto, all speech", 300, 1.0, "auto", 500),
)


def most(goal: Goal, seconds: float, held: bool) -> int:
    """Return the most calls that were held whole: upwards from the goal where it was kept, else down from it."""
    calls = goal.calls
    for _ in range(STEPS):
        nearby = calls + (goal.calls // 10 if held else -goal.calls // 10)
        if nearby <= 0:
            return 0
        figures = goal.put(nearby, seconds)
        print(told(f"  {nearby:,} calls, {goal.name}", figures), flush=True)
        if goal.kept(figures) != held:
            return calls if held else nearby
        calls = nearby
    return calls if held else 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=20.0)
    parser.add_argument("--limit", action="store_true")
    args = parser.parse_args()
    for goal in GOALS:
        figures = goal.put(goal.calls, args.seconds)
        print(told(f"{goal.calls:,} calls, {goal.name}", figures))
        segments = figures["segments"]
        scored = 100 * segments["scored"] / max(1, segments["expected"])
        print(beside(f"{goal.name}: calls held", figures["calls"]["held"], goal.calls, "", least=True))
        print(beside(f"{goal.name}: segments scored", scored, 100, "%", least=True))
        print(beside(f"{goal.name}: dropped", segments["dropped_sec"], 0, "s"))
        print(beside(f"{goal.name}: p99", figures["latency_ms"].get("p99", 0.0), goal.p99_ms, "ms"), flush=True)
        if args.limit:
            print(
                beside(
                    f"{goal.name}: the most", most(goal, args.seconds, goal.kept(figures)), goal.calls, "", least=True
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
