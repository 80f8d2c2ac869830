"""The server that a load is put on: one of its own, or one that runs on this machine; and what it takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from undervoice.emotion import SAMPLE_RATE, Samples
from undervoice.errors import UndervoiceError
from undervoice.options import OFF, PREFIX, SETTINGS

START_SEC, END_SEC = 60.0, 30.0
"""How long a server may take to answer, and to end."""
WARM_SEC = 5
REAL = ("STORE", "OUTBOX", "AUDIT", "WEBHOOKS", "WEBHOOK_SECRET", "JWKS", "REVOKED", "REDIS", "HUB", "ORIGINS",
        "OTLP")  # fmt: skip
"""Settings that the environment does not hand on: a load must not reach what is real. Flags may name them."""


@dataclass(frozen=True)
class Place:
    """Where a server answers, and its process where that is known."""

    host: str
    port: int
    pid: int | None = None

    @property
    def netloc(self) -> str:
        """The address as it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def own_environment(environ: Mapping[str, str], flags: Mapping[str, str], state: Path) -> dict[str, str]:
    """Return the environment of a server of one's own; ``flags`` are variables that were asked for."""
    mine = {f"{PREFIX}HOST": "127.0.0.1", f"{PREFIX}PORT": "0", f"{PREFIX}STATE": str(state), f"{PREFIX}DRAIN_SEC": "0"}
    real = {PREFIX + name for name in REAL} | {row.also for row in SETTINGS if row.name.upper() in REAL and row.also}
    kept = {name: value for name, value in environ.items() if name not in real or value == OFF}
    return {f"{PREFIX}LOG_LEVEL": "warning"} | kept | {**flags, **mine}


@contextmanager
def own_server(environ: Mapping[str, str], state: Path) -> Iterator[Place]:
    """Run a server for as long as the load lasts; ``environ`` as ``own_environment`` made it.

    Raises:
        UndervoiceError: when it does not start.
    """
    log = state / "bench.log"
    command = [sys.executable, "-m", "undervoice", "serve"]
    # A session of its own: Ctrl-C is for the load, which then ends its server.
    with (
        log.open("w") as stderr,
        subprocess.Popen(  # noqa: S603 - this very program
            command, env=dict(environ), stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
        ) as process,
    ):
        try:
            page = process.stdout.readline().strip() if process.stdout else ""
            port = urlsplit(page).port
            if port is None:
                process.wait(END_SEC)
                told = log.read_text().strip().splitlines() or ["it ended without a word"]
                raise UndervoiceError(f"the server did not start: {told[-1]}")
            yield Place("127.0.0.1", port, process.pid)
        finally:
            _end(process)


def warm(place: Place, token: str, samples: Samples) -> None:
    """Have one clip scored, so that everything is loaded that calls need before they are measured.

    Raises:
        UndervoiceError: when the server does not take it.
    """
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    url = f"http://{place.netloc}/api/v1/analyze/stream?store=false"
    content = samples[: WARM_SEC * SAMPLE_RATE].astype("<i2").tobytes()
    try:
        answer = httpx.post(url, content=content, headers=headers, timeout=START_SEC, trust_env=False)
    except httpx.HTTPError as error:
        raise UndervoiceError(f"no answer from {place.netloc}: {error}", code="unreachable") from None
    if answer.status_code != httpx.codes.OK:
        raise UndervoiceError(f"the server does not score a clip ({answer.status_code})")


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SEC)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def state_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="undervoice-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


# ---------------------------------------------------------------- what it takes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server has taken so far, all its processes together."""

    at: float
    """Monotonic seconds."""
    cpu_sec: float = 0.0
    rss_bytes: int = 0
    processes: int = 0


def usage(pid: int | None) -> Usage:
    """Return what a process and those that it started have taken; nothing where the system does not tell."""
    now = time.monotonic()
    if pid is None or not Path(f"/proc/{pid}/stat").exists():
        return Usage(now)
    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    rows = [row for process in _family(pid) if (row := _stat(process))]
    # utime, stime, and those of children that have ended (proc(5), fields 14 to 17); resident pages (24).
    cpu = sum(int(value) for row in rows for value in row[11:15]) / tick
    return Usage(now, cpu, sum(int(row[21]) for row in rows) * page, len(rows))


def _stat(pid: int) -> list[str]:
    """Return the fields from the third on; the second, the name, may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _family(pid: int) -> Iterator[int]:
    yield pid
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = listed.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))
