"""The figures of a load as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from undervoice.cli.bench_report import Figures

Line = tuple[str, str]
"""A name, and what there is to say."""


def lines(told: Figures) -> Iterator[Line]:
    """Yield the figures of a load of calls."""
    calls, audio = told["calls"], told["audio"]
    yield "calls", f"{calls['held']:,} of {calls['asked']:,} held to the end{_counted(calls, 'refused', 'lost')}"
    share = audio["speech_share"] or 0
    yield "audio", f"{audio['seconds_each']:.0f} s each in frames of {audio['frame_ms']} ms, {share:.0%} speech"
    yield from _readings(told)
    if server := told["server"]:
        cost = server["cpu_sec_per_call_minute"] or 0
        yield (
            "server",
            f"{cost:.3f} CPU seconds a call-minute; {_busy(server)}, processes: {server['processes']}",
        )
    if memory := told["memory"]:
        yield (
            "memory",
            f"{memory['process_mb']:.0f} MB without calls, {memory['end_mb']:.0f} MB at the end; "
            f"a call {memory['idle_call_kib']:.0f} KiB idle, {memory['active_call_kib']:.0f} KiB active",
        )
    own = told["generator"]
    yield "this load", f"{own['cpu_sec_per_call_minute'] or 0:.3f} CPU seconds a call-minute; {_late(own)}"


def _readings(told: Figures) -> Iterator[Line]:
    segments, first = told["segments"], told["first_reading_ms"]
    models = ", ".join(f"{name} {count:,}" for name, count in segments["models"].items())
    yield (
        "segments",
        f"{segments['scored']:,} scored of {segments['expected']:,} expected ({models or 'none'}), "
        f"{segments['dropped_sec']:.1f} s dropped{_counted(segments, 'warnings')}",
    )
    yield "latency", _spread(told["latency_ms"])
    yield "provisional", f"{segments['provisional']:,} of {segments['provisional_expected']:,}"
    if first["count"]:
        yield "first", f"after speech starts: {_spread(first)}"


def clip_lines(told: Figures) -> Iterator[Line]:
    """Yield the figures of a load of clips."""
    clips = told["clips"]
    yield "users", f"{told['users']:,}, each a clip every {told['every_sec']:g} s for {told['seconds']:.0f} s"
    yield (
        "clips",
        f"{clips['answered']:,} of {clips['sent']:,} answered, {clips['mean_sec'] or 0:.1f} s long on average"
        f"{_counted(clips, 'errors')}",
    )
    yield "answer", f"mean {told['answer_ms'].get('mean', 0):.1f} ms, {_spread(told['answer_ms'])}"
    if server := told["server"]:
        yield "server", f"{server['cpu_ms_per_clip'] or 0:.1f} ms of CPU a clip; {_busy(server)}"
    yield "this load", _late(told["generator"])


def _busy(server: Figures) -> str:
    return f"{server['cores_busy']:.2f} cores busy in the busiest 10 s"


def _late(own: Figures) -> str:
    return f"late by {_spread(own['late_ms'])}"


def _counted(told: Figures, *names: str) -> str:
    found: list[tuple[str, dict[str, int]]] = [(name, told[name]) for name in names if told[name]]
    return "".join(
        f", {name} {sum(counts.values()):,} ({', '.join(f'{why}: {count:,}' for why, count in counts.items())})"
        for name, counts in found
    )


def _spread(found: Figures) -> str:
    if not found["count"]:
        return "nothing to tell"
    p50, p95, p99, most = (found[name] for name in ("p50", "p95", "p99", "max"))
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, most {most:.1f} ms"
