"""A real Redis process that tests may freeze, kill and start again, and only where it is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
START_SEC = 10


class Redis:
    """One ``redis-server`` on a socket of its own; it keeps nothing."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server", path=PATH)
        if program is None:
            pytest.skip("no redis-server here")
        self.socket = folder / "redis.sock"
        keeps_nothing = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._command = [program, "--port", "0", "--unixsocket", str(self.socket), *keeps_nothing, *options]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"unix://{self.socket}"

    def start(self) -> Redis:
        """Start it, and wait until it answers."""
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        end = time.monotonic() + START_SEC
        while not self._answers():
            assert time.monotonic() < end, "Redis did not start"
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis_in(*options: str) -> Iterator[Redis]:
    """Run a Redis in a folder whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="uv-redis-") as folder:
        redis = Redis(Path(folder), *options)
        try:
            yield redis.start()
        finally:
            redis.kill()


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Run a Redis, or skip the test where there is none."""
    with redis_in() as running:
        yield running
