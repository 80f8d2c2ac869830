"""The way to Firestore: a client made late, deadlines on everything, errors in our words."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from undervoice.errors import BadInput, BadSettings, StoreDown
from undervoice.store.dial import dial

RPC_SEC, RETRY_SEC, VERB_SEC = 2.5, 3.0, 4.5
"""How long one attempt, one remote call with its retries, and a whole commit or read may take."""


class Link:
    """A project's database, connected by the first use.

    The client belongs to the running loop in which it was made (it breaks in any other), so a
    use in another loop makes another.

    Raises:
        BadSettings: the client library is not installed, or no project is named.
    """

    def __init__(self, project: str) -> None:
        if not project:
            raise BadSettings("firestore:// needs a project: firestore://my-project")
        if not _installed():
            raise BadSettings("firestore:// needs its client library: pip install undervoice[firestore]")
        self.name = f"store firestore://{project}"
        self._project = project
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.limits: dict[str, Any] = {}
        """Retry and deadline of one remote call; the library's own would hold on for a minute and more."""

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Any]:
        """Lend the client for one commit or read.

        Raises:
            StoreDown: there is no answer in time, no permission, or no credentials.
            BadInput: ``refused``, when the database will never take what it was sent.
        """
        try:
            async with asyncio.timeout(VERB_SEC):
                yield await self._connected()
        except TimeoutError:
            raise StoreDown(f"{self.name}: no answer within {VERB_SEC:g} s") from None
        except Exception as error:
            translated = self._translated(error)
            if translated is error:
                raise
            raise translated from error

    async def find(self, query: Callable[[Any], Any]) -> list[dict[str, Any]]:
        """Return the documents that a query finds; ``query`` makes it of the client."""
        async with self.client() as client:
            return [found.to_dict() for found in await query(client).get(**self.limits)]

    async def close(self) -> None:
        """Close the connection; what comes afterwards raises ``StoreDown``."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            # AsyncClient.close leaves the connection open.
            await client._firestore_api.transport.close()

    async def _connected(self) -> Any:
        if self._closed:
            raise StoreDown(f"{self.name}: closed")
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # The import takes 0.6 s and looking for credentials may ask the network: not on the loop.
            client = await asyncio.to_thread(dial, self._project)
            if self._client is None or self._loop is not loop:
                self._client, self._loop, self.limits = client, loop, _limits()
        return self._client

    def _translated(self, error: Exception) -> Exception:
        """Return the error of ours that one of the library's stands for; any other stays itself."""
        from google.api_core.exceptions import FailedPrecondition, GoogleAPIError, InvalidArgument
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

        reason = str(getattr(error, "message", "") or error).partition("\n")[0][:200]
        match error:
            case InvalidArgument():
                return BadInput(f"{self.name} refuses this: {reason}", code="refused")
            case FailedPrecondition():
                return StoreDown(f"{self.name}: {reason} (deploy/firestore.indexes.json lists the indexes)")
            case DefaultCredentialsError():
                return StoreDown(f"{self.name}: no credentials (set GOOGLE_APPLICATION_CREDENTIALS)")
            case GoogleAPIError() | GoogleAuthError():
                return StoreDown(f"{self.name}: {type(error).__name__}: {reason}")
        return error


def _installed() -> bool:
    try:
        return importlib.util.find_spec("google.cloud.firestore") is not None
    except ModuleNotFoundError:
        return False


def _limits() -> dict[str, Any]:
    from google.api_core.exceptions import Aborted, InternalServerError, ServiceUnavailable, TooManyRequests
    from google.api_core.retry import AsyncRetry, if_exception_type

    passing = if_exception_type(Aborted, InternalServerError, ServiceUnavailable, TooManyRequests)
    return {"retry": AsyncRetry(passing, initial=0.1, maximum=1.0, timeout=RETRY_SEC), "timeout": RPC_SEC}
