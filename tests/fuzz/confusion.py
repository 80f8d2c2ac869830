"""Client messages that are not quite what the AsyncAPI document says, and some that are."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any, Never

import jsonschema

from undervoice.asyncapi import document
from undervoice.dialects.native import TYPES

Json = Any
DOCUMENT = document()
USUAL: dict[str, dict[str, Json]] = {
    "start": {
        "call_id": "c-1",
        "audio": {"encoding": "pcm_s16le", "sample_rate": 16_000, "channels": ["customer"]},
        "agent_id": "a-1",
        "config": {"vad": {"mode": 2, "hangover_ms": 500}, "segment_ms": 2500, "provisional_ms": 1000, "live": True},
        "consent": {"basis": "notice", "notice_id": "ivr-4"},
        "metadata": {"queue": "billing"},
    },
    "transcript": {"start_offset_sec": 0.0, "end_offset_sec": 1.5, "text": "words", "channel": "customer"},
    "pause": {"reason": "card"},
    "resume": {},
    "discarded": {"samples": 160},
    "flush": {},
    "feedback": {"segment_id": "c-1:customer:000000000", "correct": True, "emotion": "sad"},
    "hint_feedback": {"rule": "sustained_upset", "useful": True, "offset_sec": 12.5},
    "ping": {"id": 1},
    "stop": {},
}
VALUES: tuple[Json, ...] = (
    *(None, True, False, 0, 1, -1, 2, 160, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**40),
    *(0.0, -0.0, 0.5, 1.0, -1.5, 1e308, 5e-324, "", "0", "1", "true", "null", "x", "customer", "agent", "start"),
    *("../..", "a/b", "a\n", "\x00", "\x1b[31m", "%s%n", "' OR 1=1 --", "ä", "🙂" * 20, "‮", "NaN", "c-1:customer:0"),
    *("y" * 127, "y" * 128, "y" * 129, "y" * 160, "y" * 257, "y" * 4097, [], [None], ["customer"], ["agent"]),
    *(["customer"] * 2, ["customer", "agent", "x"], [[[]]], {}, {"type": "stop"}, {"": 0}, {"a": {"b": {"c": []}}}),
)
TEXTS = (
    *("", " ", "{", "}", "[]", "null", "0", '"stop"', "{}", '{"type":null}', '{"type":"stop"', '{"type":"stop"}}'),
    *('{"type":"ping","id":NaN}', '{"type":"ping","id":1e999}', '{"type":"ping","id":01}', "[" * 5000, '{"a":' * 3000),
    *('{"type":"ping","id":"\\ud800"}', '{"type":"ping","type":"dance"}', "\ufeff{}", '{"type":"ping","id":1}\x00'),
    *("9" * 5000, '{"type":"ping","id":' + "9" * 5000 + "}", '{"type":"' + "x" * 5000 + '"}', "{'type':'stop'}"),
)


def confusions() -> Iterator[dict[str, Json]]:
    """Yield each message with each field, in turn, of each wrong and each right kind, missing, or beside itself."""
    for kind, fields in USUAL.items():
        message = {"type": kind, **fields}
        for path in paths(message):
            for value in VALUES:
                yield changed(message, path, value)
            yield changed(
                message,
                path,
                ...,
            )
        for name in ("Type", "", "__class__", "x" * 100, "\x00"):
            yield message | {name: 1}


def paths(message: Json) -> Iterator[tuple[Json, ...]]:
    """Yield the places of a message's values."""
    items = message.items() if isinstance(message, dict) else enumerate(message) if isinstance(message, list) else ()
    for name, value in items:
        yield (name,)
        yield from ((name, *rest) for rest in paths(value))


def changed(message: dict[str, Json], path: tuple[Json, ...], value: Json) -> dict[str, Json]:
    """Return a message with another value at a place; ``...`` takes it out."""
    message = copy.deepcopy(message)
    *way, last = path
    inner: Json = message
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = copy.deepcopy(value)
    return message


def chance(random: Random) -> str:
    """Return a text frame with several things wrong at once, or broken as a text."""
    kind = random.choice(list(USUAL))
    message: dict[str, Json] = {"type": kind, **USUAL[kind]}
    for _ in range(random.randrange(1, 4)):
        places = [*paths(message), ("extra",)]
        message = changed(message, random.choice(places), random.choice(VALUES))
    text = json.dumps(message, ensure_ascii=random.random() < 0.5)
    for _ in range(random.choice((0, 0, 0, 1, 1, 3))):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(("", "\\", '"', "{", "]", ",", ":", "0", "e9", "\x00")) + text[at + 1 :]
    return text


def fits(text: str) -> bool | None:
    """Return whether a text is a message as the document describes it; ``None``: of a type that it does not."""
    try:
        message = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(message, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return False
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] not in TYPES:
        return None
    return _validators[message["type"]].is_valid(message)


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON")


def _finite(number: str) -> float:
    return float(number) if math.isfinite(float(number)) else _refuse(number)


def _is_integer(_: object, value: Json) -> bool:
    """Whether a number is written without a fraction: 16000.0 is refused, though JSON Schema would let it be."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
_validators = {
    tag: _Validator({"$ref": f"#/components/schemas/{kind.__name__}", "components": DOCUMENT["components"]})
    for tag, kind in TYPES.items()
}
