"""How long one segment takes, features included, as a call would wait for it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from undervoice.emotion import Samples, Segment
from undervoice.model import Model

from .windows import WINDOW

RUNS = 200
WARM_UP = 10


def processor() -> str:
    """Return what latencies were measured on, such as ``2 cores of …``."""
    place = Path("/proc/cpuinfo")
    lines = place.read_text(encoding="utf-8").splitlines() if place.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"


def time_segment(model: Model, speech: Samples, runs: int = RUNS) -> dict[str, Any]:
    """Return median and 95th percentile, in ms, of scoring 2.5 s on one thread.

    Args:
        speech: what is scored, ``int16[n]``; repeated or cut to 2.5 s.
    """
    samples = np.resize(speech, WINDOW) if len(speech) else np.zeros(WINDOW, np.int16)
    segment = Segment("customer", 0, WINDOW, samples, "window", -60.0)
    times = []
    with threadpool_limits(1):
        for _ in range(WARM_UP + runs):
            start = time.perf_counter()
            model.score([segment])
            times.append(1000 * (time.perf_counter() - start))
    measured = times[WARM_UP:]
    return {
        "median_ms": round(float(np.median(measured)), 2),
        "p95_ms": round(float(np.quantile(measured, 0.95)), 2),
        "runs": runs,
        "seconds": 2.5,
        "threads": 1,
        "on": processor(),
    }


def noise() -> Samples:
    """Return 2.5 s of the same noise each time: a network takes as long for it as for speech."""
    return np.random.default_rng(0).normal(0, 2000, WINDOW).astype(np.int16)
