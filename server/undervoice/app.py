"""The composition: settings in, a running service out. Nothing lives in module globals."""

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
from undervoice.audit import AuditLog
from undervoice.auth import Tokens
from undervoice.chains import HeadKeys
from undervoice.drain import Drain
from undervoice.errors import UndervoiceError
from undervoice.everywhere import Everywhere
from undervoice.exchange import Alone, Exchange
from undervoice.gathering import Gathering
from undervoice.headers import SecurityHeaders
from undervoice.inference import Inference
from undervoice.jwks import open_keys
from undervoice.limits import Connections
from undervoice.lineup import Lineup
from undervoice.live import LiveCalls
from undervoice.messages import Limits
from undervoice.metrics import Metrics
from undervoice.opening import Policy
from undervoice.pages import PROBES, BoardFiles, OwnFiles, WidgetFiles, board, demo, metrics
from undervoice.peers import Peers
from undervoice.rates import Rates, Room
from undervoice.retention import sweep_hourly
from undervoice.revocation import Revocations
from undervoice.rulebook import read_rules
from undervoice.seals import Seals
from undervoice.service import Bounds, Service
from undervoice.settings import Settings
from undervoice.shares import Shares
from undervoice.stages import Stages
from undervoice.store import Store, open_store
from undervoice.store.outbox import Outbox
from undervoice.store.writer import Writer
from undervoice.stream import stream
from undervoice.traffic import Traffic
from undervoice.trail import Handler
from undervoice.waiting import WaitingLine
from undervoice.webhooks import Webhooks

log = logging.getLogger("undervoice")

UPLOAD_ROOM = 6
"""How many recordings of the largest size may be held at a time; unwrapping one takes up to five times its bytes."""
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
    service = _service(settings, lineup, exchange or _exchange(settings), crew)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for served in service.lineup.cards().models:
            log.info("%s@%s scores %s", served.name, served.version, served.role)
        await service.writer.open()
        await service.webhooks.open()
        await service.peers.open()
        sweeping = asyncio.create_task(sweep_hourly(service.store, settings.retention_days))
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

    app = Starlette(
        routes=_routes(service),
        middleware=[
            Middleware(Traffic, stages=service.stages),
            Middleware(SecurityHeaders),
            *_cors(settings),
            Middleware(KeyFetching, tokens=service.tokens),
        ],
        exception_handlers={UndervoiceError: on_error, HTTPException: on_error, Exception: on_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def _service(settings: Settings, lineup: Lineup, exchange: Exchange, crew: str) -> Service:
    store = open_store(settings.store, retention_days=settings.retention_days)
    peers = Peers(exchange)
    writer, live, connections = Writer(store, _outbox(settings)), LiveCalls(peers), Connections(settings.max_calls)
    audit = AuditLog(settings.audit, HeadKeys(settings.secret, settings.previous_secret))
    webhooks = _webhooks(settings, store)
    model = lineup.chosen
    stages = Stages((served.tag, served.sidecar) for served in lineup.models)
    inference = Inference(model, lineup.quick, threads=settings.threads, queue_ms=settings.queue_ms)
    rates = Rates(settings.requests_per_sec, settings.upload_mb_per_min)
    shares = Shares(peers)
    connections.share(shares)
    rates.share(shares)
    shares.count("readers", live.feed.readers)
    limits = Limits(settings.max_frame_bytes, settings.max_call_sec, settings.idle_sec)
    figures = Metrics(
        stages=stages,
        writer=writer,
        webhooks=webhooks,
        audit=audit,
        inference=inference,
        live=live,
        connections=connections,
    )
    return Service(
        policy=Policy(
            model.info(),
            limits,
            settings.consent_required,
            settings.subjects,
            model.upset_weights,
            read_rules(settings.rules_file),
            weights=settings.weights,
        ),
        bounds=Bounds(
            origins=settings.origins,
            start_sec=settings.start_sec,
            max_clip_bytes=settings.max_clip_bytes,
            min_calls=settings.min_calls,
            metrics_token=settings.metrics_token,
        ),
        tokens=_tokens(settings),
        seals=Seals(settings.secret, settings.previous_secret),
        lineup=lineup,
        inference=inference,
        store=store,
        writer=writer,
        webhooks=webhooks,
        audit=audit,
        live=live,
        peers=peers,
        everywhere=Everywhere(live, store, writer, webhooks),
        drain=Drain(live, settings.drain_sec),
        connections=connections,
        metrics=figures,
        gathering=Gathering(peers, figures, functools.partial(_is_well, writer), crew, settings.workers)
        if crew
        else None,
        stages=stages,
        rates=rates,
        room=Room(UPLOAD_ROOM * settings.max_clip_bytes),
        waiting=WaitingLine(store, settings.weights, settings.queue_hours),
        widget_folder=settings.widget_folder,
        board_folder=settings.board_folder,
    )


def _is_well(writer: Writer) -> bool:
    """Whether readings get to the store, or at least nowhere else."""
    return not (writer.dropped or writer.outbox.given_up or writer.outbox.trouble)


def _exchange(settings: Settings) -> Exchange:
    """Return the line to the other servers; from one machine to another it is Redis."""
    if settings.redis is None:
        return Alone()
    from undervoice.redis_exchange import RedisExchange

    return RedisExchange(settings.redis, settings.secret, settings.previous_secret)


def _outbox(settings: Settings) -> Outbox | None:
    if settings.outbox is None:
        return None
    return Outbox(
        settings.outbox,
        limit_mb=settings.outbox_mb,
        limit_hours=settings.outbox_hours,
        full_sync=settings.fsync == "full",
    )


def _webhooks(settings: Settings, store: Store) -> Webhooks:
    return Webhooks(
        settings.webhooks,
        settings.webhook_secret,
        settings.state / "webhooks.db",
        least=settings.webhook_severity,
        limit_sec=settings.webhook_hours * 3600,
        is_erased=store.is_erased,
    )


def _tokens(settings: Settings) -> Tokens:
    return Tokens(
        settings.secret,
        previous=settings.previous_secret,
        audience=settings.audience,
        foreign=open_keys(settings.jwks) if settings.jwks else None,
        issuer=settings.issuer,
        revocations=Revocations(settings.revoked),
    )


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
