"""The live client against servers that do not keep to the protocol, or to the line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.server import ServerConnection, serve

from undervoice.cli import client
from undervoice.cli.recording import Recording
from undervoice.errors import BadAudio, UndervoiceError
from undervoice.messages import SUBPROTOCOL, Audio, Start

Behave = Callable[[ServerConnection], Awaitable[None]]
START = Start(call_id="c-1", audio=Audio())
STARTED = json.dumps({"type": "started"})


@asynccontextmanager
async def listening(behave: Behave) -> AsyncIterator[client.Server]:
    async with serve(behave, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        yield client.Server(f"ws://127.0.0.1:{port}", "token")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros(16_000 * 5, np.int16), 16_000)
    return path


async def played(behave: Behave, path: Path) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    async with listening(behave) as server:
        with Recording(path) as opened:
            await asyncio.wait_for(client.play(server, START, opened, lambda _, message: heard.append(message)), 10)
    return heard


async def test_the_start_comes_first_and_audio_only_after_started(recording: Path) -> None:
    came: list[str | bytes] = []

    async def behave(socket: ServerConnection) -> None:
        came.append(await socket.recv())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.3)
        await socket.send(STARTED)
        came.append(await socket.recv())
        await socket.send(json.dumps({"type": "stopped"}))

    heard = await played(behave, recording)
    assert [message["type"] for message in heard] == ["started", "stopped"]
    assert json.loads(came[0])["type"] == "start"
    assert came[1] == bytes(3200)


@pytest.mark.parametrize("code", [1000, 1001, 1012, 4408])
async def test_a_close_before_the_end_is_told_with_its_code(recording: Path, code: int) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(STARTED)
        await socket.close(code, "because")

    with pytest.raises(UndervoiceError, match=f"closed the call.*({code}: because|before its end)"):
        await played(behave, recording)


async def test_an_error_of_the_server_is_told_in_its_words(recording: Path) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(json.dumps({"type": "error", "code": "overloaded", "message": "come back later"}))

    with pytest.raises(UndervoiceError, match="overloaded: come back later"):
        await played(behave, recording)


async def test_a_line_that_breaks_is_told(recording: Path) -> None:
    async def behave(socket: ServerConnection) -> None:
        await socket.send(STARTED)
        socket.transport.abort()

    with pytest.raises(UndervoiceError, match="closed the call"):
        await played(behave, recording)


async def test_a_recording_that_breaks_off_is_told(recording: Path) -> None:
    class Torn(Recording):
        def frames(self) -> Any:
            yield bytes(3200)
            raise BadAudio("torn")

    async def behave(socket: ServerConnection) -> None:
        await socket.send(STARTED)
        await socket.wait_closed()

    async with listening(behave) as server:
        with Torn(recording) as opened, pytest.raises(BadAudio, match="torn"):
            await asyncio.wait_for(client.play(server, START, opened, lambda *_: None), 10)


async def test_something_else_on_the_port_is_told(recording: Path) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    async with await asyncio.start_server(behave, "127.0.0.1", 0) as other:
        server = client.Server(f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}", "token")
        with Recording(recording) as opened, pytest.raises(UndervoiceError, match="no answer") as refused:
            await client.play(server, START, opened, lambda *_: None)
    assert refused.value.code == "unreachable"
