"""Clients that never read, write a byte a second, or never start: they cost little, and nobody else notices."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.conftest import LONG, Launch
from tests.faults.instances import Instance
from tests.faults.load import Heard, calls, percentile
from undervoice.terms import SUBPROTOCOL

CALLS, AUDIO_SEC = (40, 90.0) if LONG else (8, 12.0)
SILENT = 1_000
UNREAD = 8 if LONG else 3
GROWTH_MB = 60.0
"""What all these clients together may cost: a thousand idle sockets some 5 KiB each, the floods their buffers."""
NOISE_MS = 60.0 if LONG else 1000.0
"""What the clients themselves, which share the machine, may cost; in the short form other tests run meanwhile, so that
it only tells that nobody waits for those clients."""
START_SEC, IDLE_SEC = (5, 60) if LONG else (3, 4)
PATIENCE_SEC = 240 if LONG else 120
"""A flood that is not read is slowed down for 30 s, a message nobody takes given up after 30, a close after 10."""


@dataclass
class Ends:
    """How the connections of one kind ended."""

    codes: list[int]
    after_sec: float

    def __str__(self) -> str:
        return f"{len(self.codes)} closed with {sorted(set(self.codes))} within {self.after_sec:.1f} s"


def options(instance: Instance) -> dict[str, object]:
    return {
        "additional_headers": {"Authorization": f"Bearer {instance.server.token}"},
        "subprotocols": [SUBPROTOCOL],
        "compression": None,
        "ping_interval": None,
        "close_timeout": 1,
        "open_timeout": 60,
    }


async def never_start(instance: Instance) -> Ends:
    """Open many connections and say nothing on any."""
    gate = asyncio.Semaphore(50)

    async def one() -> tuple[int, float]:
        async with gate:
            ws = await connect(instance.server.url, **options(instance))  # type: ignore[arg-type]
        began = time.monotonic()
        return await code_of(ws), time.monotonic() - began

    ends = await asyncio.gather(*(one() for _ in range(SILENT)))
    return Ends([code for code, _ in ends], max(after for _, after in ends))


async def code_of(ws: ClientConnection) -> int:
    """Read until the server closes; return its code."""
    with contextlib.suppress(ConnectionClosed):
        async for _ in ws:
            pass
    await ws.wait_closed()
    assert ws.protocol.close_rcvd is not None
    return ws.protocol.close_rcvd.code


def start(call_id: str) -> str:
    return json.dumps({"type": "start", "call_id": call_id, "audio": {}})


async def write_slowly(instance: Instance, number: int) -> Ends:
    """Start a call, and then send its first audio frame at one byte a second."""
    ws = await connect(instance.server.url, **options(instance))  # type: ignore[arg-type]
    await ws.send(start(f"slow-{number}"))
    began = time.monotonic()

    async def drip() -> None:
        head = bytes([0x82, 0x80 | 126]) + (3200).to_bytes(2, "big") + bytes(4)
        for byte in head + bytes(3200):
            ws.transport.write(bytes([byte]))
            await asyncio.sleep(1)
            if ws.protocol.close_rcvd is not None:
                ws.transport.abort()  # our own close would have to wait for the end of the frame

    dripping = asyncio.create_task(drip())
    try:
        return Ends([await code_of(ws)], time.monotonic() - began)
    finally:
        dripping.cancel()


def flood(instance: Instance, number: int, until: float) -> Ends:
    """Start a call, ask for answers as fast as they are taken, and read none of them; runs in a thread.

    The server can send a close to nobody who reads nothing: it lets the connection go.
    """
    began = time.monotonic()
    with contextlib.closing(socket.create_connection(("127.0.0.1", instance.port))) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(_upgrade(instance))
        assert raw.recv(12) == b"HTTP/1.1 101"  # and not a byte more is ever read
        raw.sendall(_masked(1, start(f"unread-{number}").encode()))
        raw.settimeout(1)
        asked = _masked(1, json.dumps({"type": "ping", "id": "x" * 200}).encode()) * 50 + _masked(2, bytes(3200))
        sent = 0
        while time.monotonic() < until:
            try:
                sent = (sent + raw.send(asked[sent:])) % len(asked)
            except TimeoutError:
                continue
            except OSError:
                return Ends([1006], time.monotonic() - began)
    pytest.fail(f"a client that never reads is kept for ever: {instance.metrics()}")


def _upgrade(instance: Instance) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /api/v1/stream HTTP/1.1",
        f"Host: 127.0.0.1:{instance.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        f"Authorization: Bearer {instance.server.token}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _masked(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame; a mask of zeros leaves the payload as it is (RFC 6455, section 5.3)."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def watch(instance: Instance) -> float:
    """Return the most memory that the server held, until cancelled."""
    most = 0.0
    try:
        while True:
            most = max(most, instance.rss_mb)
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return most


def slowest(heard: list[Heard]) -> float:
    return percentile([r["latency_ms"] for each in heard for r in each.finals.values()], 0.95)


async def test_clients_that_are_slow_or_silent(launch: Launch, figures: Callable[[str], None]) -> None:
    instance = launch(start_sec=str(START_SEC), idle_sec=str(IDLE_SEC))
    async with calls(instance.server, CALLS, AUDIO_SEC / 4, name="before", speed=2, over_sec=1) as tasks:
        before = await asyncio.gather(*tasks)
    idle_mb = instance.rss_mb
    watching = asyncio.create_task(watch(instance))
    until = time.monotonic() + PATIENCE_SEC
    async with calls(instance.server, CALLS, AUDIO_SEC, name="during", over_sec=1) as tasks:
        unread = [asyncio.create_task(asyncio.to_thread(flood, instance, n, until)) for n in range(UNREAD)]
        slow = [asyncio.create_task(write_slowly(instance, n)) for n in range(5)]
        silent = await never_start(instance)
        slow_ends = await asyncio.gather(*slow)
        unread_ends = await asyncio.gather(*unread)
        during = await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SEC)
    watching.cancel()
    most_mb = await watching
    assert set(silent.codes) == {4400}
    assert {code for ends in slow_ends for code in ends.codes} == {4408}
    assert all(each.ended and not each.of_type("warning") for each in during)
    assert slowest(during) <= slowest(before) + NOISE_MS
    assert most_mb - idle_mb <= GROWTH_MB
    assert instance.metrics()["undervoice_connections"] == 0
    gone = max(ends.after_sec for ends in unread_ends)
    figures(f"never a start: {silent}")
    figures(f"a byte a second: {len(slow_ends)} closed with [4408] within {max(e.after_sec for e in slow_ends):.1f} s")
    figures(f"never reads: {len(unread_ends)} let go within {gone:.1f} s")
    figures(
        f"all these at once: memory {idle_mb:.0f} → at most {most_mb:.0f} MB; p95 of the {CALLS} others' readings "
        f"{slowest(before):.0f} → {slowest(during):.0f} ms"
    )
