"""A bad line: everything goes through it, until it is cut, stands still, or holds frames up."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from undervoice.cli.connection import Server


@dataclass(eq=False)
class Lane:
    """One connection through the line."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    frozen: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """Break it, as a router that forgets does: both sides get a reset."""
        for writer in (self.client, self.server):
            writer.transport.abort()

    def freeze(self) -> None:
        """Let nothing through any more, and tell nobody."""
        self.frozen.set()


class Line:
    """Forwards TCP connections on loopback to one port."""

    def __init__(self, port: int, *, held_up: float = 0.0, held_sec: float = 3.0, draw: random.Random) -> None:
        self._port, self._held_up, self._held_sec, self._draw = port, held_up, held_sec, draw
        self.lanes: list[Lane] = []
        """Those that stand."""
        self.frames = self.held = 0

    def pick(self) -> Lane | None:
        """Return one of the connections that stand and are not frozen."""
        sound = [lane for lane in self.lanes if not lane.frozen.is_set()]
        return self._draw.choice(sound) if sound else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, server = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        lane = Lane(writer, server)
        self.lanes.append(lane)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _first([self._forward(reader, lane), _pour(there, lane)])
                if lane.frozen.is_set():
                    await _drop(reader)
        finally:
            self.lanes.remove(lane)
            for each in (writer, server):
                each.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, lane: Lane) -> None:
        """Pass on what the client sends, frame by frame."""
        lane.server.write(await reader.readuntil(b"\r\n\r\n"))
        while True:
            frame = await _frame(reader)
            self.frames += 1
            if self._draw.random() < self._held_up:
                self.held += 1
                await asyncio.sleep(self._held_sec)
            if lane.frozen.is_set():
                return
            lane.server.write(frame)
            await lane.server.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Return one WebSocket frame of a client as it is (RFC 6455, section 5.2)."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        more = await reader.readexactly(2 if length == 126 else 8)
        head, length = head + more, int.from_bytes(more)
    return head + await reader.readexactly(4 + length)


async def _pour(reader: asyncio.StreamReader, lane: Lane) -> None:
    """Pass on what the server sends."""
    while data := await reader.read(65_536):
        if lane.frozen.is_set():
            return
        lane.client.write(data)
        await lane.client.drain()


async def _first(works: list) -> None:  # type: ignore[type-arg]
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drop(reader: asyncio.StreamReader) -> None:
    """Hold a line on which nothing moves, until its client has had enough of it."""
    while await reader.read(65_536):
        pass


@asynccontextmanager
async def line(
    server: Server, *, held_up: float = 0.0, held_sec: float = 3.0, seed: int = 1
) -> AsyncIterator[tuple[Line, Server]]:
    """Put a line before a server; give it, and the server's address behind it."""
    port = int(server.url.split(":")[2].split("/")[0])
    bad = Line(port, held_up=held_up, held_sec=held_sec, draw=random.Random(seed))
    listener = await asyncio.start_server(bad._serve, "127.0.0.1", 0)
    try:
        near = listener.sockets[0].getsockname()[1]
        yield bad, replace(server, url=server.url.replace(f":{port}", f":{near}"))
    finally:
        listener.close()
        for lane in list(bad.lanes):
            lane.cut()
