"""What happens to live finals when more is spoken than the accurate model can follow.

    .venv/bin/python tests/bench/overload.py [CALLS]

Half as many segments as the accurate model could score, then as many, then two and four times as many arrive over five
seconds, spread evenly over calls, on one scoring thread. Beside each load stands what the same load costs without a
model to fall back to. Nothing leaves this process, and nothing is timed that a slow machine could fail.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.voices import voice  # noqa: E402

from undervoice.emotion import Segment  # noqa: E402
from undervoice.inference import Inference, Urgency  # noqa: E402
from undervoice.model import Model  # noqa: E402

SECONDS = 5.0
WINDOW = voice(2.5)
LOADS = (0.5, 1.0, 2.0, 4.0)


async def put(accurate: Model, quick: Model | None, per_sec: float, calls: int) -> tuple[Counter[str], list[float]]:
    """Return which model scored how many segments (``shed`` those that none did), and how long each waited, in ms."""
    inference = Inference(accurate, quick, threads=1, queue_ms=400)
    scored: Counter[str] = Counter()
    waited: list[float] = []

    async def one(number: int) -> None:
        began = time.perf_counter()
        segment = Segment("customer", 0, len(WINDOW), WINDOW, "window", -60.0)
        scores = await inference.submit(segment, number % calls, Urgency.LIVE)
        scored[scores.model if scores else "shed"] += 1
        if scores:
            waited.append((time.perf_counter() - began) * 1000)

    began, tasks = time.perf_counter(), []
    for number in range(round(per_sec * SECONDS)):
        await asyncio.sleep(max(0.0, began + number / per_sec - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    await asyncio.to_thread(inference.close)
    return scored, waited


async def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    accurate, compact = (Model.load(REPOSITORY / "models" / name) for name in ("accurate", "compact"))
    can = 1 / accurate.segment_sec
    costs = (f"{model.tag} {model.segment_sec * 1000:.2f} ms a segment" for model in (accurate, compact))
    print(", ".join(costs))
    for load in LOADS:
        for quick in (compact, None):
            scored, waited = await put(accurate, quick, load * can, calls)
            p50, p95 = np.quantile(waited, [0.5, 0.95])
            share = {name: f"{count / scored.total():.0%}" for name, count in sorted(scored.items())}
            how = "with compact" if quick else "alone"
            print(f"load {load:3.1f} {how:13} {share}  waited p50 {p50:6.1f} ms, p95 {p95:6.1f} ms of 400")


if __name__ == "__main__":
    asyncio.run(main())
