"""``POST /analyze/stream``: a recording in one of several wrappings, scored like a call."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.datastructures import UploadFile
from starlette.requests import Request

from undervoice import messages as m
from undervoice import resources as r
from undervoice.admission import address
from undervoice.answers import convert, declared_bytes, read_body
from undervoice.auth import Principal
from undervoice.clips import ClipCall, clip_result, cut
from undervoice.emotion import SAMPLE_RATE, Scores, Segment
from undervoice.errors import BadInput, Forbidden, Overloaded, StoreDown, TooLarge
from undervoice.inference import Urgency
from undervoice.rates import limited
from undervoice.readings import rfc3339
from undervoice.recordings import open_recording
from undervoice.service import Service

ENVELOPE_BYTES = 64 * 1024
"""What a wrapping may add to the audio itself."""
IN_FLIGHT = 4
"""Segments of one clip that wait to be scored at a time, so that a long clip does not starve the others."""
BYTES_PER_SEC = 2 * SAMPLE_RATE
"""What a second of audio counts as, at least."""


class ClipParams(msgspec.Struct):
    """What may be said of a clip, in the query, the form or beside ``audio_data``."""

    call_id: m.Name | None = None
    agent_id: m.Name | None = None
    start_offset_sec: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    store: bool = True


@dataclass(frozen=True, slots=True)
class Upload:
    """The audio of a request and what was said of it."""

    data: bytes
    media_type: str | None
    params: ClipParams


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


async def read_upload(request: Request, max_bytes: int, take: Callable[[int], None] | None = None) -> Upload:
    """Unwrap a request: the bare recording, a multipart field ``audio_file``, or JSON with base64.

    Args:
        request: whose body has not been read yet.
        max_bytes: the most audio.
        take: told the size of each part that comes; it may refuse it.

    Raises:
        BadInput: a wrapping that cannot be opened.
        TooLarge: more than ``max_bytes`` of audio.
    """
    kind = request.headers.get("content-type", "application/octet-stream")
    said: dict[str, Any] = dict(request.query_params)
    bare = kind.partition(";")[0].strip().lower()
    if bare == "multipart/form-data":
        data, form = await _from_form(request, max_bytes, take)
        said, media_type = form | said, None
    elif bare == "application/json":
        data, extra = _from_json(await read_body(request, max_bytes * 4 // 3 + ENVELOPE_BYTES, take))
        said, media_type = extra | said, None
    else:
        data, media_type = await read_body(request, max_bytes, take), bare
    if len(data) > max_bytes:
        raise TooLarge(f"a clip is at most {max_bytes} bytes")
    return Upload(data, media_type, convert(said, ClipParams))


async def _from_form(
    request: Request, max_bytes: int, take: Callable[[int], None] | None
) -> tuple[bytes, dict[str, Any]]:
    body = await read_body(request, max_bytes + ENVELOPE_BYTES, take)

    async def replay() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(request.scope, replay).form(max_files=4, max_fields=16) as form:
        file = form.get("audio_file")
        if file is None:
            raise BadInput("the form has no field audio_file", code="audio_missing")
        data = await file.read() if isinstance(file, UploadFile) else file.encode("latin-1", "replace")
        said = {name: value for name, value in form.items() if isinstance(value, str) and name != "audio_file"}
    return data, said


def _from_json(body: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput("the body is no JSON", code="bad_json") from error
    audio = said.pop("audio_data", None) if isinstance(said, dict) else None
    if not isinstance(audio, str):
        raise BadInput("the JSON object has no text audio_data", code="audio_missing")
    try:
        return base64.b64decode(audio, validate=True), said
    except (binascii.Error, ValueError) as error:
        raise BadInput("audio_data is no base64", code="bad_base64") from error


async def analyze_clip(request: Request, service: Service, bearer: Principal) -> r.ClipResult:
    """Score one uploaded clip, and store it unless asked not to."""
    with Intake(service, bearer, request) as intake:
        intake.expect(min(declared_bytes(request), service.bounds.max_clip_bytes))
        began = time.perf_counter()
        upload = await read_upload(request, service.bounds.max_clip_bytes, intake.take)
        if not bearer.may_analyze(upload.params.call_id or bearer.call_id, upload.params.agent_id):
            raise Forbidden("this token is for another call or agent", code="foreign_call")
        return await _analyze(service, bearer, upload, intake, began)


async def _analyze(service: Service, bearer: Principal, upload: Upload, intake: Intake, began: float) -> r.ClipResult:
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
    while part := await asyncio.to_thread(lambda: list(islice(cutting, IN_FLIGHT))):
        for score in await asyncio.gather(*(service.inference.submit(s, clip, Urgency.STORED) for s in part)):
            if score is None:
                raise Overloaded("the server is too busy for this clip")
            scores.append(score)
        segments += [replace(segment, samples=segment.samples[:0].copy()) for segment in part]
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
