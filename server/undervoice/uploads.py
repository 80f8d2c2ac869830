"""``POST /analyze/stream``: a recording in one of several wrappings, scored like a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import msgspec
from starlette.requests import Request

from undervoice import messages as m
from undervoice import resources as r
from undervoice.admission import address
from undervoice.answers import declared_bytes
from undervoice.auth import Principal
from undervoice.clips import ClipCall, clip_result, cut
from undervoice.emotion import SAMPLE_RATE, Scores, Segment
from undervoice.errors import Forbidden, Overloaded, StoreDown
from undervoice.inference import Urgency
from undervoice.rates import limited
from undervoice.readings import rfc3339
from undervoice.recordings import open_recording
from undervoice.service import Service
from undervoice.wrappings import Upload, read_upload

IN_FLIGHT = 4
"""Segments of one clip that wait to be scored at a time, so that a long clip does not starve the others."""
BYTES_PER_SEC = 2 * SAMPLE_RATE
"""What a second of audio counts as, at least."""


class Intake:
    """What one upload takes while it lasts: its sender's share of bytes, and room in memory."""

    def __init__(self, service: Service, bearer: Principal, request: Request) -> None:
        self._service, self._token_id = service, bearer.token_id
        self._clients = (bearer.token_id, limited(address(request)))
        self._counted = self._held = 0

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *_: object) -> None:
        self._service.room.release(self._token_id, self._held)

    def expect(self, size: int) -> None:
        """Count bytes that are still to come.

        Raises:
            TooMany: they are more than the sender's share.
        """
        for client in self._clients:
            self._service.rates.upload(client, size)
        self._counted += size

    def take(self, size: int) -> None:
        """Hold bytes that have come, and count those that were not expected.

        Raises:
            TooMany: they are more than the sender's share.
            Overloaded: there is no room.
        """
        self._service.room.hold(self._token_id, size)
        self._held += size
        self.expect(max(0, self._held - self._counted))

    def unpack(self, audio_sec: float) -> None:
        """Count a recording that was small for its length as what it came to."""
        for client in self._clients:
            self._service.rates.unpacked(client, max(0, int(audio_sec * BYTES_PER_SEC) - self._counted))


async def analyze_clip(request: Request, service: Service, bearer: Principal) -> r.ClipResult:
    """Score one uploaded clip, and store it unless asked not to."""
    with Intake(service, bearer, request) as intake:
        intake.expect(min(declared_bytes(request), service.bounds.max_clip_bytes))
        began = time.perf_counter()
        upload = await read_upload(request, service.bounds.max_clip_bytes, intake.take)
        if not bearer.may_analyze(upload.params.call_id or bearer.call_id, upload.params.agent_id):
            raise Forbidden("this token is for another call or agent", code="foreign_call")
        return await analyze_upload(service, bearer, upload, intake, began)


async def analyze_upload(
    service: Service, bearer: Principal, upload: Upload, intake: Intake, began: float
) -> r.ClipResult:
    """Score a clip that has come, and store it unless asked not to."""
    now, params = datetime.now(UTC), upload.params
    clip = await asyncio.to_thread(
        open_recording, upload.data, upload.media_type, longest_sec=service.bounds.max_clip_sec
    )
    agent_id = params.agent_id or (bearer.subject if bearer.is_agent else None)
    call = ClipCall(params.call_id or bearer.call_id or clip.default_call_id, agent_id, now, params.start_offset_sec)
    known = await _known(service, bearer, call, named=params.call_id is not None)
    try:
        segments, scores = await _score(service, cut(clip, clip.sample_rate, params.start_offset_sec))
    finally:
        intake.unpack(clip.duration_sec)
    result = clip_result(clip, segments, scores, call, service.lineup.chosen, (time.perf_counter() - began) * 1000)
    for reading in result.segments:
        service.stages.hear(reading)
    mine = known is None or bearer.may_see(known.call_id, known.agent_id) or not bearer.is_agent
    if params.store and mine:
        await _store(service, result, known)
    return result


async def _known(service: Service, bearer: Principal, call: ClipCall, *, named: bool) -> r.Call | None:
    """Return the call that a clip adds to, if there is one already.

    Raises:
        Forbidden: an agent names somebody else's call.
        StoreDown: an agent names a call, and nobody can tell whose it is.
    """
    known = service.live.get(call.call_id)
    if known is None:
        try:
            known = await service.store.call(call.call_id)
        except StoreDown:
            if named and bearer.is_agent:
                raise
    if known is not None and named and bearer.is_agent and not bearer.may_see(known.call_id, known.agent_id):
        raise Forbidden("this is another agent's call", code="foreign_call")
    return known


async def _score(service: Service, cutting: Iterator[Segment]) -> tuple[list[Segment], list[Scores]]:
    """Score segments as they are cut, a few at a time; their samples are not kept, however long the clip is."""
    clip = object()
    segments: list[Segment] = []
    scores: list[Scores] = []
    while True:
        part = await asyncio.to_thread(lambda: list(islice(cutting, IN_FLIGHT)))
        for score in await asyncio.gather(*(service.inference.submit(s, clip, Urgency.STORED) for s in part)):
            if score is None:
                raise Overloaded("the server is too busy for this clip")
            scores.append(score)
        segments += [replace(segment, samples=segment.samples[:0].copy()) for segment in part]
        if len(part) < IN_FLIGHT:  # the last ones: to ask once more would cost every clip a wait for a thread
            return segments, scores


async def _store(service: Service, result: r.ClipResult, known: r.Call | None) -> None:
    if known is None:
        service.writer.put(_record(result))
    for reading in result.segments:
        service.writer.put(r.LoggedSegment(**msgspec.structs.asdict(reading), agent_id=result.agent_id))
    await service.writer.settle()


def _record(result: r.ClipResult) -> r.Call:
    speech_sec = sum(reading.end_offset_sec - reading.start_offset_sec for reading in result.segments)
    return r.Call(
        call_id=result.call_id,
        agent_id=result.agent_id,
        kind="clip",
        live=False,
        started_at=result.timestamp,
        ended_at=rfc3339(datetime.now(UTC)),
        reason="clip",
        totals=m.Totals(
            audio_sec=round(result.end_offset_sec - result.start_offset_sec, 6),
            speech_sec=round(speech_sec, 6),
            segments=len(result.segments),
        ),
        model=result.model,
    )
