"""How long users wait who each post a clip of one to five seconds every two and a half.

    .venv/bin/python tests/bench/clips.py [SECONDS]

50, 100 and 200 users, the compact model, every clip stored. 300 seconds are the whole test.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.loads import bench, beside  # noqa: E402

USERS = (50, 100, 200)
MEAN_MS = 500


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
    for users in USERS:
        figures = bench("--users", users, "--seconds", seconds, "--model", "compact")
        clips, answer, late = figures["clips"], figures["answer_ms"], figures["generator"]["late_ms"]
        print(
            f"{users} users: {clips['answered']:,} of {clips['sent']:,} clips answered, errors {clips['errors'] or 0}, "
            f"p50 {answer.get('p50', 0):.0f} ms, p95 {answer.get('p95', 0):.0f} ms, p99 {answer.get('p99', 0):.0f} ms, "
            f"{figures['server']['cpu_ms_per_clip']:.1f} ms of CPU a clip; load late by p99 {late.get('p99', 0):.0f} ms"
        )
        print(beside(f"{users} users: mean", answer.get("mean", float("inf")), MEAN_MS, "ms"))
        print(beside(f"{users} users: errors", sum(clips["errors"].values()), 0, ""), flush=True)


if __name__ == "__main__":
    main()
