"""Who may come in: the token, the origin, and whether there is room. Asked before anything else."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from undervoice.auth import Principal, Role
from undervoice.errors import BadToken, Forbidden
from undervoice.messages import SUBPROTOCOL
from undervoice.service import Service

BEARER_PROTOCOL = "bearer."
"""How a browser carries its token: it cannot set headers on a WebSocket, and a URL would be logged."""


def principal(connection: HTTPConnection, service: Service, *roles: Role) -> Principal:
    """Return the bearer of a request's token, who must have one of the roles.

    Raises:
        BadToken: no token, or not one of ours.
        Forbidden: another role.
    """
    bearer = service.tokens.verify(_token(connection))
    if bearer.role not in roles:
        raise Forbidden(f"not for {bearer.role} tokens", code="wrong_role")
    return bearer


def _token(connection: HTTPConnection) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return token.strip()
    for offered in subprotocols(connection):
        if offered.startswith(BEARER_PROTOCOL):
            return offered.removeprefix(BEARER_PROTOCOL)
    return None


def subprotocols(connection: HTTPConnection) -> list[str]:
    """Return the subprotocols that a WebSocket client offers."""
    return list(connection.scope.get("subprotocols", ()))


def accepted_subprotocol(connection: HTTPConnection) -> str | None:
    """Return the one to echo; never the one that carries the token."""
    return SUBPROTOCOL if SUBPROTOCOL in subprotocols(connection) else None


def check_origin(connection: HTTPConnection, service: Service) -> None:
    """Let in this server's own pages and the listed sites; a program without origin needs a header token.

    Raises:
        Forbidden: for any other page. CORS does not guard WebSockets, so this must.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        if "authorization" not in connection.headers:
            raise BadToken("without an Origin, the token comes in the Authorization header", code="token_missing")
        return
    own = urlsplit(origin)
    if own.scheme in ("http", "https") and own.netloc and own.netloc == connection.headers.get("host"):
        return
    if origin == "null" or origin not in service.bounds.origins:
        raise Forbidden("this page's origin is not allowed here", code="foreign_origin")
