"""A socket to a server, and what it means when there is none, or when it ends before the call does."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from undervoice.cli.retry import RETRIED_CLOSES, RETRIED_STATUSES
from undervoice.errors import BadInput, UndervoiceError
from undervoice.terms import SUBPROTOCOL

PATH = "/api/v1/stream"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
OPEN_SEC = 10
CLOSE_SEC = 1
"""A call that was broken off is not worth waiting for."""
LOST = 1006
"""The close code of a line that broke; it is never sent."""


class ConnectionLost(UndervoiceError):
    """The line or the server has gone; the call can go on elsewhere, or here later."""

    code, retryable = "unreachable", True

    def __init__(self, message: str, *, after_sec: float | None = None, answered: bool = False) -> None:
        super().__init__(message)
        self.after_sec = after_sec
        """When to come back, as the server wishes; 0: at once."""
        self.answered = answered
        """Whether there is a server at all."""


@dataclass(frozen=True)
class Server:
    """Where a call goes to, and with which token."""

    url: str
    token: str
    renew: Callable[[], str] | None = None
    """Makes a token for each connection, since a call may outlast one."""

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


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[ClientConnection]:
    """Open a socket for one call.

    Raises:
        ConnectionLost: when it may succeed later.
        UndervoiceError: when it will not.
    """
    try:
        socket = await connect(
            server.url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Bearer {server.renew() if server.renew else server.token}"},
            compression=None,
            open_timeout=OPEN_SEC,
            close_timeout=CLOSE_SEC,
            # A server that reads slowly on purpose sees our pings late.
            ping_interval=None,
            proxy=None if server.local else True,
        )
    except InvalidStatus as error:
        raise refusal(error.response.status_code, error.response.headers, bytes(error.response.body or b"")) from None
    except InvalidURI as error:
        raise UndervoiceError(f"no answer from {server.url}: {error}", code="unreachable") from None
    except (ConnectionClosed, InvalidHandshake, TimeoutError) as error:
        raise ConnectionLost(f"no answer from {server.url}: {error or 'timed out'}") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConnectionLost(f"cannot reach {server.url}: {reason}") from None
    async with socket:
        yield socket


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> UndervoiceError:
    """Return what a server meant that answered with a status instead of a socket."""
    text = f"the server refused the call ({status}): {_told(body) or 'no reason given'}"
    if status not in RETRIED_STATUSES:
        return UndervoiceError(text)
    asked = headers.get("Retry-After", "")
    return ConnectionLost(text, after_sec=float(asked) if asked.isdecimal() else None, answered=True)


def _told(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return next(_lines(body), "")


def _lines(body: bytes) -> Iterator[str]:
    return (line[:200] for line in body.decode("utf-8", "replace").splitlines() if line.strip())


def ended(code: int, reason: str, said: Mapping[str, Any] | None) -> UndervoiceError:
    """Return what it means that a socket closed before the call's end; ``said``: the ``error`` before it."""
    at_once = 0.0 if code == 1001 else None
    if said is None:
        text = f"the server closed the call ({code}{': ' + reason if reason else ''})"
        return (
            ConnectionLost(text, after_sec=at_once, answered=True) if code in RETRIED_CLOSES else UndervoiceError(text)
        )
    text = f"{said.get('code')}: {said.get('message')}"
    if said.get("retryable") or code in RETRIED_CLOSES - {LOST}:
        asked_ms = said.get("retry_after_ms")
        return ConnectionLost(text, after_sec=at_once if asked_ms is None else asked_ms / 1000, answered=True)
    return UndervoiceError(text, code=said.get("code"))
