"""A real server on a real socket, in a thread of the test's own process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from websockets.sync.client import ClientConnection, connect

from tests.tiny import write_tiny_model
from undervoice.app import create_app
from undervoice.auth import Tokens
from undervoice.lineup import Lineup
from undervoice.model import Model
from undervoice.service import Service
from undervoice.settings import load_settings
from undervoice.sockets import LingeringSocket, PatientHttp
from undervoice.terms import SUBPROTOCOL


@dataclass
class Server:
    """A running server and what tests need to talk to it."""

    url: str
    service: Service
    tokens: Tokens

    def token(self, role: str = "agent", **who: Any) -> str:
        if role == "agent" and not who:
            who = {"agent_id": "a-1"}
        return self.tokens.issue(role, **who).token  # type: ignore[arg-type]

    def http(self, role: str | None = "supervisor", **who: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token(role, **who)}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def connect(self, token: str | None = None, **options: Any) -> ClientConnection:
        headers = {"Authorization": f"Bearer {token or self.token()}"} | options.pop("headers", {})
        options.setdefault("subprotocols", [SUBPROTOCOL])
        address = self.url.replace("http", "ws", 1) + "/api/v1/stream"
        return connect(address, additional_headers=headers, max_size=None, **options)

    def call(self, call_id: str, pcm: bytes = b"", **start: Any) -> list[dict[str, Any]]:
        """Stream one whole call and return every message of the server."""
        token = start.pop("token", None)
        size = start.pop("frame_bytes", 3200)
        with self.connect(token) as ws:
            ws.send(opening(call_id, **start))
            for at in range(0, len(pcm), size):
                ws.send(pcm[at : at + size])
            ws.send('{"type":"stop"}')
            return said(ws)


def opening(call_id: str, **fields: Any) -> str:
    """Return a ``start``."""
    return json.dumps({"type": "start", "call_id": call_id, "audio": {"sample_rate": 16000}} | fields)


def said(ws: ClientConnection, until: str | None = None, timeout: float = 20) -> list[dict[str, Any]]:
    """Return what the server says until the close, or until a type of message."""
    messages: list[dict[str, Any]] = []
    try:
        while not messages or messages[-1]["type"] != until:
            messages.append(json.loads(ws.recv(timeout)))
    except websockets.ConnectionClosed:
        pass
    return messages


def of_type(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the messages of one type."""
    return [message for message in messages if message["type"] == kind]


def finals(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the final readings."""
    return [message for message in of_type(messages, "emotion") if message["final"]]


Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny real model."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@contextmanager
def serving(app: Starlette, **options: Any) -> Iterator[str]:
    """Serve an app on a free port, in a thread of its own; options are uvicorn's. Gives the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=PatientHttp, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def serve(tmp_path: Path, tiny: Path) -> Iterator[Serve]:
    """Start servers: ``serve(model=…, max_calls="1")``; environment settings in lower case."""
    with ExitStack() as running:

        def start(model: Model | None = None, quick: Model | None = None, **environ: str) -> Server:
            names = {f"UNDERVOICE_{name.upper()}": value for name, value in environ.items()}
            settings = load_settings({"UNDERVOICE_STATE": str(tmp_path), "UNDERVOICE_MODEL": str(tiny)} | names)
            app = create_app(settings, Lineup(model, quick) if model else None)
            options = {"ws": LingeringSocket, "ws_per_message_deflate": False, "ws_max_size": settings.max_frame_bytes}
            url = running.enter_context(serving(app, log_level="warning", **options))
            return Server(url, app.state.service, Tokens(settings.secret))

        yield start


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server with the tiny model and everything else at its default."""
    return serve()
