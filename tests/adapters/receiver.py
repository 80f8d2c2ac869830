"""A receiver of webhooks in a process of its own: well, slow, failing or hanging, as a file beside it says.

    python -m tests.adapters.receiver FOLDER PORT

Each path is a receiver. ``FOLDER/NAME.mode`` says how ``/NAME`` answers: a status (``503``, ``429 retry=2``),
``slow=0.5``, ``hang``, ``drip`` (an answer that never ends), ``cut`` (no answer at all) or ``poison=WORD`` (500 for
what holds the word). Each request is a line of ``FOLDER/log.jsonl`` before it is answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.emulator import free_port


class Handler(BaseHTTPRequestHandler):
    """Answers as it is told."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        name = self.path.strip("/")
        with suppress(FileNotFoundError):
            word, _, value = (self.folder / f"{name}.mode").read_text().partition("=")
            self._note(name, body, f"{word}={value}")
            return self._answer(word, value, body)
        self._note(name, body, "200")
        return self._reply(200)

    def _note(self, name: str, body: bytes, mode: str) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        line = {"at": time.time(), "name": name, "mode": mode, "headers": headers, "body": body.decode()}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    def _answer(self, word: str, value: str, body: bytes) -> None:
        match word.split():
            case ["slow"]:
                time.sleep(float(value))
                self._reply(200)
            case ["hang"]:
                time.sleep(3600)
            case ["cut"]:
                self.close_connection = True
            case ["drip"]:
                self._reply(200, length=10**9)
                while True:
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.05)
            case ["poison"]:
                self._reply(500 if value.encode() in body else 200)
            case [status, "retry"]:
                self._reply(int(status), retry_after=value)
            case _:
                self._reply(int(word), location="/elsewhere" if word.startswith("3") else "")

    def _reply(self, status: int, *, length: int = 0, retry_after: str = "", location: str = "") -> None:
        self.send_response(status)
        headers = {"content-length": str(length), "retry-after": retry_after, "location": location}
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked may have gone
            super().handle()


class Receivers:
    """The process, and what it has seen."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._series = 0
        self._process: subprocess.Popen[bytes] | None = None

    def anew(self) -> Receivers:
        """Start what does not run, and know nothing of what was sent or said so far."""
        self._series += 1
        return self if self._process else self.start()

    def start(self) -> Receivers:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "tests.adapters.receiver", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command)
        until = time.monotonic() + 20
        while True:
            with suppress(httpx.TransportError):
                httpx.post(self.url("_up"), content=b"")
                return self
            assert time.monotonic() < until
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def url(self, name: str = "a") -> str:
        """Return the address of one receiver."""
        return f"http://127.0.0.1:{self.port}/{self._series}-{name}"

    def answer(self, mode: str, name: str = "a") -> None:
        """Make one receiver answer so from now on."""
        draft = self.folder / f"{self._series}-{name}.draft"
        draft.write_text(mode)
        draft.rename(draft.with_suffix(".mode"))

    def requests(self, name: str = "a") -> list[dict[str, Any]]:
        """Return what one receiver was sent, in order."""
        log = self.folder / "log.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in map(json.loads, lines) if line["name"] == f"{self._series}-{name}"]

    def alerts(self, name: str = "a") -> list[str]:
        """Return the ids of the alerts that one receiver was sent, in order."""
        return [json.loads(request["body"])["data"]["alert_id"] for request in self.requests(name)]


def main() -> None:
    Handler.folder = Path(sys.argv[1])
    ThreadingHTTPServer.request_queue_size = 128  # of itself five: more at once look like a dead receiver
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
