"""What a year of a million readings costs to ask about: metrics, the log, and both beside a live call.

    .venv/bin/python tests/bench/store_reads.py [READINGS] [AGENTS]

First a SQLite store is filled through ``save``, 25 readings a call, every hour of the year; then metrics are asked by
day, hour and agent, over a year and a month, in several time zones. Then a server process on that store, held to one
core, answers ``GET /logs`` 200 times a second over one connection each of four clients, and one live call beside
it tells how long its readings take, with and without.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.bench.latency import measure  # noqa: E402
from tests.store.records import call, segment  # noqa: E402

from undervoice.auth import Tokens  # noqa: E402
from undervoice.emotion import Emotion  # noqa: E402
from undervoice.resources import LoggedSegment  # noqa: E402
from undervoice.store import MetricsQuery, Record  # noqa: E402
from undervoice.store.sqlite import SqliteStore  # noqa: E402

A_CALL = 25
"""Readings a call."""
YEAR_START = datetime(2025, 7, 1, tzinfo=UTC)
SECRET = "a secret of the bench, long enough for all"
RATE, CLIENTS = 200, 4
"""Requests a second, and over how many connections."""


def readings_of(number: int, calls: int, agents: int, chance: Random) -> list[LoggedSegment]:
    """Return the readings of one call of the year."""
    start = YEAR_START + timedelta(days=365) * (number / calls)
    agent, name = f"a-{chance.randrange(agents):03}", f"c-{number}"
    made = []
    for n in range(A_CALL):
        at = (start + timedelta(seconds=8.0 * n)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        label, upset = chance.choice(list(Emotion)), chance.random()
        made.append(
            segment(n, name, agent_id=agent, timestamp=at, detected_emotion=label, upset_score=upset, seq=n + 1)
        )
    return made


async def fill(store: SqliteStore, readings: int, agents: int) -> float:
    """Save a year; return the seconds that it took."""
    chance, calls, began = Random(1), readings // A_CALL, time.perf_counter()
    for first in range(0, calls, 200):
        made = [readings_of(n, calls, agents, chance) for n in range(first, min(first + 200, calls))]
        records: list[Record] = [one for some in made for one in some]
        records += [call(some[0].call_id, agent_id=some[0].agent_id, live=False) for some in made]
        await store.save(records)
    return time.perf_counter() - began


QUESTIONS = [
    (f"{interval:7} {span:5} {tz:18} {agent or 'everybody'}",
     MetricsQuery(interval=interval, tz=tz, agent_id=agent, start_date=start, end_date=end))  # type: ignore[arg-type]
    for interval in ("daily", "hourly", "agent")
    for span, start, end in (("year", "2025-07-01", "2026-06-30"), ("month", "2026-02-03", "2026-03-04"))
    for tz in ("UTC", "Europe/Berlin", "America/St_Johns")
    for agent in (None, "a-007")
]  # fmt: skip


async def ask(store: SqliteStore, times: int = 20) -> None:
    """Print how long each question takes."""
    for name, query in QUESTIONS:
        took = []
        for _ in range(times):
            began = time.perf_counter()
            rows = await store.metrics(query)
            took.append((time.perf_counter() - began) * 1000)
        p50, p95 = np.percentile(took, [50, 95])
        print(f"{name:44} {len(rows):5} rows  p50 {p50:6.1f} ms  p95 {p95:6.1f} ms", flush=True)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Run a server on one core; yield its address, a page's token, and its process id."""
    environ = os.environ | {"UNDERVOICE_STATE": str(folder), "UNDERVOICE_REQUESTS_PER_SEC": "10000"}
    environ |= {"UNDERVOICE_SECRET": SECRET, "UNDERVOICE_RETENTION_DAYS": "0", "UNDERVOICE_THREADS": "1"}
    command = [sys.executable, "-m", "undervoice", "serve", "--port", "0", "--log-level", "warning"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        page, _, token = server.stdout.readline().strip().partition("/#token=")
        for task in os.listdir(f"/proc/{server.pid}/task"):
            os.sched_setaffinity(int(task), {0})
        yield page, token, server.pid
        server.terminate()


class Load:
    """Asks for the log at a steady pace, whoever waits, and remembers how long each answer took."""

    def __init__(self, url: str) -> None:
        self._url, self._over = url, threading.Event()
        self.took: list[float] = []
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Load:
        self.began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.lasted = time.perf_counter() - self.began

    def _run(self, number: int) -> None:
        token = Tokens(SECRET).issue("supervisor").token
        asked = [{}, {"agent_id": "a-007"}, {"emotion": "sad"}, {"agent_id": "a-003", "emotion": "angry"}]
        with httpx.Client(base_url=self._url, headers={"authorization": f"Bearer {token}"}) as http:
            turn = 0
            while not self._over.is_set():
                due = self.began + (turn * CLIENTS + number) / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                began = time.perf_counter()
                http.get("/api/v1/logs", params=asked[turn % len(asked)]).raise_for_status()
                self.took.append((time.perf_counter() - began) * 1000)
                turn += 1


def tell(name: str, values: list[float]) -> None:
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    print(f"{name:32} {len(values):5}  p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  p99 {p99:6.1f} ms", flush=True)


def beside_a_call(folder: Path, segments: int = 40) -> None:
    """Print how a live call fares alone and beside readers of the log."""
    with serving(folder) as (url, token, pid):
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
        stream = url.replace("http", "ws", 1) + "/api/v1/stream"
        tell("live call alone", measure(stream, token, segments)[0])
        before = sum(map(int, Path(f"/proc/{pid}/stat").read_text().split()[13:15]))
        with Load(url) as load:
            seen = measure(stream, token, segments, call_id="bench-beside")[0]
        used = sum(map(int, Path(f"/proc/{pid}/stat").read_text().split()[13:15])) - before
        tell("live call beside the readers", seen)
        tell(f"GET /logs, {len(load.took) / load.lasted:.0f} a second", load.took)
        print(f"of its core it used {used / os.sysconf('SC_CLK_TCK') / load.lasted:.0%}")


async def at_the_store(folder: Path, readings: int, agents: int) -> None:
    store = SqliteStore(str(folder / "undervoice.db"))
    took = await fill(store, readings, agents)
    size = (folder / "undervoice.db").stat().st_size
    print(f"{readings:,} readings of {readings // A_CALL:,} calls and {agents} agents, saved in {took:.0f} s "
          f"({took / readings * 1e6:.0f} µs each), {size / 1e6:.0f} MB", flush=True)  # fmt: skip
    await ask(store)
    await store.close()


def main() -> None:
    readings = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    agents = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(at_the_store(Path(folder), readings, agents))
        beside_a_call(Path(folder))


if __name__ == "__main__":
    main()
