"""The live client against servers that do not keep to the protocol, or to the line."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from undervoice.cli.client import Call, play
from undervoice.cli.connection import ConnectionLost, Server
from undervoice.cli.recording import Recording
from undervoice.cli.retry import Backoff
from undervoice.cli.sources import Played, Reread
from undervoice.errors import BadAudio, UndervoiceError
from undervoice.messages import Start
from undervoice.terms import SUBPROTOCOL, Audio, Config

Behave = Callable[[ServerConnection], Awaitable[None]]
LIVE = Start(call_id="c-1", audio=Audio())
FAST = Start(call_id="c-1", audio=Audio(), config=Config(live=False))
STARTED = json.dumps({"type": "started"})
STOPPED = json.dumps({"type": "stopped"})


class Followed:
    """Follows a call for the test."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.losses: list[str] = []

    def hear(self, _: str, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def lost(self, why: str) -> None:
        self.losses.append(why)


@asynccontextmanager
async def listening(behave: Behave, **options: Any) -> AsyncIterator[Server]:
    options |= {"subprotocols": [SUBPROTOCOL], "close_timeout": 0.2}
    async with serve(behave, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Server(f"ws://127.0.0.1:{port}", "token")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.random.default_rng(1).integers(-9_000, 9_000, 16_000 * 3).astype(np.int16), 16_000)
    return path


def audio(path: Path) -> bytes:
    return bytes(soundfile.read(path, dtype="int16")[0].tobytes())


async def played(behave: Behave, path: Path, start: Start = LIVE, **options: Any) -> Followed:
    """Play a recording against a server; a minute is far more than any of these tests takes."""
    followed = Followed()
    async with listening(behave, **options) as server:
        with Recording(path) as opened:
            await asyncio.wait_for(play(server, start, opened, followed, patience_sec=20), 60)
    return followed


class Servers:
    """Replicas in one: each new connection is one more, and does what its number says.

    It speaks the protocol as far as resuming goes: a checkpoint at each ``every`` samples received.
    """

    def __init__(self, every: int = 8_000, lose: Callable[[int, ServerConnection, int], Awaitable[bool]] | None = None):
        self.every, self.lose = every, lose
        self.starts: list[dict[str, Any]] = []
        self.heard = bytearray()
        """The call's audio, each sample where it belongs, however often it came."""

    async def behave(self, socket: ServerConnection) -> None:
        number = len(self.starts)
        self.starts.append(json.loads(await socket.recv()))
        resume = self.starts[-1].get("resume")
        place = int(resume["checkpoint"]) if resume else 0
        await socket.send(json.dumps({"type": "started", "resume_from_sample": place}))
        await self._checkpoint(socket, place)
        async for frame in socket:
            if isinstance(frame, str):
                assert json.loads(frame)["type"] == "stop"
                await socket.send(STOPPED)
                return
            assert self.heard[2 * place : 2 * place + len(frame)] in (b"", frame[: len(self.heard) - 2 * place])
            self.heard[2 * place : 2 * place + len(frame)] = frame
            if place // self.every != (place + len(frame) // 2) // self.every:
                await self._checkpoint(socket, (place + len(frame) // 2) // self.every * self.every)
            place += len(frame) // 2
            if self.lose is not None and await self.lose(number, socket, place):
                return

    async def _checkpoint(self, socket: ServerConnection, sample: int) -> None:
        await socket.send(json.dumps({"type": "checkpoint", "token": str(sample), "sample": sample}))


# ---------------------------------------------------------------- one connection


async def test_the_start_comes_first_and_audio_only_after_started(recording: Path) -> None:
    came: list[str | bytes] = []

    async def behave(socket: ServerConnection) -> None:
        came.append(await socket.recv())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.3)
        await socket.send(STARTED)
        came.append(await socket.recv())
        await socket.send(STOPPED)

    followed = await played(behave, recording)
    assert [message["type"] for message in followed.messages] == ["started", "stopped"]
    assert json.loads(came[0])["type"] == "start"
    assert "resume" not in {name for name, value in json.loads(came[0]).items() if value}
    assert came[1] == audio(recording)[:3200]


@pytest.mark.parametrize("code", [1000, 4400, 4401, 4403, 4408, 4409, 4440])
async def test_a_close_that_is_meant_ends_the_call_and_is_told_with_its_code(recording: Path, code: int) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(STARTED)
        await socket.close(code, "because")

    with pytest.raises(UndervoiceError, match=f"closed the call .{code}: because"):
        await played(behave, recording)


async def test_an_error_of_the_server_is_told_in_its_words(recording: Path) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(json.dumps({"type": "error", "code": "call_exists", "message": "there is one"}))
        await socket.wait_closed()  # and never closes

    with pytest.raises(UndervoiceError, match="call_exists: there is one"):
        await played(behave, recording)


async def test_a_recording_that_breaks_off_is_told(recording: Path) -> None:
    class Torn(Recording):
        def frames(self, start: int = 0) -> Any:
            yield bytes(3200)
            raise BadAudio("torn")

    async def behave(socket: ServerConnection) -> None:
        await socket.send(STARTED)
        await socket.wait_closed()

    for start in (LIVE, FAST):
        async with listening(behave) as server:
            with Torn(recording) as opened, pytest.raises(BadAudio, match="torn"):
                await asyncio.wait_for(play(server, start, opened, Followed()), 10)


@pytest.mark.parametrize("said", ["SSH-2.0", "[]", b"\x00"])
async def test_a_server_that_speaks_something_else_is_told(recording: Path, said: str | bytes) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(said)
        await socket.wait_closed()

    with pytest.raises(UndervoiceError, match="no message"):
        await played(behave, recording)


async def test_something_else_on_the_port_is_told(recording: Path) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    async with await asyncio.start_server(behave, "127.0.0.1", 0) as other:
        server = Server(f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}", "token")
        with Recording(recording) as opened, pytest.raises(UndervoiceError, match="no answer") as refused:
            await play(server, LIVE, opened, Followed())
    assert refused.value.code == "unreachable"


# ---------------------------------------------------------------- lost and found


@pytest.mark.parametrize(
    ("how", "start"), [("broken", LIVE), (1001, LIVE), *((how, FAST) for how in ("broken", 1001, 1011, 1012, 1013))]
)
async def test_a_lost_call_goes_on_from_its_newest_checkpoint_and_nothing_is_missing(
    recording: Path, how: str | int, start: Start
) -> None:
    async def lose(number: int, socket: ServerConnection, place: int) -> bool:
        if number == 2 or place < 12_000 * (number + 1):
            return False
        if how == "broken":
            socket.transport.abort()
        else:
            await socket.close(int(how))
        return True

    servers = Servers(lose=lose)
    followed = await played(servers.behave, recording, start)
    assert bytes(servers.heard) == audio(recording)
    assert [s["resume"] and s["resume"]["checkpoint"] for s in servers.starts] == [None, "8000", "24000"]
    assert [s["call_id"] for s in servers.starts] == ["c-1"] * 3
    assert len(followed.losses) == 2


async def test_a_call_that_was_never_acknowledged_is_started_the_very_same_way(recording: Path) -> None:
    starts: list[str | bytes] = []

    async def behave(socket: ServerConnection) -> None:
        starts.append(await socket.recv())
        if len(starts) == 1:
            socket.transport.abort()
            return
        await socket.send(STOPPED)

    await played(behave, recording)
    assert len(starts) == 2
    assert starts[0] == starts[1]


async def connections_of_a_whole_call(servers: Servers, recording: Path) -> list[float]:
    """Play a call of which every sample must arrive once; return when each connection began."""
    began: list[float] = []

    async def behave(socket: ServerConnection) -> None:
        began.append(time.monotonic())
        await servers.behave(socket)

    await played(behave, recording, FAST)
    assert bytes(servers.heard) == audio(recording)
    return began


async def test_after_reconnect_the_call_goes_on_until_the_server_closes_and_then_moves_at_once(recording: Path) -> None:
    closed = 0.0

    async def lose(number: int, socket: ServerConnection, place: int) -> bool:
        nonlocal closed
        if number:
            return False
        if place == 1_600:
            await socket.send(json.dumps({"type": "reconnect", "deadline_ms": 15_000}))
        if place < 9_600:
            return False
        await socket.send(json.dumps({"type": "error", "code": "draining", "message": "bye", "retryable": True}))
        closed = time.monotonic()
        await socket.close(1001)
        return True

    began = await connections_of_a_whole_call(Servers(lose=lose), recording)
    assert began[1] - closed < 0.4


async def test_a_server_that_falls_silent_is_taken_for_lost(recording: Path) -> None:
    async def lose(number: int, socket: ServerConnection, place: int) -> bool:
        if number == 0 and place >= 9_600:
            await asyncio.sleep(3)  # the line stands, nobody is there
            return True
        return False

    servers = Servers(lose=lose)
    followed = Followed()
    async with listening(servers.behave) as server:
        with Recording(recording) as opened:
            call = Call(server, FAST, Reread(opened), followed, Backoff(20), silence_sec=0.5)
            await asyncio.wait_for(call.run(), 20)
    assert bytes(servers.heard) == audio(recording)
    assert followed.losses == ["nothing came from the server for 0 s"]


async def test_a_full_server_is_asked_again_when_it_says(recording: Path) -> None:
    asked: list[float] = []

    def busy(socket: ServerConnection, _: Request) -> Response | None:
        asked.append(time.monotonic())
        if len(asked) > 1:
            return None
        response = socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")
        response.headers["Retry-After"] = "1"
        return response

    servers = Servers()
    followed = await played(servers.behave, recording, FAST, process_request=busy)
    assert bytes(servers.heard) == audio(recording)
    assert asked[1] - asked[0] >= 1
    assert "503" in followed.losses[0]


async def test_a_refusal_is_not_asked_again(recording: Path) -> None:
    asked = 0

    def refuse(socket: ServerConnection, _: Request) -> Response:
        nonlocal asked
        asked += 1
        return socket.respond(HTTPStatus.UNAUTHORIZED, "who are you")

    with pytest.raises(UndervoiceError, match=r"401.*who are you"):
        await played(Servers().behave, recording, process_request=refuse)
    assert asked == 1


async def test_a_retryable_error_is_tried_again_after_the_time_that_it_names(recording: Path) -> None:
    ended = 0.0

    async def lose(number: int, socket: ServerConnection, place: int) -> bool:
        nonlocal ended
        if number or place < 8_000:
            return False
        error = {"type": "error", "code": "overloaded", "message": "m", "retryable": True, "retry_after_ms": 700}
        await socket.send(json.dumps(error))
        ended = time.monotonic()
        await socket.close(1013)
        return True

    began = await connections_of_a_whole_call(Servers(lose=lose), recording)
    assert began[1] - ended >= 0.69


async def test_audio_that_is_too_old_is_told_as_discarded_and_counted(recording: Path) -> None:
    """The call's time goes on while the line is down; what was not kept is a gap in the right place."""
    told: list[dict[str, Any]] = []
    lines = 0

    async def behave(socket: ServerConnection) -> None:
        nonlocal lines
        lines += 1
        await socket.recv()
        await socket.send(STARTED)
        if lines == 1:
            await socket.send(json.dumps({"type": "checkpoint", "token": "0", "sample": 0}))
            await asyncio.sleep(1.5)
            socket.transport.abort()
            return
        async for frame in socket:
            message = json.loads(frame) if isinstance(frame, str) else {"type": "audio", "samples": len(frame) // 2}
            told.append(message)
            if message["type"] == "stop":
                await socket.send(STOPPED)
                return

    with Recording(recording) as opened:
        source = Played(opened, kept_sec=1)
        async with listening(behave) as server:
            await asyncio.wait_for(Call(server, LIVE, source, Followed(), Backoff(20)).run(), 20)
        await source.close()
    assert told[0]["type"] == "discarded"
    assert sum(message.get("samples", 0) for message in told) == 3 * 16_000
    lost = sum(message["samples"] for message in told if message["type"] == "discarded")
    assert 0 < lost <= 16_000 * 1.6
    assert source.lost_sec == lost / 16_000


async def test_a_call_that_nobody_takes_is_given_up_in_the_end(recording: Path) -> None:
    async def behave(socket: ServerConnection) -> None:
        socket.transport.abort()

    followed = Followed()
    began = time.monotonic()
    async with listening(behave) as server:
        with Recording(recording) as opened, pytest.raises(UndervoiceError, match=r"given up: .*1006"):
            await play(server, FAST, opened, followed, patience_sec=2)
    assert time.monotonic() - began < 4
    assert followed.losses


async def test_each_connection_may_have_a_token_of_its_own(recording: Path) -> None:
    bearers: list[str] = []

    def note(_: ServerConnection, request: Request) -> None:
        bearers.append(request.headers["Authorization"])

    async def lose(number: int, socket: ServerConnection, place: int) -> bool:
        if number == 0 and place >= 8_000:
            socket.transport.abort()
        return number == 0 and place >= 8_000

    fresh = iter(["one", "two"])
    async with listening(Servers(lose=lose).behave, process_request=note) as server:
        with Recording(recording) as opened:
            renewing = Server(server.url, "unused", lambda: next(fresh))
            await asyncio.wait_for(play(renewing, FAST, opened, Followed()), 20)
    assert bearers == ["Bearer one", "Bearer two"]


async def test_an_address_at_which_nobody_ever_answered_is_not_tried_twice(recording: Path) -> None:
    followed = Followed()
    with Recording(recording) as opened, pytest.raises(ConnectionLost, match="cannot reach"):
        await play(Server("ws://127.0.0.1:9", "token"), LIVE, opened, followed)
    assert followed.losses == []
