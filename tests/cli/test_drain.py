"""Stopping a server moves its calls; nothing that was said is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.cli.conftest import Running, environment
from tests.servers import finals, of_type, opening, said
from tests.voices import sentence
from undervoice.terms import SUBPROTOCOL

PCM = sentence(0.4, 3.3, 1.0, 0.8, 6.0).tobytes()


class Stoppable:
    """A real server process that a test may stop."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        command = [sys.executable, "-m", "undervoice", "serve", "--port", "0"]
        self.log = log
        self._stderr = log.open("w")
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=self._stderr, text=True)
        assert self.process.stdout is not None
        self.running = Running(self.process.stdout.readline().strip(), env)
        self.url = f"http://127.0.0.1:{self.running.port}"

    def connect(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self.running.token}"}
        url = self.url.replace("http", "ws", 1) + "/api/v1/stream"
        return connect(url, additional_headers=headers, subprotocols=[SUBPROTOCOL])  # type: ignore[list-item]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._stderr.close()


@pytest.fixture
def stoppable(tmp_path: Path, model: Path, request: pytest.FixtureRequest) -> Iterator[Stoppable]:
    drain_sec = str(getattr(request, "param", 8))
    server = Stoppable(environment(tmp_path / "state", model, UNDERVOICE_DRAIN_SEC=drain_sec), tmp_path / "log")
    yield server
    server.close()


def status(url: str) -> int:
    try:
        return httpx.get(url, timeout=2).status_code
    except httpx.TransportError:
        return 0


def talk(ws: ClientConnection, seconds: float, at: int) -> int:
    """Send audio as it would come, from a byte on; return where it ended."""
    end = at + int(seconds * 32_000)
    while at < end:
        ws.send(PCM[at : at + 3200])
        at += 3200
        time.sleep(0.02)
    return at


def test_sigterm_moves_calls_behind_a_checkpoint_and_the_process_ends_well(stoppable: Stoppable) -> None:
    with stoppable.connect() as ws:
        ws.send(opening("c-1", agent_id="demo"))
        messages = said(ws, "checkpoint")
        at = talk(ws, 2.5, 0)
        assert status(f"{stoppable.url}/readyz") == 200
        stoppable.terminate()
        messages += said(ws, "reconnect")
        ready = httpx.get(f"{stoppable.url}/readyz")
        assert (ready.status_code, ready.json()["status"], ready.headers["retry-after"]) == (503, "draining", "1")
        with pytest.raises(Exception, match="503"), stoppable.connect():
            pass
        with suppress(ConnectionClosed):  # it goes in the middle of the customer's speech
            talk(ws, 1.5, at)
        messages += said(ws)
        assert ws.protocol.close_rcvd is not None
        assert ws.protocol.close_rcvd.code == 1001
    assert messages[-1]["type"] == "error"
    assert (messages[-1]["code"], messages[-1]["retryable"]) == ("draining", True)
    assert of_type(messages, "reconnect")[0]["deadline_ms"] == 8000
    assert messages[-2]["type"] == "checkpoint"
    assert messages[-2]["sample"] > 0
    assert stoppable.process.wait(10) == 0
    rows = stoppable.running.undervoice("logs", "--json").stdout
    stored = {json.loads(line)["segment_id"] for line in rows.splitlines()}
    assert {reading["segment_id"] for reading in finals(messages)} == stored


@pytest.mark.parametrize("stoppable", [1], indirect=True)
def test_a_call_that_does_not_move_is_ended_in_time(stoppable: Stoppable) -> None:
    with stoppable.connect() as ws:
        ws.send(opening("c-1", agent_id="demo"))
        said(ws, "checkpoint")
        began = time.monotonic()
        stoppable.terminate()
        last: list[dict[str, Any]] = said(ws)
        assert last[-1]["code"] == "draining"
        assert 0.9 < time.monotonic() - began < 5
    assert stoppable.process.wait(10) == 0


def test_without_calls_a_signal_ends_the_server_at_once(stoppable: Stoppable) -> None:
    began = time.monotonic()
    stoppable.terminate()
    assert stoppable.process.wait(10) == 0
    assert time.monotonic() - began < 5
