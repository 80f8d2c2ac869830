"""How REST answers: structs as JSON, and every error in the one shape."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from undervoice.errors import BadInput, SlowBody, TooLarge, UndervoiceError
from undervoice.headers import ANSWER
from undervoice.resources import ErrorAnswer, ErrorBody

S = TypeVar("S", bound=msgspec.Struct)
SMALL_BYTES = 64 * 1024
"""A JSON request that carries no audio."""
STILL_SEC = 30.0
"""How long a body may stand still, and how long it has whatever its size."""
LEAST_BYTES_PER_SEC = 32_000
"""How fast a body comes beyond that, on the whole: as fast as its audio was spoken."""


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return anything that msgspec can encode as a JSON response."""
    # The headers are here too because a fault of ours is answered outside of all middleware.
    return Response(msgspec.json.encode(body), status, ANSWER | (headers or {}), media_type="application/json")


def refusal(error: UndervoiceError) -> Response:
    """Return the response that an error means."""
    return error_answer(error.http_status, error.code, error.message, error.retry_after_ms)


def error_answer(
    status: int, code: str, message: str, retry_after_ms: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Return an error in the one shape; 429 and 503 always say when to come back."""
    headers = headers or {}
    if status in (429, 503):
        headers["retry-after"] = str(math.ceil((retry_after_ms or 1000) / 1000))
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (408, 413):
        headers["connection"] = "close"  # what is left of the body is not waited for
    return answer(ErrorAnswer(ErrorBody(code, message), message), status, headers)


def convert(said: Mapping[str, Any], kind: type[S]) -> S:
    """Return a struct of named texts, as a query or a form has them.

    Raises:
        BadInput: naming the parameter that does not fit.
    """
    try:
        return msgspec.convert(dict(said), kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(str(error)[:300], code="bad_parameter") from error


def query(request: Request, kind: type[S]) -> S:
    """Return a request's query as a struct."""
    return convert({name: value for name, value in request.query_params.items() if value != ""}, kind)


async def read_body(request: Request, max_bytes: int, count: Callable[[int], None] | None = None) -> bytes:
    """Return a request's body, refusing it as soon as it is too large or too slow.

    Args:
        request: whose body has not been read yet.
        max_bytes: the most that is taken.
        count: told the size of each part; it may refuse it.

    Raises:
        TooLarge: past ``max_bytes``, declared or sent.
        SlowBody: it stands still, or comes more slowly than its audio was spoken.
    """
    if declared_bytes(request) > max_bytes:
        raise TooLarge(f"a body is at most {max_bytes} bytes")
    body = bytearray()
    async for part in _in_time(request):
        if len(body) + len(part) > max_bytes:
            raise TooLarge(f"a body is at most {max_bytes} bytes")
        if count:
            count(len(part))
        body += part
    return bytes(body)


def declared_bytes(request: Request) -> int:
    """Return how long a request says its body is; 0 if it does not."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


async def _in_time(request: Request) -> AsyncIterator[bytes]:
    """Return the parts of a body that keeps coming."""
    clock = asyncio.get_running_loop().time
    began, size = clock(), 0
    parts = request.stream()
    while True:
        due = min(clock() + STILL_SEC, began + STILL_SEC + size / LEAST_BYTES_PER_SEC)
        try:
            async with asyncio.timeout_at(due):
                part = await anext(parts, None)
        except TimeoutError:
            raise SlowBody("the body came too slowly") from None
        except ClientDisconnect:
            raise BadInput("the client has gone", code="client_gone") from None  # which nobody hears
        if part is None:
            return
        size += len(part)
        yield part


async def decode_body(request: Request, kind: type[S]) -> S:
    """Return a small JSON body as a struct.

    Raises:
        BadInput: no JSON, or not of that form.
    """
    body = await read_body(request, SMALL_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(str(error)[:300], code="bad_json") from error


async def on_error(request: Request, error: Exception) -> Response:
    """Answer a request that failed: by our own errors as they say, by any other without details."""
    if isinstance(error, UndervoiceError):
        return refusal(error)
    if isinstance(error, HTTPException):
        code = "not_found" if error.status_code == 404 else error.detail.lower().replace(" ", "_")
        return error_answer(error.status_code, code, error.detail, headers=dict(error.headers or {}))
    return error_answer(500, "internal", "the server failed")
