"""The figures of a load, as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undervoice.cli.bench_clips import Answers, Round
from undervoice.cli.bench_frames import Script
from undervoice.cli.bench_load import Outcome
from undervoice.cli.bench_server import Usage

LATE_MS = 50.0
"""A load that is later than this with one frame in a hundred measures itself, not the server."""
Figures = dict[str, Any]
Usages = Mapping[str, Sequence[Usage]]
"""What the server had taken at each mark of the load; ``before``: without calls."""


def spread(values_ms: Sequence[float]) -> Figures:
    """Return what matters of a list of milliseconds."""
    if not len(values_ms):
        return {"count": 0}
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    figures = {"mean": np.mean(values_ms), "p50": p50, "p95": p95, "p99": p99, "max": np.max(values_ms)}
    return {"count": len(values_ms)} | {name: round(float(value), 2) for name, value in figures.items()}


def figures(script: Script, outcome: Outcome, usages: Usages) -> Figures:
    """Return everything that a load of calls has shown."""
    calls, tally = outcome.calls, outcome.tally
    spoke = [call for call in calls if call.sent_sec > 0]
    parts = [script.part(call.number).expected for call in spoke]
    late = spread(outcome.late_ms)
    minutes = sum(call.sent_sec for call in spoke) / 60
    asked_sec = script.each * script.frame_sec
    return {
        "calls": {
            "asked": len(calls),
            "held": sum(call.state == "held" for call in calls),
            "most_at_once": outcome.most_at_once,
            "refused": dict(tally.refused),
            "lost": dict(tally.lost),
        },
        "audio": {
            "seconds_each": round(asked_sec, 3),
            "frame_ms": round(script.frame_sec * 1000),
            "call_minutes": round(minutes, 2),
            "speech_share": _share(sum(part.speech_sec for part in parts), asked_sec * len(parts)),
        },
        "segments": {
            "expected": sum(part.finals for part in parts),
            "scored": sum(call.finals for call in calls),
            "models": dict(sorted(tally.models.items())),
            "provisional_expected": sum(part.provisionals for part in parts),
            "provisional": tally.provisionals,
            "dropped_sec": round(sum(call.dropped_sec for call in calls), 2),
            "warnings": dict(tally.warnings),
        },
        "latency_ms": spread(tally.latency_ms),
        "first_reading_ms": spread(tally.first_ms),
        "server": _server(usages, minutes, len(calls)),
        "memory": _memory(usages, sum(call.state != "refused" for call in calls)),
        "generator": {
            "late_ms": late,
            "cpu_sec_per_call_minute": round(outcome.busy_sec / minutes, 4) if minutes else None,
            "busy_sec": round(outcome.busy_sec, 2),
        },
        "valid": bool(late["count"]) and late["p99"] <= LATE_MS,
    }


def clip_figures(round_of: Round, answers: Answers, usages: Usages) -> Figures:
    """Return everything that a load of clips has shown."""
    late, clips = spread(answers.late_ms), len(answers.latency_ms)
    began, ended = usages["talking"][0], usages["ended"][-1]
    cpu, known = ended.cpu_sec - began.cpu_sec, bool(began.processes)
    return {
        "users": round_of.users,
        "seconds": round_of.seconds,
        "every_sec": round_of.every_sec,
        "clips": {
            "sent": answers.sent,
            "answered": clips,
            "errors": dict(answers.errors),
            "mean_sec": _share(answers.audio_sec, answers.sent),
        },
        "answer_ms": spread(answers.latency_ms),
        "server": {
            "cores_busy": round(_steady(usages["tick"]), 3),
            "cpu_ms_per_clip": round(cpu * 1000 / answers.sent, 2) if answers.sent else None,
            "rss_mb": round(ended.rss_bytes / 1e6, 1),
        }
        if known
        else None,
        "generator": {"late_ms": late, "busy_sec": round(answers.busy_sec, 2)},
        "valid": bool(late["count"]) and late["p99"] <= LATE_MS,
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole else None


def _server(usages: Usages, minutes: float, calls: int) -> Figures | None:
    began, ended = usages["talking"][0], usages["ended"][-1]
    if not began.processes:
        return None
    cpu, wall = ended.cpu_sec - began.cpu_sec, ended.at - began.at
    return {
        "processes": max(each.processes for row in usages.values() for each in row),
        "cpu_sec": round(cpu, 2),
        "wall_sec": round(wall, 2),
        "cores_busy": round(_steady(usages["tick"]), 3),
        "cpu_sec_per_call_minute": round(cpu / minutes, 4) if minutes else None,
        "cpu_ms_per_connect": round((usages["idle"][0].cpu_sec - usages["before"][0].cpu_sec) * 1000 / calls, 2),
    }


def _steady(ticks: Sequence[Usage]) -> float:
    """Return the processors that were busy in the busiest ten seconds, or in all of less."""
    span = min(10, len(ticks) - 1)
    if span < 1:
        return 0.0
    pairs = zip(ticks, ticks[span:], strict=False)
    return max((later.cpu_sec - sooner.cpu_sec) / (later.at - sooner.at) for sooner, later in pairs)


def _memory(usages: Usages, calls: int) -> Figures | None:
    before = usages["before"][0].rss_bytes
    if not before:
        return None
    idle = usages["idle"][0].rss_bytes
    active = max(each.rss_bytes for each in usages["tick"] or usages["idle"])
    each = max(1, calls)
    return {
        "process_mb": round(before / 1e6, 1),
        "idle_call_kib": round((idle - before) / each / 1024, 1),
        "active_call_kib": round((active - before) / each / 1024, 1),
        "active_mb": round(active / 1e6, 1),
        "end_mb": round(usages["ended"][-1].rss_bytes / 1e6, 1),
    }
