"""Whatever comes instead of a proper request, the answer blames the client, or the line is closed."""

from __future__ import annotations

import re
import socket
from random import Random
from urllib.parse import urlsplit

from tests.fuzz.test_messages import calm
from tests.fuzz.watching import Tally, unharmed
from tests.fuzz.wire import HANDSHAKE
from tests.servers import Serve, Server
from undervoice.terms import SUBPROTOCOL

PATHS = ("/api/v1/stream", "/api/v1/logs", "/api/v1/calls/c-1", "/api/v1/tokens", "/", "*", "//", "/%00", "/%ff/..", "")
BITS = (
    b"\r\n",
    b"\n",
    b"\r",
    b":",
    b" ",
    b"\x00",
    b"\xff",
    b",",
    b"websocket",
    b"keep-alive",
    b"13",
    b"bearer.x",
    b"\t",
)
HEADERS = (
    *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: what\r\n", b"Expect: 100-continue\r\n", b"Host: b\r\n"),
    *(b"Sec-WebSocket-Version: 8\r\n", b"Sec-WebSocket-Key: short\r\n", b"Upgrade: h2c\r\n", b"Connection: close\r\n"),
    *(b"Origin: null\r\n", b"Authorization: Basic eA==\r\n", b"X: " + b"y" * 70_000 + b"\r\n", b"Cookie: \xe9\r\n"),
    *(b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", b" folded\r\n", b"No colon\r\n"),
)


def request(url: str, token: str, random: Random) -> bytes:
    """Return a handshake with something wrong, most times."""
    said = HANDSHAKE.format(
        path=random.choice(PATHS), host=urlsplit(url).netloc, subprotocol=SUBPROTOCOL, token=token
    ).encode()
    if random.random() < 0.3:
        said = said.replace(b"GET", random.choice((b"POST", b"PUT", b"HEAD", b"get", b"\x16\x03\x01", b"")), 1)
    for _ in range(random.randrange(3)):
        lines = said.split(b"\r\n")
        at = random.randrange(1, max(2, len(lines) - 2))
        added = random.choice(HEADERS)
        said = b"\r\n".join(lines[:at]) + b"\r\n" + added + b"\r\n".join(lines[at + random.randrange(2) :])
    for _ in range(random.choice((0, 0, 1, 2))):
        at = random.randrange(len(said))
        said = said[:at] + random.choice(BITS) + said[at + random.randrange(3) :]
    return said


def answer(server: Server, data: bytes) -> int | None:
    """Send bytes, and no more; return the status of the answer, if there is one."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            head = line.recv(4096)
        except TimeoutError:
            raise  # a line that is neither answered nor closed
        except OSError:
            return None
    status = re.match(rb"HTTP/1\.1 (\d+)", head)
    assert status or not head, head
    return int(status[1]) if status else None


def test_any_request_is_answered_or_closed(serve: Serve, long: bool) -> None:
    server, wanted = calm(serve), 6000 if long else 400
    token = server.token("integrator")
    with unharmed(server), Tally("handshakes") as tally:
        while tally.cases < wanted:
            data = request(server.url, token, Random(tally.cases))
            status = answer(server, data)
            assert status is None or status < 500, (data[:2000], status)
            tally.cases += 1
