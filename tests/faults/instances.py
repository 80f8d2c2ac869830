"""A real server process that tests may kill, freeze, stop and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.emulator import free_port
from undervoice.auth import Tokens
from undervoice.cli.connection import Server, stream_url

SECRET = "a secret that all servers of one deployment share"
TTL_SEC = 6 * 3600
START_SEC = 20
LOOPBACK = "127.0.0.1"
UNHURRIED = {"queue_ms": "5000", "requests_per_sec": "10000", "log_level": "warning"}
"""What a machine that others use too cannot score in time is the overload tests' affair, not that of these."""


class Instance:
    """One ``undervoice serve`` on a port that stays the same however often it is started.

    ``inside`` are the first words of its command, which put it somewhere else than where the tests are.
    """

    def __init__(
        self,
        folder: Path,
        model: Path,
        environ: dict[str, str] | None = None,
        inside: tuple[str, ...] = (),
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = int(settings.pop("port", "0")) or free_port()
        self._inside, self.host = inside, settings.get("host", LOOPBACK)
        self._log = folder / "log"
        chosen = UNHURRIED | {"state": str(folder), "model": str(model), "secret": SECRET} | settings
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UNDERVOICE_")}
        self.env = kept | {f"UNDERVOICE_{name.upper()}": value for name, value in chosen.items()} | (environ or {})
        self.process: subprocess.Popen[str] | None = None

    # ------------------------------------------------------------ life

    def start(self) -> Instance:
        """Start it, and wait until it answers."""
        command = [*self._inside, sys.executable, "-m", "undervoice", "serve", "--port", str(self.port)]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        if self.host == LOOPBACK:
            page = self.process.stdout.readline()
            assert page, self.log
        else:
            self._await_answer()  # off loopback nothing is printed
        return self

    def _await_answer(self) -> None:
        end = time.monotonic() + START_SEC
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/livez", timeout=1).status_code == 200:
                    return
            assert self.process is not None
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut of the process alone would."""
        assert self.process is not None
        self.process.kill()
        self._reap()

    def terminate(self, within_sec: float) -> int:
        """Ask it to end; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(within_sec)
        self._reap()
        return status

    def _reap(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None:
            self.kill()

    # ------------------------------------------------------------ what it says of itself

    @property
    def log(self) -> str:
        """Everything that it has logged, in all its lives."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def metrics(self) -> dict[str, float]:
        """Return what it tells Prometheus; none of these figures has labels."""
        rows = (line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    @property
    def rss_mb(self) -> float:
        """The memory that it holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def server(self) -> Server:
        """Where calls go to, for a client that may hold as many as the server takes."""
        return Server(stream_url(self.url), Tokens(SECRET).issue("integrator", ttl_sec=TTL_SEC).token)

    def http(self, role: str = "supervisor") -> httpx.Client:
        """Return a client of the rest of its interface."""
        token = Tokens(SECRET).issue(role, ttl_sec=TTL_SEC).token  # type: ignore[arg-type]
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {token}"}, timeout=20)

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Ask it something as a supervisor."""
        with self.http() as http:
            return http.get(path, params=params)
