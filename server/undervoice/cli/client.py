"""The live call's client: opens the socket, plays a recording, hands on what the server says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from undervoice.cli.recording import FRAMES_A_SECOND, Recording
from undervoice.errors import BadInput, UndervoiceError
from undervoice.messages import SUBPROTOCOL, Start, Stop

PATH = "/api/v1/stream"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
OPEN_SEC = 10
CLOSE_SEC = 1
"""A call that was broken off is not worth waiting for."""
Hear = Callable[[str, dict[str, Any]], None]
"""Takes each message of the server, as it came and as an object."""


@dataclass(frozen=True)
class Server:
    """Where a call goes to, and with which token."""

    url: str
    token: str

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        return is_local(self.url)


def is_local(url: str) -> bool:
    """Whether an address is this machine's own."""
    return urlsplit(url).hostname in LOCAL_HOSTS


def stream_url(url: str) -> str:
    """Return the stream's address for a server's: ``http://host`` will do.

    Raises:
        BadInput: when it is no address of a server.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise BadInput(f"{url} is no server's address: ws://host:port or wss://host")
    return urlunsplit((scheme, parts.netloc, parts.path if parts.path.strip("/") else PATH, "", ""))


async def play(server: Server, start: Start, recording: Recording, hear: Hear) -> None:
    """Play a recording as one call, in real time where ``start`` says live, to its ``stopped``.

    Raises:
        UndervoiceError: when the server refuses or ends the call, or cannot be reached.
    """
    try:
        async with connect(
            server.url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Bearer {server.token}"},
            compression=None,
            open_timeout=OPEN_SEC,
            close_timeout=CLOSE_SEC,
            # A server that reads slowly on purpose sees our pings late.
            ping_interval=None,
            proxy=None if server.local else True,
        ) as socket:
            await _converse(socket, start, recording, hear)
    except InvalidStatus as error:
        raise _refusal(error.response.status_code, bytes(error.response.body or b"")) from None
    except ConnectionClosed as error:
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
        raise UndervoiceError(f"the server closed the call ({code}{': ' + reason if reason else ''})") from None
    except (InvalidHandshake, InvalidURI, TimeoutError) as error:
        raise UndervoiceError(f"no answer from {server.url}: {error or 'timed out'}", code="unreachable") from None
    except BrokenPipeError:
        raise  # not the socket's: whoever read our own output has gone
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UndervoiceError(f"cannot reach {server.url}: {reason}", code="unreachable") from None


async def _converse(socket: ClientConnection, start: Start, recording: Recording, hear: Hear) -> None:
    with contextlib.suppress(ConnectionClosed):  # what the server said before it closed is still to be read
        await socket.send(msgspec.json.encode(start).decode())
    sender: asyncio.Task[None] | None = None
    broken: list[UndervoiceError] = []
    try:
        async for text in socket:
            message = json.loads(text)
            hear(str(text), message)
            if message.get("type") == "started" and sender is None:
                sender = asyncio.create_task(_send(socket, recording, start.config.live, broken))
            if _is_last(message):
                return
    finally:
        if sender is not None:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
    raise broken[0] if broken else UndervoiceError("the server closed the call before its end")


def _is_last(message: dict[str, Any]) -> bool:
    if message.get("type") == "error":
        raise UndervoiceError(f"{message.get('code')}: {message.get('message')}", code=message.get("code"))
    return message.get("type") == "stopped"


async def _send(socket: ClientConnection, recording: Recording, live: bool, broken: list[UndervoiceError]) -> None:
    """Send all frames and ``stop``; a recording that breaks off ends the call and is noted in ``broken``."""
    began = time.monotonic()
    try:
        for number, frame in enumerate(recording.frames(), 1):
            await socket.send(frame)
            if live:
                await asyncio.sleep(max(0.0, began + number / FRAMES_A_SECOND - time.monotonic()))
        await socket.send(msgspec.json.encode(Stop()).decode())
    except ConnectionClosed:
        return  # the receiver tells
    except UndervoiceError as error:
        broken.append(error)
        await socket.close()


def _refusal(status: int, body: bytes) -> UndervoiceError:
    """Return what a server meant that answered with a status instead of a socket."""
    return UndervoiceError(f"the server refused the call ({status}): {_told(body) or 'no reason given'}")


def _told(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return next(_lines(body), "")


def _lines(body: bytes) -> Iterator[str]:
    return (line[:200] for line in body.decode("utf-8", "replace").splitlines() if line.strip())
