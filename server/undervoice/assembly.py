"""Settings in, the parts of a server out, joined: what edges share."""

from __future__ import annotations

import functools

from undervoice.audit import AuditLog
from undervoice.auth import Tokens
from undervoice.chains import HeadKeys
from undervoice.drain import Drain
from undervoice.errors import BadSettings
from undervoice.everywhere import Everywhere
from undervoice.exchange import Alone, Exchange
from undervoice.gathering import Gathering
from undervoice.inference import Inference
from undervoice.jwks import open_keys
from undervoice.limits import Connections
from undervoice.lineup import Lineup
from undervoice.live import LiveCalls
from undervoice.messages import Limits
from undervoice.metrics import Metrics
from undervoice.opening import Policy
from undervoice.peers import Peers
from undervoice.rates import Rates, Room
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
from undervoice.tracing import Tracing
from undervoice.waiting import WaitingLine
from undervoice.webhooks import Webhooks

UPLOAD_ROOM = 6
"""How many recordings of the largest size may be held at a time; unwrapping one takes up to five times its bytes."""


def assemble(settings: Settings, lineup: Lineup, exchange: Exchange | None, crew: str) -> Service:
    """Return one server's parts; nothing runs yet but what scores.

    Args:
        settings: the configuration in force.
        lineup: the models in service.
        exchange: the line to the other servers, instead of the one that the settings name.
        crew: what this process and the other workers of its server are known by; empty where it serves alone.

    Raises:
        BadSettings: when a setting cannot be served.
    """
    store = open_store(settings.store, retention_days=settings.retention_days)
    peers = Peers(exchange or _exchange(settings))
    writer, live, webhooks = Writer(store, _outbox(settings)), LiveCalls(peers), _webhooks(settings, store)
    connections = Connections(settings.max_calls)
    rates = Rates(settings.requests_per_sec, settings.upload_mb_per_min)
    _share(peers, connections, rates, live)
    audit = AuditLog(settings.audit, HeadKeys(settings.secret, settings.previous_secret))
    stages = Stages((served.tag, served.sidecar) for served in lineup.models)
    tracing = _tracing(settings)
    inference = _inference(settings, lineup, tracing)
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
        policy=_policy(settings, lineup),
        bounds=_bounds(settings),
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
        gathering=_gathering(settings, peers, figures, writer, crew),
        stages=stages,
        tracing=tracing,
        rates=rates,
        room=Room(UPLOAD_ROOM * settings.max_clip_bytes),
        waiting=WaitingLine(store, settings.weights, settings.queue_hours),
        widget_folder=settings.widget_folder,
        board_folder=settings.board_folder,
    )


def _policy(settings: Settings, lineup: Lineup) -> Policy:
    model = lineup.chosen
    return Policy(
        model.info(),
        Limits(settings.max_frame_bytes, settings.max_call_sec, settings.idle_sec),
        settings.consent_required,
        settings.subjects,
        model.upset_weights,
        read_rules(settings.rules_file),
        weights=settings.weights,
    )


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        origins=settings.origins,
        start_sec=settings.start_sec,
        max_clip_bytes=settings.max_clip_bytes,
        min_calls=settings.min_calls,
        metrics_token=settings.metrics_token,
    )


def _share(peers: Peers, connections: Connections, rates: Rates, live: LiveCalls) -> None:
    """Hold clients to their shares at all servers together."""
    shares = Shares(peers)
    connections.share(shares)
    rates.share(shares)
    shares.count("readers", live.feed.readers)


def _inference(settings: Settings, lineup: Lineup, tracing: Tracing) -> Inference:
    inference = Inference(lineup.chosen, lineup.quick, threads=settings.threads, queue_ms=settings.queue_ms)
    if tracing.traces:
        inference.watch = tracing.scored
    return inference


def _gathering(settings: Settings, peers: Peers, figures: Metrics, writer: Writer, crew: str) -> Gathering | None:
    """Return what answers for all workers, where this is one of several."""
    if not crew:
        return None
    return Gathering(peers, figures, functools.partial(_is_well, writer), crew, settings.workers)


def _is_well(writer: Writer) -> bool:
    """Whether readings get to the store, or at least nowhere else."""
    return not (writer.dropped or writer.outbox.given_up or writer.outbox.trouble)


def _exchange(settings: Settings) -> Exchange:
    """Return the line to the other servers; from one machine to another it is Redis."""
    if settings.redis is None:
        return Alone()
    from undervoice.redis_exchange import RedisExchange

    return RedisExchange(settings.redis, settings.secret, settings.previous_secret)


def _tracing(settings: Settings) -> Tracing:
    """Return what tells traces; the library is not even loaded where nobody collects them."""
    if settings.otlp is None:
        return Tracing()
    try:
        from undervoice.spans import Spans
    except ImportError:
        raise BadSettings("UNDERVOICE_OTLP needs the extra otel: pip install 'undervoice[otel]'") from None
    return Spans(settings.otlp, settings.otlp_percent / 100)


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
