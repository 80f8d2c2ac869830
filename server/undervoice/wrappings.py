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

from undervoice.answers import convert, read_body
from undervoice.errors import BadInput, TooLarge
from undervoice.terms import Name
from undervoice.wall import LONGEST_TEXT

ENVELOPE_BYTES = 64 * 1024
"""What a wrapping may add to the audio itself."""
LONGEST_PARAMETER = 4096
"""Bytes of one parameter in JSON."""
NOTHING = msgspec.Raw()


class ClipParams(msgspec.Struct):
    """What may be said of a clip, in the query, the form or beside ``audio_data``."""

    call_id: Name | None = None
    agent_id: Name | None = None
    start_offset_sec: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    store: bool = True


@dataclass(frozen=True, slots=True)
class Upload:
    """The audio of a request and what was said of it."""

    data: bytes
    media_type: str | None
    params: ClipParams
    text: str | None = None
    """What was said in it, where a form or JSON brings that too; never of a query, which others would log."""


async def read_upload(
    request: Request, max_bytes: int, take: Callable[[int], None] | None = None, *, needed: bool = True
) -> Upload:
    """Unwrap a request: the bare recording, a multipart field ``audio_file``, or JSON with base64.

    Args:
        request: whose body has not been read yet.
        max_bytes: the most audio.
        take: told the size of each part that comes; it may refuse it.
        needed: whether there must be audio; else ``data`` may be empty.

    Raises:
        BadInput: a wrapping that cannot be opened.
        TooLarge: more than ``max_bytes`` of audio.
    """
    kind = request.headers.get("content-type", "application/octet-stream")
    said: dict[str, Any] = dict(request.query_params)
    bare = kind.partition(";")[0].strip().lower()
    if bare == "multipart/form-data":
        data, extra = await _from_form(request, max_bytes, take)
        media_type = None
    elif bare == "application/json":
        data, extra = _from_json(await read_body(request, max_bytes * 4 // 3 + ENVELOPE_BYTES, take))
        media_type = None
    else:
        data, media_type, extra = await read_body(request, max_bytes, take), bare, {}
    if data is None and needed:
        raise BadInput("the audio is missing: a field audio_file, or a text audio_data", code="audio_missing")
    if len(data or b"") > max_bytes:
        raise TooLarge(f"a clip is at most {max_bytes} bytes")
    return Upload(data or b"", media_type, convert(extra | said, ClipParams), _text(extra.get("text")))


def _text(said: object) -> str | None:
    if said is None:
        return None
    if not isinstance(said, str) or len(said) > LONGEST_TEXT:
        raise BadInput(f"text is at most {LONGEST_TEXT} characters", code="bad_parameter")
    return said


async def _from_form(
    request: Request, max_bytes: int, take: Callable[[int], None] | None
) -> tuple[bytes | None, dict[str, Any]]:
    body = await read_body(request, max_bytes + ENVELOPE_BYTES, take)

    async def replay() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(request.scope, replay).form(max_files=4, max_fields=16) as form:
        file = form.get("audio_file")
        data = await file.read() if isinstance(file, UploadFile) else None
        if isinstance(file, str):
            data = file.encode("latin-1", "replace")
        said = {name: value for name, value in form.items() if isinstance(value, str) and name != "audio_file"}
    return data, said


class JsonClip(msgspec.Struct):
    """A clip in JSON, not decoded yet: what else stands beside these fields is passed over, not built."""

    audio_data: msgspec.Raw = NOTHING
    call_id: msgspec.Raw = NOTHING
    agent_id: msgspec.Raw = NOTHING
    start_offset_sec: msgspec.Raw = NOTHING
    store: msgspec.Raw = NOTHING
    text: msgspec.Raw = NOTHING


def _from_json(body: bytes) -> tuple[bytes | None, dict[str, Any]]:
    wrong = BadInput("the body is no JSON object with a text audio_data", code="audio_missing")
    try:
        clip = msgspec.json.decode(body, type=JsonClip)
        said = {name: _small(raw) for name in ClipParams.__struct_fields__ if (raw := getattr(clip, name))}
        audio = msgspec.json.decode(clip.audio_data or b"null", type=str | None)
    except msgspec.ValidationError:
        raise wrong from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput("the body is no JSON", code="bad_json") from error
    if clip.text:
        said["text"] = _words(clip.text)
    if audio is None:
        return None, said
    try:
        return base64.b64decode(audio, validate=True), said
    except (binascii.Error, ValueError) as error:
        raise BadInput("audio_data is no base64", code="bad_base64") from error


def _words(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str | None)
    except msgspec.ValidationError as error:
        raise BadInput("text is no text", code="bad_parameter") from error


def _small(raw: msgspec.Raw) -> Any:
    if len(raw) > LONGEST_PARAMETER:
        raise BadInput("a parameter is too long", code="bad_parameter")
    return msgspec.json.decode(raw)
