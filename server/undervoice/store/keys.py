"""How records are told apart and written down: by call, kind and id."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedHintFeedback, LoggedSegment
from undervoice.store import Record

KINDS: dict[str, type[Record]] = {
    "segment": LoggedSegment,
    "call": Call,
    "alert": LoggedAlert,
    "feedback": LoggedFeedback,
    "hint_feedback": LoggedHintFeedback,
}
"""The names under which records are written down; a file of an earlier version must stay readable."""

_encode = msgspec.json.Encoder().encode
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


class Numbered(NamedTuple):
    """A record and its place in the order of all that came."""

    number: int
    record: Record


class Key(NamedTuple):
    """What two records share of which one replaces, or repeats, the other."""

    call_id: str
    kind: str
    id: str


def key_of(record: Record) -> Key:
    """Return a record's key."""
    match record:
        case LoggedSegment():
            return Key(record.call_id, "segment", record.segment_id)
        case Call():
            return Key(record.call_id, "call", record.call_id)
        case LoggedAlert():
            return Key(record.call_id, "alert", record.alert_id)
        case LoggedFeedback():
            return Key(record.call_id, "feedback", record.segment_id)
        case LoggedHintFeedback():
            return Key(record.call_id, "hint_feedback", record.alert_id)


def encode(record: Record) -> bytes:
    """Return a record's bytes.

    Raises:
        ValueError: it holds what JSON cannot.
    """
    try:
        return _encode(record)
    except TypeError as error:
        raise ValueError(str(error)) from error


def decode(kind: str, body: bytes) -> Record:
    """Return the record of some bytes.

    Raises:
        ValueError: they are no record, or of a kind that this version does not know.
    """
    try:
        record: Record = _decoders[kind].decode(body)
    except (KeyError, TypeError, msgspec.MsgspecError) as error:
        raise ValueError(f"no {kind}: {type(error).__name__}") from error
    return record
