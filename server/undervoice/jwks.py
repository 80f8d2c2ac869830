"""Where the public keys of the operator's own sign-in come from: a file, or an address."""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Protocol

from undervoice.keys import Key, public_keys
from undervoice.watched import Watched

log = logging.getLogger("undervoice.auth")

TIMEOUT_SEC = 5.0
"""How long the key server may take, for each step and for all of them together."""
LONGEST_DOCUMENT = 256 * 1024
RETRY_SEC = 30.0
"""The key server is asked once in that time at most, whatever tokens come."""
FRESH_SEC = 600.0
"""How long keys are used before they are asked for again: a withdrawn key counts no longer than that."""


class PublicKeys(Protocol):
    """Public keys that may change while the server runs."""

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force, at once."""

    async def prepare(self, kid: object) -> None:
        """Let a key of this name be in force, if it exists and time allows."""


def open_keys(place: str) -> PublicKeys:
    """Return the keys at a path or an address.

    Raises:
        BadSettings: for a file that holds no keys.
    """
    return FetchedKeys(place) if "://" in place else FiledKeys(Path(place))


class FiledKeys:
    """Keys of a file; a change counts at the next token."""

    def __init__(self, path: Path) -> None:
        self._file = Watched(path, public_keys)

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force."""
        return self._file.current()

    async def prepare(self, kid: object) -> None:
        """Do nothing: reading a file takes no time."""


class FetchedKeys:
    """Keys of an address, fetched off the loop when a token first needs them; the last good set is kept."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._clock = url, clock
        self._keys: tuple[Key, ...] = ()
        self._asked = self._fetched = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force; none before the first has been asked for."""
        return self._keys

    async def prepare(self, kid: object) -> None:
        """Fetch the keys if they are old, or if none has this name; wait for the latter only."""
        known = any(kid in (None, key.kid) for key in self._keys)
        now = self._clock()
        idle = self._fetching is None or self._fetching.done()
        if idle and now - self._asked >= RETRY_SEC and not (known and now - self._fetched < FRESH_SEC):
            self._asked = now
            self._fetching = asyncio.create_task(self._fetch())
        if not known and self._fetching:
            await asyncio.wait([self._fetching])

    async def _fetch(self) -> None:
        try:
            self._keys = public_keys(await asyncio.to_thread(fetch, self._url))
            self._fetched = self._clock()
        except (OSError, ValueError, HTTPException) as error:
            log.warning("the sign-in's keys could not be fetched, %d stay: %s", len(self._keys), type(error).__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: keys come from the address that the operator named."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], *_: Any) -> None:
        return None


def fetch(url: str) -> bytes:
    """Return what is at an address, within bounds of time and size.

    Raises:
        OSError: when it cannot be had, or not in time.
        HTTPException: when what answers speaks no HTTP.
        ValueError: when there is too much of it.
    """
    until = time.monotonic() + TIMEOUT_SEC
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if url.startswith("http://"):  # this machine alone (settings): no proxy stands between
        handlers.append(urllib.request.ProxyHandler({}))
    document = b""
    with urllib.request.build_opener(*handlers).open(url, timeout=TIMEOUT_SEC) as answer:
        while part := answer.read1(65_536):
            document += part
            if len(document) > LONGEST_DOCUMENT:
                raise ValueError("the key set is too large")
            if time.monotonic() > until:
                raise TimeoutError("the key server is too slow")
    return document
