"""deploy/haproxy.cfg as it is, before two small servers; tests/faults/test_replicas.py puts it before real ones."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve

from tests.deploy.proxies import CONFIG, balancing, haproxy
from undervoice.settings import load_settings

CALLS = 6


class Backend:
    """Holds WebSockets, tells what it was asked with, and is ready or not."""

    def __init__(self) -> None:
        self.ready = True
        self.calls: list[ServerConnection] = []
        self.server: Server = serve(self._hold, "127.0.0.1", 0, process_request=self._answer)
        self.port = self.server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/readyz":
            return connection.respond(200 if self.ready else 503, "")
        if request.path == "/stream":
            return None
        return connection.respond(200, json.dumps([*request.headers.raw_items()]))

    def _hold(self, connection: ServerConnection) -> None:
        self.calls.append(connection)
        with suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    def close(self) -> None:
        self.server.shutdown()
        for call in self.calls:
            call.close()
        self._thread.join()


@pytest.fixture
def backends() -> Iterator[list[Backend]]:
    both = [Backend(), Backend()]
    yield both
    for one in both:
        one.close()


@pytest.fixture
def http(backends: list[Backend], tmp_path: Path) -> Iterator[httpx.Client]:
    with (
        balancing(tmp_path, backends[0].port, backends[1].port) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client,
    ):
        await_answer(client)
        yield client


def await_answer(client: httpx.Client) -> None:
    for _ in range(100):
        try:
            if client.get("/").status_code == 200:
                return
        except httpx.ConnectError:
            pass
        time.sleep(0.05)
    pytest.fail("haproxy does not answer")


@contextmanager
def call(client: httpx.Client) -> Iterator[ClientConnection]:
    """Hold a call; gives it once a server has it."""
    with connect(f"{str(client.base_url).replace('http', 'ws', 1)}/stream", open_timeout=5) as held:
        held.send("there?")
        assert held.recv(5) == "there?"
        yield held


def test_haproxy_takes_it() -> None:
    subprocess.run([haproxy(), "-c", "-f", str(CONFIG)], check=True, capture_output=True)


def test_what_a_client_says_of_its_address_counts_for_nothing(http: httpx.Client) -> None:
    lies = {"x-forwarded-for": "10.9.8.7", "forwarded": "for=10.9.8.7", "x-real-ip": "10.9.8.7"}
    told: list[Any] = http.get("/", headers=lies | {"x-forwarded-proto": "https"}).json()
    assert "10.9.8.7" not in json.dumps(told)
    seen = [(name.lower(), value) for name, value in told if name.lower().startswith("x-forwarded")]
    assert sorted(seen) == [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http")]


def test_figures_are_not_for_those_outside(http: httpx.Client) -> None:
    for path in ("/metrics", "/metrics/", "/metrics?x=1"):
        assert http.get(path).status_code == 404
    assert http.get("/api/v1/metrics/emotions").status_code == 200


def test_new_calls_go_where_the_fewest_are_and_none_to_a_server_that_drains(
    http: httpx.Client, backends: list[Backend]
) -> None:
    with ExitStack() as held:
        calls = [held.enter_context(call(http)) for _ in range(CALLS)]
        assert [len(one.calls) for one in backends] == [CALLS // 2, CALLS // 2]
        backends[0].ready = False
        interval, falls = re.findall(r"inter (\d)s fall (\d)", CONFIG.read_text())[0]
        time.sleep(int(interval) * int(falls) + 1)
        calls += [held.enter_context(call(http)) for _ in range(CALLS)]
        assert [len(one.calls) for one in backends] == [CALLS // 2, CALLS // 2 + CALLS]
        # Those that run there are left to move by themselves.
        for number, one in enumerate(calls):
            one.send(str(number))
            assert one.recv(5) == str(number)


def test_a_silent_client_is_the_servers_to_judge() -> None:
    timeouts = dict(re.findall(r"timeout (\S+) (\d+[smh])", CONFIG.read_text()))
    seconds = {name: int(value[:-1]) * {"s": 1, "m": 60, "h": 3600}[value[-1]] for name, value in timeouts.items()}
    idle_sec = load_settings({}).idle_sec
    assert min(seconds["tunnel"], seconds["client"], seconds["server"]) > idle_sec
