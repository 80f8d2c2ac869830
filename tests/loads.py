"""``undervoice bench`` as a process, and its figures beside what they must keep to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

Figures = dict[str, Any]


def bench(*flags: object, **settings: str) -> Figures:
    """Put a load on a server of its own; return the figures of it, and end where there are none.

    A load that came too late itself has figures too, which say so: ``valid``.
    """
    environ = os.environ | {f"UNDERVOICE_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "undervoice", "bench", "--json", *map(str, flags)]
    finished = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    if not finished.stdout:
        sys.exit(finished.returncode)
    figures: Figures = json.loads(finished.stdout)
    return figures


def whole(figures: Figures) -> bool:
    """Whether every call that was let in was held, every segment scored, and nothing dropped."""
    calls, segments = figures["calls"], figures["segments"]
    inside = calls["asked"] - sum(calls["refused"].values())
    return bool(calls["held"] == inside and segments["scored"] == segments["expected"] and segments["dropped_sec"] == 0)


def beside(what: str, value: float, goal: float, unit: str, *, least: bool = False) -> str:
    """Return a line with a figure, its goal, and their ratio; ``least``: the goal is to be reached, not kept under."""
    kept = value >= goal if least else value <= goal
    ratio = f"   ratio {value / goal:5.2f}" if goal else ""
    bound = "at least" if least else "at most"
    return f"{what:58} {value:9.1f} {unit:4} {bound} {goal:6g}{ratio}{'' if kept else '   MISSED'}"


def told(what: str, figures: Figures) -> str:
    """Return a line with what a load of calls has shown."""
    calls, segments, latency = figures["calls"], figures["segments"], figures["latency_ms"]
    models = ", ".join(f"{name} {count:,}" for name, count in segments["models"].items())
    late = figures["generator"]["late_ms"]
    return (
        f"{what}: {calls['held']:,} of {calls['asked']:,} held, {segments['scored']:,} of {segments['expected']:,} "
        f"scored ({models}), {segments['dropped_sec']:.1f} s dropped, p50 {latency.get('p50', 0):.0f} ms, "
        f"p99 {latency.get('p99', 0):.0f} ms, {figures['server']['cpu_sec_per_call_minute'] or 0:.3f} CPU s a "
        f"call-minute, {figures['server']['cores_busy']:.2f} cores; load late by p99 {late.get('p99', 0):.0f} ms"
        f"{'' if figures['valid'] else ' (INVALID)'}"
    )
