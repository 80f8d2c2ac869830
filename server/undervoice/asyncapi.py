"""The AsyncAPI document of the live call, made from the message types."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, get_args

import msgspec

from undervoice import __version__
from undervoice.messages import ClientMessage, ServerMessage
from undervoice.terms import SUBPROTOCOL

REF = "#/components/schemas/{name}"


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of ``/api/v1/stream``."""
    sent, said = get_args(ClientMessage), get_args(ServerMessage)
    _, schemas = msgspec.json.schema_components([*sent, *said], ref_template=REF)
    audio = {"name": "audio", "contentType": "application/octet-stream", "payload": {"type": "string"}}
    messages = {kind.__name__: _message(kind) for kind in (*sent, *said)} | {"AudioFrame": audio}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "undervoice live call",
            "version": __version__,
            "description": f"WebSocket subprotocol {SUBPROTOCOL}. Binary frames are audio, text frames JSON objects.",
            "license": {"name": "Apache-2.0"},
        },
        "channels": {
            "stream": {
                "address": "/api/v1/stream",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "receive": _operation("receive", [*(kind.__name__ for kind in sent), "AudioFrame"]),
            "send": _operation("send", [kind.__name__ for kind in said]),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": kind.__struct_config__.tag,
        "summary": (kind.__doc__ or "").strip(),
        "contentType": "application/json",
        "payload": {"$ref": REF.format(name=kind.__name__)},
    }


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
    }
