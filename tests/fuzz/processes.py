"""A server as operators run it, in a process of its own, and the ways in which clients use and misuse it."""

from __future__ import annotations

import base64
import io
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import soundfile

from tests.cli.conftest import environment
from tests.fuzz.wire import Op, Wire, frame, text
from tests.servers import opening
from tests.voices import sentence
from undervoice.auth import Tokens

SECRET = "s" * 40
SPEECH = sentence(0.2, 1.0, 0.7)
FRAMES = b"".join(frame(Op.BINARY, SPEECH.tobytes()[at : at + 16_000]) for at in range(0, 2 * len(SPEECH), 16_000))


@dataclass
class Process:
    """A running server; each way of using it is a method that does it once."""

    url: str
    pid: int
    used: int = 0
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        tokens = Tokens(SECRET)
        self.token = tokens.issue("integrator").token
        self.http = httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, timeout=20)
        file = io.BytesIO()
        soundfile.write(file, SPEECH, 16_000, format="WAV")
        self._clip = {"audio_data": base64.b64encode(file.getvalue()).decode()}

    @property
    def rss_kb(self) -> int:
        """Memory that the process holds, in kilobytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])

    def _id(self) -> str:
        self.used += 1
        return f"c-{self.used}"

    def call(self) -> None:
        """Hold a short call."""
        with Wire(self.url, self.token) as wire:
            wire.send(text(opening(self._id())) + FRAMES + text({"type": "stop"}))
            said = wire.said()
        assert said[-1]["type"] == "stopped"
        assert any(message["type"] == "emotion" and message["final"] for message in said)

    def lose(self) -> None:
        """Begin a call, and cut the connection in the middle of a word."""
        with Wire(self.url, self.token) as wire:
            wire.send(text(opening(self._id())))
            wire.said("started")
            wire.send(FRAMES[: len(FRAMES) // 2])

    def be_refused(self) -> None:
        """Send a start that cannot be served."""
        with Wire(self.url, self.token) as wire:
            wire.send(text(opening(self._id(), audio={"sample_rate": 1})))
            wire.said()
            assert wire.closed == 4400

    def resume(self) -> None:
        """Lose a call's connection, and go on from its checkpoint."""
        call_id = self._id()
        with Wire(self.url, self.token) as wire:
            wire.send(text(opening(call_id)) + FRAMES)
            wire.said("emotion")
            checkpoint = wire.said("checkpoint")[-1]["token"]
        with Wire(self.url, self.token) as wire:
            wire.send(text(opening(call_id, resume={"checkpoint": checkpoint})) + FRAMES + text({"type": "stop"}))
            assert wire.said()[-1]["type"] == "stopped"

    def post(self) -> None:
        """Hand in a recording."""
        answer = self.http.post("/api/v1/analyze/stream", json={**self._clip, "call_id": self._id()})
        assert answer.status_code == 200, answer.text


@contextmanager
def process(folder: Path, model: Path, **variables: str) -> Iterator[Process]:
    """Run a server."""
    env = environment(folder / "state", model, UNDERVOICE_SECRET=SECRET, **variables)
    command = [sys.executable, "-m", "undervoice", "serve", "--port", "0", "--log-level", "warning"]
    log = folder / "log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True) as running,
    ):
        assert running.stdout is not None
        page = urlsplit(running.stdout.readline())
        served = Process(f"http://{page.netloc}", running.pid)
        try:
            yield served
        finally:
            served.http.close()
            running.send_signal(signal.SIGTERM)
            running.wait(30)
    assert running.returncode == 0, log.read_text()
    assert " ERROR " not in log.read_text()
