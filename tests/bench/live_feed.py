"""What the wall costs: 500 live calls, and 0 to 20 supervisors who watch them.

    .venv/bin/python tests/bench/live_feed.py [CALLS] [SECONDS]

Each call has a new mood every 2.5 s, as calls that speak all the time do; nothing is scored, so that what is
measured is the telling alone. The readers are another process, on real sockets. Nothing here can fail on a slow
machine: ratios are what counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.servers import serving  # noqa: E402
from tests.tiny import write_tiny_model  # noqa: E402

from undervoice.app import create_app  # noqa: E402
from undervoice.auth import Tokens  # noqa: E402
from undervoice.live import Claim  # noqa: E402
from undervoice.messages import Mood, Totals  # noqa: E402
from undervoice.resources import Call  # noqa: E402
from undervoice.settings import load_settings  # noqa: E402

FINAL_SEC = 2.5
READERS = (0, 1, 5, 20)


class Nobody:
    """Holds a call that nobody speaks in."""

    def end(self, error: Exception) -> None:
        """Do nothing."""

    def move(self, deadline_sec: float) -> None:
        """Do nothing."""


async def speak(claim: Claim, until: float, start: datetime) -> None:
    """Give one call a new mood every 2.5 s; its trend carries when that was."""
    await asyncio.sleep(random.uniform(0, FINAL_SEC))
    while time.monotonic() < until:
        mood = Mood("tense", 1.0, random.random(), 2.0, time.time(), round(random.uniform(0, 120), 1))
        at = start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        totals = Totals(audio_sec=time.monotonic())
        claim.update(Call(claim.call_id, "a-1", "call", live=True, started_at=at, mood=mood, totals=totals))
        await asyncio.sleep(FINAL_SEC)


async def read(port: int, token: str, seconds: float) -> list[float]:
    """Watch the wall; return how old each mood was when it came, in ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    late: list[float] = []
    kind = b""
    try:
        async with asyncio.timeout(seconds):
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    kind = line[7:].strip()
                elif kind == b"mood" and line.startswith(b"data: "):
                    late.append((time.time() - json.loads(line[6:])["trend"]) * 1000)
    except TimeoutError:
        pass
    writer.close()
    return late


async def read_all(port: int, tokens: list[str], seconds: float) -> None:
    """Watch with every token, and print what came."""
    came = await asyncio.gather(*(read(port, token, seconds) for token in tokens))
    print(json.dumps([round(ms, 2) for one in came for ms in one]))


def cpu_sec() -> float:
    """Return the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb() -> float:
    """Return the memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(app: Any, port: int, tokens: Tokens, calls: int, readers: int, seconds: float) -> dict[str, float]:
    """Let calls speak and readers read for so long; return what that took."""
    service = app.state.service
    (loop,) = {task.get_loop() for task in service.writer._tasks}
    issued = [tokens.issue("supervisor").token for _ in range(readers)]
    arguments = [sys.executable, __file__, "read", str(port), str(seconds), *issued]
    watching = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    time.sleep(1.0)

    async def speak_all() -> None:
        until, start = time.monotonic() + seconds - 1.0, datetime.now(UTC)
        claims = [service.live.claim(f"c-{readers}-{n}", Nobody()) for n in range(calls)]
        await asyncio.gather(*(speak(claim, until, start) for claim in claims))
        for claim in claims:
            claim.release()

    before, events, began = cpu_sec(), service.live.feed.newest, time.monotonic()
    asyncio.run_coroutine_threadsafe(speak_all(), loop).result()
    took_sec = time.monotonic() - began
    used, told, memory = cpu_sec() - before, service.live.feed.newest - events, memory_mb()
    late = sorted(json.loads(watching.communicate()[0])) or [0.0]
    return {
        "cpu": used / took_sec,
        "told_per_sec": told / took_sec,
        "memory": memory,
        "came": len(late) if readers else 0,
        "p50": statistics.median(late),
        "p99": late[int(0.99 * (len(late) - 1))],
    }


def main() -> None:
    """Print a row for each number of readers."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    with tempfile.TemporaryDirectory() as folder:
        model = write_tiny_model(Path(folder) / "tiny")
        settings = load_settings({"UNDERVOICE_STATE": folder, "UNDERVOICE_MODEL": str(model)})
        app = create_app(settings)
        print(f"{calls} calls with a mood every {FINAL_SEC} s, {seconds:g} s each")
        print(
            "readers | events/s told | of one core | events to readers | times telling alone | late p50 | p99 | memory"
        )
        alone = 0.0
        with serving(app, log_level="error", loop="uvloop") as url:
            for readers in READERS:
                got = measure(app, int(url.rpartition(":")[2]), Tokens(settings.secret), calls, readers, seconds)
                alone = alone or got["cpu"]
                print(
                    f"{readers:7} | {got['told_per_sec']:13.0f} | {got['cpu']:11.1%} | {got['came']:17} |"
                    f" {got['cpu'] / alone:18.1f}x | {got['p50']:5.0f} ms | {got['p99']:.0f} ms |"
                    f" {got['memory']:.0f} MB"
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        asyncio.run(read_all(int(sys.argv[2]), sys.argv[4:], float(sys.argv[3])))
    else:
        main()
