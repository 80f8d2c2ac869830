"""The composition: settings in, a running application out. Nothing lives in module globals."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from undervoice import asyncapi, openapi, places
from undervoice.admission import KeyFetching
from undervoice.answers import answer, on_error
from undervoice.api import EARLIER, OPERATIONS, Operation
from undervoice.assembly import assemble
from undervoice.errors import UndervoiceError
from undervoice.exchange import Exchange
from undervoice.headers import SecurityHeaders
from undervoice.lineup import Lineup
from undervoice.pages import PROBES, BoardFiles, OwnFiles, WidgetFiles, board, demo, metrics
from undervoice.retention import sweep_hourly
from undervoice.service import Service
from undervoice.settings import Settings
from undervoice.stream import stream
from undervoice.traffic import Traffic
from undervoice.trail import Handler

log = logging.getLogger("undervoice")

DRAIN_SEC = 5.0
"""How long the end waits for what is not stored yet."""


def create_app(
    settings: Settings, lineup: Lineup | None = None, *, exchange: Exchange | None = None, crew: str = ""
) -> Starlette:
    """Return the application.

    Args:
        settings: the configuration in force.
        lineup: loaded models to use instead of those that the settings name.
        exchange: the line to the other servers, instead of the one that the settings name.
        crew: what this process and the other workers of its server are known by; empty where it serves alone.

    Raises:
        BadSettings: when a setting cannot be served.
        BadModel: when a model cannot be trusted, or two do not fit together.
    """
    mimetypes.add_type("text/javascript", ".js")  # some systems say text/plain, and modules then do not load
    lineup = lineup or Lineup.load(settings.model_folders)
    service = assemble(settings, lineup, exchange, crew)
    app = Starlette(
        routes=_routes(service),
        middleware=[
            Middleware(Traffic, stages=service.stages, tracing=service.tracing),
            Middleware(SecurityHeaders),
            *_cors(settings),
            Middleware(KeyFetching, tokens=service.tokens),
        ],
        exception_handlers={UndervoiceError: on_error, HTTPException: on_error, Exception: on_error},
        lifespan=lambda _: _running(service, settings.retention_days),
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


@contextlib.asynccontextmanager
async def _running(service: Service, retention_days: int) -> AsyncIterator[None]:
    """Open everything, and in the end close it in an order in which nothing accepted is lost."""
    for served in service.lineup.cards().models:
        log.info("%s@%s scores %s", served.name, served.version, served.role)
    await service.writer.open()
    await service.webhooks.open()
    await service.peers.open()
    sweeping = asyncio.create_task(sweep_hourly(service.store, retention_days))
    watching = asyncio.create_task(service.stages.watch_loop())
    yield
    sweeping.cancel()
    watching.cancel()
    service.inference.close()
    await service.peers.close()
    await service.webhooks.close()
    if lost := await service.writer.close(DRAIN_SEC):
        log.error("%d records could not be stored", lost)
    await asyncio.gather(sweeping, watching, return_exceptions=True)
    await service.audit.close()
    await service.store.close()
    await asyncio.to_thread(service.tracing.close)


def _routes(service: Service) -> list[BaseRoute]:
    bound = functools.partial(_bind, service)
    documents = {"/openapi.json": openapi.document(), "/asyncapi.json": asyncapi.document()}
    return [
        WebSocketRoute("/api/v1/stream", stream),
        *(route for row in OPERATIONS for route in _both("/api/v1", row, bound)),
        *(route for row in EARLIER for route in _both("", row, bound)),
        *(Route(path, bound(handler)) for path, handler in PROBES.items()),
        Route("/metrics", bound(metrics)),
        *(Route(path, bound(_document(body))) for path, body in documents.items()),
        Route("/", bound(demo)),
        Mount("/widget", WidgetFiles(service.widget_folder, places.bundle_folder())),
        Mount("/examples", OwnFiles(directory=places.examples_folder(), html=True, check_dir=False)),
        *(Route(path, bound(board)) for path in ("/supervisor", "/supervisor/")),
        Mount("/supervisor", BoardFiles(directory=service.board_folder, check_dir=False)),
    ]


def _both(
    prefix: str, row: Operation, bound: Callable[[Handler], Callable[[Request], Awaitable[Response]]]
) -> list[Route]:
    """Return a route with and without a trailing slash: a redirect would lose the body of a POST."""
    path = prefix + row.path
    return [Route(p, bound(row.at(path)), methods=[row.method]) for p in (path, f"{path}/")]


def _bind(service: Service, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await handler(request, service)

    return endpoint


def _document(body: dict[str, object]) -> Handler:
    async def handler(request: Request, service: Service) -> Response:
        return answer(body)

    return handler


def _cors(settings: Settings) -> list[Middleware]:
    if not settings.origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "last-event-id"],
            expose_headers=["retry-after"],
        )
    ]
