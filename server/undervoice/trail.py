"""What of a request stands in the audit log: one place for all routes that show, erase or hand out something.

A request without a valid token names nobody, and one over its share is refused unread; neither is
noted, or anyone could fill the disk.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from undervoice.answers import query
from undervoice.audit import Entry
from undervoice.auth import Principal
from undervoice.errors import BadInput, Internal, UndervoiceError
from undervoice.service import Service
from undervoice.terms import NAME_PATTERN

Handler = Callable[[Request, Service], Awaitable[Response]]


def noted(handler: Handler, action: str, route: str, takes: type[msgspec.Struct] | None) -> Handler:
    """Return a handler that notes how each request ended, refusals included.

    Args:
        handler: what answers.
        action: what it does, as the log calls it.
        route: its template.
        takes: its query, of which only what fits is noted.
    """

    async def endpoint(request: Request, service: Service) -> Response:
        request.state.audited = Entry(action=action, method=request.method, route=route, **_asked(request, takes))
        try:
            response = await handler(request, service)
        except Exception as error:
            told = error if isinstance(error, UndervoiceError) else Internal("")
            _note(request, service, told.http_status, told.code)
            raise
        _note(request, service, response.status_code)
        return response

    return endpoint


async def announce(request: Request, service: Service) -> None:
    """Note what is about to happen, and wait until that is on disk.

    Raises:
        Overloaded: ``audit_down``, it cannot be written.
    """
    await service.audit.confirm(_entry(request, request.state.bearer))


def tell(request: Request, **facts: Any) -> None:
    """Add to a request's line what only its handler knows."""
    request.state.audited = msgspec.structs.replace(request.state.audited, **facts)


def _note(request: Request, service: Service, status: int, code: str | None = None) -> None:
    bearer = getattr(request.state, "bearer", None)
    if bearer is not None:
        service.audit.note(msgspec.structs.replace(_entry(request, bearer), status=status, code=code))


def _entry(request: Request, bearer: Principal) -> Entry:
    # Whoever else signs tokens gives them ids of any form, and lone surrogates are no JSON.
    token_id = bearer.token_id[:128].encode(errors="replace").decode()
    who = {"role": bearer.role, "subject": bearer.subject, "token_id": token_id}
    entry: Entry = msgspec.structs.replace(request.state.audited, **who)
    return entry


def _asked(request: Request, takes: type[msgspec.Struct] | None) -> dict[str, Any]:
    """Return the call, the agent and the filters that a request names, as far as they are well formed."""
    named = request.path_params.get("call_id", "")
    asked: dict[str, Any] = {"call_id": named if re.fullmatch(NAME_PATTERN, named) else None}
    if takes is None:
        return asked
    try:
        given = msgspec.structs.asdict(query(request, takes))
    except BadInput:
        return asked | {"filters": {"malformed": True}}
    given = {name: value for name, value in given.items() if name in request.query_params and name != "cursor"}
    asked["call_id"] = given.pop("call_id", None) or given.pop("audio_id", None) or asked["call_id"]
    return asked | {"agent_id": given.pop("agent_id", None), "filters": given}
