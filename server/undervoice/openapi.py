"""The OpenAPI document, made from the rows of ``api.OPERATIONS`` and the types they name."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from undervoice import __version__
from undervoice import resources as r
from undervoice.api import EARLIER, OPERATIONS, Operation
from undervoice.pages import PROBES, metrics
from undervoice.wall import LONGEST_TEXT, QueueRequest

REF = "#/components/schemas/{name}"
AUDIO_TYPES = ("audio/wav", "audio/flac", "audio/ogg", "application/octet-stream")


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of this server."""
    operations = [*(("/api/v1", row) for row in OPERATIONS), *(("", row) for row in EARLIER)]
    types = [row.answers for _, row in operations if row.answers and not isinstance(row.answers, dict)]
    types += [kind for _, row in operations if isinstance(row.answers, dict) for kind in row.answers.values()]
    types += [row.body for _, row in operations if isinstance(row.body, type)]
    _, components = msgspec.json.schema_components([*types, QueueRequest, r.Health, r.ErrorAnswer], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for prefix, row in operations:
        paths.setdefault(prefix + row.path, {})[row.method.lower()] = _operation(row, earlier=not prefix)
    for path, handler in PROBES.items():
        paths[path] = {"get": _probe(path, handler.__doc__ or "")}
    paths["/metrics"] = {"get": _metrics()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "undervoice",
            "version": __version__,
            "description": "Real-time voice emotion for customer service calls. A reading estimates how speech "
            "sounds, not what a person feels. The live call is described in /asyncapi.json.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(row: Operation, *, earlier: bool) -> dict[str, Any]:
    summary = (row.handler.__doc__ or "").strip()
    made: dict[str, Any] = {
        "operationId": ("earlier_" if earlier else "") + row.handler.__name__,
        "summary": summary,
        "description": f"For {', '.join(row.roles)} tokens.",
        "security": [{"bearer": []}],
        "parameters": [*_path_parameters(row), *_query_parameters(row)],
        "responses": {**_success(row), **_errors(401, 429, 500, *((408,) if row.body else ()), *row.errors)},
    }
    if row.body == "clip":
        made["requestBody"] = _clip_body()
    elif row.body == "caller":
        made["requestBody"] = _caller_body()
    elif row.body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(row.body)}}}
    return made


def _success(row: Operation) -> dict[str, Any]:
    if isinstance(row.answers, dict):
        return {"200": _events(row.answers)}
    if not row.answers:
        return {"204": {"description": "Done."}}
    answer = _content("The answer.", row.answers)
    if row.csv:
        answer["content"]["text/csv"] = {"schema": {"type": "string"}}
    return {"200": answer}


def _probe(path: str, doc: str) -> dict[str, Any]:
    responses = {"200": _content("It does.", r.Health)}
    if path == "/readyz":
        responses["503"] = _content("Not now.", r.Health)
    return {"operationId": path.strip("/"), "summary": doc.strip(), "responses": responses}


def _metrics() -> dict[str, Any]:
    text = {"description": "They are these.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        "operationId": "prometheus",
        "summary": (metrics.__doc__ or "").strip(),
        "description": "For this machine, or for the bearer of the token that is set for it.",
        "responses": {"200": text, **_errors(401, 403, 500)},
    }


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def _content(description: str, kind: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _schema(kind)}}}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _content(HTTPStatus(status).phrase, r.ErrorAnswer) for status in sorted(set(statuses))}


def _path_parameters(row: Operation) -> list[dict[str, Any]]:
    if "{call_id}" not in row.path:
        return []
    return [{"name": "call_id", "in": "path", "required": True, "schema": {"type": "string"}}]


def _query_parameters(row: Operation) -> list[dict[str, Any]]:
    if row.takes is None:
        return []
    _, components = msgspec.json.schema_components([row.takes], ref_template=REF)
    fields = components[row.takes.__name__]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in fields.items()]


def _events(kinds: dict[str, Any]) -> dict[str, Any]:
    """Return how a stream of server-sent events is answered: ``x-events`` has what stands in the data of each."""
    schema = {"type": "string", "x-events": {name: _schema(kind) for name, kind in kinds.items()}}
    told = "Server-sent events, until the line or the token ends; `Last-Event-ID` goes on where a reader was."
    return {"description": told, "content": {"text/event-stream": {"schema": schema}}}


def _caller_body() -> dict[str, Any]:
    """Return what a caller comes as: a recording, or the id of a known call; a text beside either."""
    body = _clip_body()
    text = {"type": "string", "maxLength": LONGEST_TEXT}
    for kind in ("multipart/form-data", "application/json"):
        body["content"][kind]["schema"]["properties"] |= {"text": text, "call_id": {"type": "string"}}
    body["content"]["multipart/form-data"]["schema"]["required"] = []
    body["content"]["application/json"]["schema"] = {
        "anyOf": [_schema(QueueRequest), body["content"]["application/json"]["schema"]]
    }
    return body | {"required": False}


def _clip_body() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["audio_file"], "properties": {"audio_file": binary["schema"]}}
    base64 = {
        "type": "object",
        "required": ["audio_data"],
        "properties": {"audio_data": {"type": "string", "contentEncoding": "base64"}},
    }
    return {
        "required": True,
        "content": {
            **dict.fromkeys(AUDIO_TYPES, binary),
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": base64},
        },
    }
