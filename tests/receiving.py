"""What a WebSocket message costs to be received as the server receives it, and as bare bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import uvicorn
import uvloop
from websockets.frames import Frame, Opcode

from undervoice.sockets import LingeringSocket

PAUSE_SEC = 0.0005
"""Between messages, so that each is read by itself, as those of many calls are."""
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"A" * 22 + b"==\r\n\r\n"
)
Serving = Callable[[socket.socket, asyncio.Event], Awaitable[None]]


def framed(messages: Sequence[bytes]) -> list[bytes]:
    """Return messages as a client sends them."""
    return [Frame(Opcode.BINARY, message).serialize(mask=True) for message in messages]


def message_us(serving: Serving, frames: Sequence[bytes]) -> float:
    """Return the CPU time of a message on the receiving thread."""

    async def serve() -> float:
        listener, done = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
        server = asyncio.create_task(serving(listener, done))
        await asyncio.sleep(0.2)
        threading.Thread(target=_send, args=(listener.getsockname(), frames), daemon=True).start()
        began = time.thread_time()
        await done.wait()
        took = time.thread_time() - began
        await server
        return took * 1e6 / len(frames)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve())


def _send(address: Any, frames: Sequence[bytes]) -> None:
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(REQUEST)
        client.recv(4096)
        for frame in frames:
            client.sendall(frame)
            time.sleep(PAUSE_SEC)
        time.sleep(1)


def counting(size: int) -> Serving:
    """Count so many bytes on uvloop, with no protocol over TCP."""

    async def serve(listener: socket.socket, done: asyncio.Event) -> None:
        class Counting(asyncio.Protocol):
            left = size + len(REQUEST)

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                transport.write(b"go")  # type: ignore[attr-defined]

            def data_received(self, data: bytes) -> None:
                self.left -= len(data)
                if self.left <= 0:
                    done.set()

        server = await asyncio.get_running_loop().create_server(Counting, sock=listener)
        await done.wait()
        server.close()

    return serve


def dropping(count: int) -> Serving:
    """Receive so many messages through uvicorn and the server's own protocol, and drop them."""

    async def serve(listener: socket.socket, done: asyncio.Event) -> None:
        async def app(_: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            for _message in range(count):
                await receive()
            done.set()

        bare: dict[str, Any] = {"ws_per_message_deflate": False, "ws_ping_interval": None, "lifespan": "off"}
        server = uvicorn.Server(uvicorn.Config(app, ws=LingeringSocket, log_config=None, **bare))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await done.wait()
        server.should_exit = server.force_exit = True
        await serving

    return serve
