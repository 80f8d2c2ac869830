"""What a recording comes wrapped in: nothing, a form, or JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.datastructures import UploadFile
from starlette.requests import Request

from undervoice import messages as m
from undervoice.answers import convert, read_body
from undervoice.errors import BadInput, TooLarge

ENVELOPE_BYTES = 64 * 1024
"""What a wrapping may add to the audio itself."""
LONGEST_PARAMETER = 4096
"""Bytes of one parameter in JSON."""
NOTHING = msgspec.Raw()


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


class JsonClip(msgspec.Struct):
    """A clip in JSON, not decoded yet: what else stands beside these fields is passed over, not built."""

    audio_data: msgspec.Raw = NOTHING
    call_id: msgspec.Raw = NOTHING
    agent_id: msgspec.Raw = NOTHING
    start_offset_sec: msgspec.Raw = NOTHING
    store: msgspec.Raw = NOTHING


def _from_json(body: bytes) -> tuple[bytes, dict[str, Any]]:
    missing = BadInput("the JSON object has no text audio_data", code="audio_missing")
    try:
        clip = msgspec.json.decode(body, type=JsonClip)
        said = {name: _small(raw) for name in ClipParams.__struct_fields__ if (raw := getattr(clip, name))}
        audio = msgspec.json.decode(clip.audio_data or b"null", type=str)
    except msgspec.ValidationError:
        raise missing from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput("the body is no JSON", code="bad_json") from error
    try:
        return base64.b64decode(audio, validate=True), said
    except (binascii.Error, ValueError) as error:
        raise BadInput("audio_data is no base64", code="bad_base64") from error


def _small(raw: msgspec.Raw) -> Any:
    if len(raw) > LONGEST_PARAMETER:
        raise BadInput("a parameter is too long", code="bad_parameter")
    return msgspec.json.decode(raw)
