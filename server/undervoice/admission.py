"""Who may come in: the token, the origin, and whether they ask too much. Asked before anything else."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from undervoice.auth import Principal, Role, Tokens
from undervoice.errors import BadToken, Forbidden
from undervoice.rates import limited
from undervoice.service import Service
from undervoice.terms import SUBPROTOCOL

BEARER_PROTOCOL = "bearer."
"""How a browser carries its token: it cannot set headers on a WebSocket, and a URL would be logged."""


def principal(connection: HTTPConnection, service: Service, *roles: Role) -> Principal:
    """Return the bearer of a request's token, who must have one of the roles.

    Raises:
        BadToken: no token, or not one of ours.
        Forbidden: another role.
        TooMany: this token or this address has asked for more than its share.
    """
    place = limited(address(connection))
    counted = connection.scope["type"] == "http"  # sockets have limits of their own
    if counted:
        service.rates.request(place)
    try:
        bearer = service.tokens.verify(_token(connection))
    except BadToken:
        # Only what is refused anyway counts: nobody locks out a neighbour behind the same address.
        service.rates.failure(place)
        raise
    if counted:
        service.rates.request(bearer.token_id)
    connection.state.bearer = bearer  # whom the audit log names, whether this is refused or not
    if bearer.role not in roles:
        raise Forbidden(f"not for {bearer.role} tokens", code="wrong_role")
    return bearer


def address(connection: HTTPConnection) -> str:
    """Return the client's address: the peer's own, or what a trusted proxy says."""
    return connection.client.host if connection.client else ""


def bearer_token(connection: HTTPConnection) -> str | None:
    """Return what the ``Authorization`` header bears."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if token and scheme.lower() == "bearer" else None


def _token(connection: HTTPConnection) -> str | None:
    token = bearer_token(connection)
    if token is not None:
        return token
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
    host = connection.headers.get("host")
    if host and origin in (f"https://{host}", f"http://{host}"):
        return
    if origin == "null" or origin not in service.bounds.origins:
        raise Forbidden("this page's origin is not allowed here", code="foreign_origin")


class KeyFetching:
    """Has the sign-in's keys fetched, off the loop, before a token that needs them is judged."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a socket."""
        if scope["type"] in ("http", "websocket"):
            await self._tokens.prepare(_token(HTTPConnection(scope)))
        await self._app(scope, receive, send)
