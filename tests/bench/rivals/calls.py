"""How many calls are held: by our server, and by one that gives each call a thread."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.rivals.material import REPOSITORY, SAMPLE_CALL

from undervoice.auth import Tokens
from undervoice.cli.bench_audio import loop, recorded
from undervoice.cli.bench_frames import script, upgrade
from undervoice.cli.bench_load import Load
from undervoice.cli.bench_report import figures
from undervoice.cli.bench_server import Place, Usage, own_environment, own_server, state_folder, usage
from undervoice.cli.file_limit import raise_file_limit
from undervoice.emotion import Samples
from undervoice.settings import load_settings

SECONDS, OVER_SEC, FRAME_MS = 20.0, 6.0, 100
MOST_P99_MS = 300.0


@dataclass(frozen=True)
class Server:
    """One that load can be put on."""

    place: Place
    token: str


@contextmanager
def our_server(folder: Path, calls: int) -> Iterator[Server]:
    """Run ours, with its store, outbox and all."""
    with state_folder() as state:
        asked = {"UNDERVOICE_MODEL": str(folder), "UNDERVOICE_MAX_CALLS": str(calls)}
        environ = own_environment(os.environ, asked, state)
        settings = load_settings(environ)
        with own_server(environ, state) as place:
            issued = Tokens(settings.secret, audience=settings.audience).issue("integrator", ttl_sec=3600)
            yield Server(place, issued.token)


@contextmanager
def their_server(folder: Path, calls: int) -> Iterator[Server]:
    """Run the one with a thread a call."""
    command = [sys.executable, "-m", "tests.bench.rivals.threads", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        try:
            yield Server(Place("127.0.0.1", int(process.stdout.readline()), process.pid), "none")
        finally:
            process.terminate()


def compare_calls(folder: Path, counts: Sequence[int]) -> None:
    """Raise the calls of each server until it fails; print what was held, and the ratio."""
    raise_file_limit()
    said = loop(recorded([SAMPLE_CALL]), 1.0)
    print(f"live calls, all speech, frames of {FRAME_MS} ms, {SECONDS:.0f} s each, finals alone, by {folder.name}")
    held = defaultdict(int)
    for name, run in (("undervoice", our_server), ("a thread a call", their_server)):
        for count in counts:
            with run(folder, count) as server:
                told = loaded(server, said, count)
            good = whole(told)
            print(f"{name:16} {_line(told)}{'' if good else '  FAILS'}", flush=True)
            if not good:
                break
            held[name] = count
    ours, theirs = held["undervoice"], held["a thread a call"]
    print(f"held with p99 ≤ {MOST_P99_MS:.0f} ms: {ours} and {theirs}, {ours / max(1, theirs):.1f} times as many")


def loaded(server: Server, said: Samples, calls: int) -> dict[str, Any]:
    """Put one load on a server; return its figures."""
    usages: dict[str, list[Usage]] = defaultdict(list)

    def watch(mark: str) -> None:
        usages[mark].append(usage(server.place.pid))

    spoken = script(said, calls=calls, seconds=SECONDS, frame_ms=FRAME_MS, provisional_ms=0)
    hello = upgrade(f"ws://{server.place.netloc}/api/v1/stream", server.token)
    watch("before")
    name = f"bench-{secrets.token_hex(4)}"
    load = Load(server.place, spoken, calls=calls, over_sec=OVER_SEC, upgrade=hello, name=name, watch=watch)
    return figures(spoken, load.run(), usages)


def whole(told: dict[str, Any]) -> bool:
    """Whether all calls were held, nothing was lost on the way, and readings came in time."""
    calls, segments = told["calls"], told["segments"]
    assert len(segments["models"]) <= 1, "both servers are to score with the same model"
    complete = calls["held"] == calls["asked"] and segments["scored"] >= segments["expected"]
    return bool(complete and told["latency_ms"].get("p99", MOST_P99_MS + 1) <= MOST_P99_MS)


def _line(told: dict[str, Any]) -> str:
    calls, segments, latency, server = (told[part] for part in ("calls", "segments", "latency_ms", "server"))
    invalid = "" if told["valid"] else "  (the load itself came late)"
    return (
        f"{calls['held']:4} of {calls['asked']:4} calls, {segments['scored']:6} of {segments['expected']:6} segments "
        f"({', '.join(segments['models'])}), "
        f"p50 {latency.get('p50', 0):6.1f} ms, p99 {latency.get('p99', 0):7.1f} ms, "
        f"{server['cpu_sec_per_call_minute'] or 0:.3f} CPU s a call-minute, {server['cores_busy']:.2f} cores{invalid}"
    )
