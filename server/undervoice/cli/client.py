"""The live call's client: plays a recording over one socket, or over as many as it takes (protocol §1).

A lost connection is opened again, on whatever server answers; the call goes on from its newest checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from undervoice.cli.connection import CLOSE_SEC, LOST, ConnectionLost, Server, connected, ended
from undervoice.cli.recording import Recording
from undervoice.cli.retry import PATIENCE_SEC, Backoff
from undervoice.cli.sources import Played, Reread, Source
from undervoice.errors import UndervoiceError
from undervoice.messages import Resume, Start

SILENCE_SEC = 15.0
"""A server that has said nothing for this long is gone: it tells every 5 s how the call stands."""


class Audience(Protocol):
    """Whoever follows a call."""

    def hear(self, text: str, message: dict[str, Any]) -> None:
        """Take a message of the server, as it came and as an object."""

    def lost(self, why: str) -> None:
        """Take note that the connection is lost, and is sought again."""


async def play(
    server: Server, start: Start, recording: Recording, audience: Audience, patience_sec: float = PATIENCE_SEC
) -> float:
    """Play a recording as one call, in real time where ``start`` says live, to its ``stopped``.

    Returns:
        The seconds of audio that were lost, since the connection was away for too long.

    Raises:
        UndervoiceError: when the server refuses or ends the call, or cannot be reached.
    """
    source = Played(recording) if start.config.live else Reread(recording)
    try:
        await Call(server, start, source, audience, Backoff(patience_sec)).run()
    finally:
        await source.close()
    return source.lost_sec


class Call:
    """One call over all its connections."""

    def __init__(
        self,
        server: Server,
        start: Start,
        source: Source,
        audience: Audience,
        backoff: Backoff,
        silence_sec: float = SILENCE_SEC,
    ) -> None:
        self._server, self._start, self._source, self._audience = server, start, source, audience
        self._backoff, self._silence_sec = backoff, silence_sec
        self._met = False
        """Whether a server has ever answered: an address at which nobody listens is not worth a second try."""
        self._sample = -1
        """Where the newest checkpoint lies; its token is in ``_start``."""
        self._said: dict[str, Any] | None = None
        self._broken: UndervoiceError | None = None

    async def run(self) -> None:
        """Hold the call to its ``stopped``.

        Raises:
            UndervoiceError: when it cannot go on, or nobody has let it for too long.
        """
        while True:
            try:
                async with connected(self._server) as socket:
                    self._met = True
                    await self._converse(socket)
            except ConnectionLost as lost:
                await self._wait(lost)
            else:
                return

    async def _wait(self, lost: ConnectionLost) -> None:
        if not (self._met or lost.answered):
            raise lost
        wait_sec = self._backoff.wait(time.monotonic(), lost.after_sec)
        if wait_sec is None:
            raise UndervoiceError(f"given up: {lost.message}", code=lost.code) from None
        self._audience.lost(lost.message)
        await asyncio.sleep(wait_sec)

    async def _converse(self, socket: ClientConnection) -> None:
        self._said = None
        sender: asyncio.Task[None] | None = None
        try:
            with contextlib.suppress(ConnectionClosed):  # what the server said before it closed is still to be read
                await socket.send(msgspec.json.encode(self._start).decode())
            while (message := await self._next(socket)).get("type") != "stopped":
                if message.get("type") == "started" and sender is None:
                    self._source.begin()
                    sender = asyncio.create_task(self._send(socket, int(message.get("resume_from_sample", 0))))
                self._heed(message)
        except ConnectionClosed as error:
            code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (LOST, "")
            raise self._broken or ended(code, reason, self._said) from None
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)

    async def _next(self, socket: ClientConnection) -> dict[str, Any]:
        """Return the server's next message, once the audience has heard it."""
        try:
            async with asyncio.timeout(CLOSE_SEC if self._said else self._silence_sec):
                text = await socket.recv()
        except TimeoutError:
            if self._said:
                raise ended(LOST, "", self._said) from None
            raise ConnectionLost(f"nothing came from the server for {self._silence_sec:.0f} s") from None
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise UndervoiceError("what the server says is no message")
        self._audience.hear(str(text), message)
        return message

    def _heed(self, message: dict[str, Any]) -> None:
        if message.get("type") == "error":
            self._said = message
        elif message.get("type") == "checkpoint":
            resume = Resume(str(message.get("token")))
            self._start = msgspec.structs.replace(self._start, resume=resume)
            sample = int(message.get("sample", 0))
            self._source.forget(sample)
            if sample > self._sample:
                self._sample = sample
                self._backoff.progress()

    async def _send(self, socket: ClientConnection, sample: int) -> None:
        """Send everything from a place on; a recording that breaks off ends the call."""
        try:
            async with contextlib.aclosing(self._source.frames(sample)) as frames:
                async for frame in frames:
                    await socket.send(frame)
        except ConnectionClosed:
            return  # the receiver tells
        except UndervoiceError as error:
            self._broken = error
            await socket.close()
