"""The headers that keep browsers from guessing, telling, framing and caching.

Every answer has them: JSON is nothing to run or to frame, a page runs this server's own files alone.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
ANSWER = EVERYWHERE | {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",  # reading by CORS, as the listed origins do, is another matter
}
"""What goes with readings, errors and documents."""
HSTS = "max-age=31536000"
"""For this host alone: what else lives beside it is not ours to decide."""


def page_headers(host: str | None) -> dict[str, str]:
    """Return the headers of a page that this server shows under a name."""
    # 'self' does not cover WebSockets in every browser.
    named = host if host and re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", host) else None
    sockets = f" ws://{named} wss://{named}" if named else ""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
        f"require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return EVERYWHERE | {
        "content-security-policy": policy,
        "permissions-policy": "microphone=(self), display-capture=(self)",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-cache",
    }


class SecurityHeaders:
    """Adds to every answer what it does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _fitting(scope, headers).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


def _fitting(scope: Scope, headers: Headers) -> dict[str, str]:
    is_page = headers.get("content-type", "").startswith("text/html")
    fitting = page_headers(Headers(scope=scope).get("host")) if is_page else ANSWER
    # The scheme is what a trusted proxy says; over plain HTTP a browser ignores the header.
    return fitting | ({"strict-transport-security": HSTS} if scope["scheme"] == "https" else {})
