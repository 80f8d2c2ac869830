"""Requests and handshakes as they pass: how long each took to its answer, by route and not by path."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from undervoice.stages import Stages

STATUSES = {"websocket.accept": 101, "websocket.close": 403}
"""What a handshake is answered with where no status is named."""
STARTS = ("http.response.start", "websocket.http.response.start", *STATUSES)


class Traffic:
    """Counts the answers of everything behind it.

    The clock stops at an answer's head: a stream of events has no other end than its reader's.
    """

    def __init__(self, app: ASGIApp, stages: Stages) -> None:
        self._app, self._stages = app, stages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began, answered = time.perf_counter(), False

        def count(status: int) -> None:
            nonlocal answered
            if not answered:
                answered = True
                self._stages.answered(template(scope), status, time.perf_counter() - began)

        async def counted(message: Message) -> None:
            if not answered and message["type"] in STARTS:
                count(message.get("status") or STATUSES[message["type"]])
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            count(500)
            raise


def template(scope: Scope) -> str | None:
    """Return the template of the route that a request took, without a slash at its end; nothing where it took none."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return None if path is None else path.rstrip("/") or "/"
