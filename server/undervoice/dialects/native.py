"""undervoice's own frames: JSON objects with a ``type``; binary frames are audio and need no decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from undervoice.errors import BadInput
from undervoice.messages import ClientMessage, Warned

TYPES: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in get_args(ClientMessage)}
Decoded = tuple[ClientMessage | None, list[Warned]]


def decode(frame: str) -> Decoded:
    """Return the message in a text frame, or ``None`` for an unknown type, and what was ignored.

    Raises:
        BadInput: if the frame is no JSON object with a ``type``, or a known field has a wrong value.
    """
    try:
        raw = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput("a text frame is a JSON object", code="bad_message") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise BadInput("a text frame is a JSON object with a type", code="bad_message")
    kind = TYPES.get(raw["type"])
    if kind is None:
        name = raw["type"][:64]
        return None, [Warned(code="unknown_type", message=f"unknown type {name!r} is ignored", ref=name)]
    try:
        message = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"{raw['type']}: {error}"[:300], code="bad_message") from error
    ignored = [
        Warned(code="unknown_field", message=f"unknown field {path!r} is ignored", ref=path)
        for path in _unknown(raw, kind, f"{raw['type']}.")
    ]
    return message, ignored  # type: ignore[return-value]


def _unknown(raw: dict[str, Any], kind: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    """Yield the paths of fields that the type does not have."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for name, value in raw.items():
        if name == "type" and prefix.count(".") == 1:
            continue
        if name not in fields:
            yield (prefix + name)[:64]
        for inner in (fields.get(name), *get_args(fields.get(name))):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
                yield from _unknown(value, inner, f"{prefix}{name}.")
