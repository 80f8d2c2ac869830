"""A server that speaks the protocol by a script: what a real one does seldom, it does when told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

CHECKPOINT_SAMPLES = 8000
"""Call samples between two checkpoints; a token names its sample."""


@dataclass
class Turn:
    """What one connection gets: messages and an end once so much audio of it has come, or nothing at all."""

    after_samples: int = 12_000
    say: tuple[dict[str, Any], ...] = ()
    close: int | None = None
    mute: bool = False
    """Whether it says nothing after its first checkpoint."""
    refuse: tuple[int, int] | None = None
    """Instead of a connection: the status of every answer until the next try, and its ``Retry-After``."""


@dataclass
class Conversation:
    """One connection, as the server had it."""

    start: dict[str, Any]
    from_sample: int
    samples: list[int] = field(default_factory=list)
    """The first sample of every frame's every 10 ms."""
    messages: list[str] = field(default_factory=list)


class Scripted:
    """Takes each connection's turn from ``turns``; the last stays for all further ones."""

    def __init__(self) -> None:
        self.turns: list[Turn] = [Turn()]
        self.conversations: list[Conversation] = []
        self.asked: list[tuple[float, str]] = []
        """When an upgrade was asked for, and with which token."""
        self._refusal: tuple[int, int] | None = None
        self.port = 0

    def play(self, *turns: Turn) -> None:
        """Begin a new script."""
        self.turns, self._refusal = list(turns), None
        self.conversations.clear()
        self.asked.clear()

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse, or let the upgrade go on; any other question gets a plain yes."""
        upgrade = "Upgrade" in request.headers
        if upgrade:
            self.asked.append((time.monotonic(), _bearer(request)))
            self._refusal = self.turns[0].refuse
            if self._refusal:
                self._turn()
        if self._refusal is None:
            return None if upgrade else connection.respond(200, "{}")
        response = connection.respond(self._refusal[0], "refused")
        response.headers["Retry-After"] = str(self._refusal[1])
        return response

    def _turn(self) -> Turn:
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]

    def converse(self, ws: ServerConnection) -> None:
        """Hold one connection."""
        with suppress(ConnectionClosed):
            self._converse(ws)

    def _converse(self, ws: ServerConnection) -> None:
        turn = self._turn()
        start = json.loads(ws.recv())
        sample = int(start.get("resume", {"checkpoint": "0"})["checkpoint"])
        conversation = Conversation(start, sample)
        self.conversations.append(conversation)
        _say(
            ws,
            {"type": "started", "resume_from_sample": sample},
            {"type": "checkpoint", "token": str(sample), "sample": sample},
        )
        due = sample + CHECKPOINT_SAMPLES
        for frame in ws:
            if isinstance(frame, str):
                conversation.messages.append(json.loads(frame)["type"])
                if conversation.messages[-1] == "stop":
                    _say(ws, {"type": "stopped", "reason": "stop", "totals": {}})
                continue
            conversation.samples += [int.from_bytes(frame[at : at + 2], "little") for at in range(0, len(frame), 320)]
            sample += len(frame) // 2
            if sample >= due and not turn.mute:
                _say(ws, {"type": "checkpoint", "token": str(due), "sample": due})
                due += CHECKPOINT_SAMPLES
            if sample - conversation.from_sample >= turn.after_samples and turn.close:
                _say(ws, *turn.say)
                ws.close(turn.close)
                return


def _bearer(request: Request) -> str:
    return request.headers["Sec-WebSocket-Protocol"].split("bearer.")[1]


def _say(ws: ServerConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        ws.send(json.dumps(message))


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Run a scripted server on a free port."""
    script = Scripted()
    with serve(
        script.converse,
        "127.0.0.1",
        0,
        process_request=script.answer,
        subprotocols=["undervoice.v1"],
        compression=None,  # type: ignore[list-item]
    ) as server:
        script.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield script
        server.shutdown()
        thread.join()
