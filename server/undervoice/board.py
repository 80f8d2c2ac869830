"""The supervisor's board over REST: who waits (``/queue``), and the calls that go on (``/live``)."""

from __future__ import annotations

import re
import time
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from undervoice import resources as r
from undervoice.admission import principal
from undervoice.answers import answer, declared_bytes, query
from undervoice.auth import Principal
from undervoice.errors import BadInput, Forbidden, GoingAway, NotFound
from undervoice.eventstream import EventStream, watch
from undervoice.params import Limit
from undervoice.service import Service
from undervoice.terms import NAME_PATTERN
from undervoice.trail import tell
from undervoice.uploads import Intake, analyze_upload
from undervoice.wall import QueuedCaller
from undervoice.wrappings import Upload, read_upload


class QueueParams(msgspec.Struct):
    """How much of the queue's front."""

    limit: Limit = 100


class QueueLeaveParams(msgspec.Struct):
    """Why a caller leaves the queue."""

    reason: Literal["served", "removed"] = "served"


async def queue(request: Request, service: Service) -> Response:
    """Return who waits, the first to be served first, with the bound on overtaking and a time estimate."""
    principal(request, service, "supervisor")
    return answer(await service.waiting.page(query(request, QueueParams).limit))


async def join(request: Request, service: Service) -> Response:
    """Let a caller into the queue, by a recording or as a known call; one who waits already is renewed."""
    bearer = principal(request, service, "supervisor", "integrator")
    if "text" in request.query_params:
        raise BadInput("text comes in the body: addresses are logged on the way", code="text_in_address")
    with Intake(service, bearer, request) as intake:
        intake.expect(min(declared_bytes(request), service.bounds.max_clip_bytes))
        began = time.perf_counter()
        upload = await read_upload(request, service.bounds.max_clip_bytes, intake.take, needed=False)
        if upload.data:
            caller = _heard(await analyze_upload(service, bearer, upload, intake, began))
        else:
            caller = await _known(service, bearer, upload)
    tell(request, call_id=caller.call_id)
    return answer(await service.waiting.join(caller, upload.text))


def _heard(clip: r.ClipResult) -> QueuedCaller:
    return QueuedCaller(
        call_id=clip.call_id,
        source="clip",
        upset_score=clip.upset_score,
        arousal=clip.arousal,
        detected_emotion=clip.detected_emotion,
        confidence_score=clip.confidence_score,
        uncertain=clip.uncertain,
        arrived_at=clip.timestamp,
    )


async def _known(service: Service, bearer: Principal, upload: Upload) -> QueuedCaller:
    """Return a call that is known as it sounded last.

    Raises:
        BadInput: none is named.
        NotFound: it is not known.
    """
    call_id = upload.params.call_id
    if call_id is None:
        raise BadInput("a recording or a call_id is needed", code="audio_missing")
    if bearer.call_id not in (None, call_id):
        raise Forbidden("this token is for another call", code="foreign_call")
    call = await service.everywhere.call(call_id) or await service.store.call(call_id)
    if call is None:
        raise NotFound("no such call", code="unknown_call")
    arrived_at = call.ended_at or call.started_at
    if call.mood is not None:
        mood = call.mood
        return QueuedCaller(
            call_id=call_id,
            source="call",
            upset_score=mood.upset_score,
            arousal=mood.arousal,
            mood=mood.state,
            arrived_at=arrived_at,
        )
    upset_score, arousal = _mean(await service.store.segments(call_id))
    return QueuedCaller(call_id=call_id, source="call", upset_score=upset_score, arousal=arousal, arrived_at=arrived_at)


def _mean(segments: list[r.LoggedSegment]) -> tuple[float, float]:
    """Return upset score and arousal of a stored clip, weighted by duration; of nothing heard: calm."""
    seconds = [segment.end_offset_sec - segment.start_offset_sec for segment in segments]
    if not segments:
        return 0.0, 0.5
    upset = sum(sec * segment.upset_score for sec, segment in zip(seconds, segments, strict=True))
    arousal = sum(sec * segment.arousal for sec, segment in zip(seconds, segments, strict=True))
    return round(upset / sum(seconds), 6), round(arousal / sum(seconds), 6)


async def leave(request: Request, service: Service) -> Response:
    """Take a caller off the queue: served, which counts for the time estimate, or ``reason=removed``."""
    principal(request, service, "supervisor")
    served = query(request, QueueLeaveParams).reason == "served"
    call_id = request.path_params["call_id"]
    if not re.fullmatch(NAME_PATTERN, call_id) or not await service.waiting.leave(call_id, served=served):
        raise NotFound("nobody of this id waits", code="unknown_caller")
    return Response(status_code=204)


async def live(request: Request, service: Service) -> Response:
    """Stream what happens: a snapshot of the calls that go on, at any server, then call, mood, alert and ended."""
    bearer = principal(request, service, "supervisor")
    if service.draining:
        raise GoingAway("this server is being stopped", retry_after_ms=1000)
    reader = service.live.feed.read(bearer.token_id)
    since = service.live.feed.number(request.headers.get("last-event-id", ""))
    return EventStream(watch(service, bearer, reader, since), reader, head=request.method == "HEAD")
