"""Moments that sort, and the cursors that are made of them.

A page ends at a place, (moment, id), not at a count: what is inserted meanwhile neither
repeats nor hides anything of the pages that follow. Who follows a list goes by the order in which
things are stored instead: what was stored late stands among what is older, where no page would show it again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from undervoice.errors import BadInput

MAX_LIMIT = 500
"""Items a page at most."""

Place = tuple[str, str]
"""The moment (as ``instant`` writes it) and the id of the last item of a page."""


def clamp(limit: int) -> int:
    """Return a page size that may be served, 1…500."""
    return max(1, min(MAX_LIMIT, limit))


def instant(text: str, later_sec: float = 0.0) -> str:
    """Return an RFC 3339 moment, or one so much later, in UTC with microseconds, so that moments sort as text.

    Raises:
        BadInput: ``bad_time``, when the text names no moment. No offset means UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("not a time: RFC 3339 is wanted, as in 2026-05-24T10:30:00Z", code="bad_time") from None
    try:
        utc = (moment.astimezone(UTC) if moment.tzinfo else moment) + timedelta(seconds=later_sec)
    except OverflowError:
        raise BadInput("no such time in UTC", code="bad_time") from None
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode_cursor(place: Place) -> str:
    """Return an opaque text, safe in URLs, for the last item of a page."""
    return _text(place)


def decode_cursor(cursor: str | None) -> Place | None:
    """Return the place that a cursor names.

    Raises:
        BadInput: ``bad_cursor``, for anything that ``encode_cursor`` did not make.
    """
    if cursor is None:
        return None
    match _parts(cursor):
        case moment, key if _is_instant(moment):
            return moment, key
    raise _bad_cursor()


def _is_instant(text: str) -> bool:
    try:
        return instant(text) == text
    except BadInput:
        return False


def encode_mark(*mark: str) -> str:
    """Return an opaque text for how far a store had got, to follow it from there."""
    return _text(("follow", *mark))


def decode_mark(follow: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...]:
    """Return what ``encode_mark`` was told, each part read by its kind.

    Raises:
        BadInput: ``bad_cursor``, for anything else.
    """
    name, *mark = _parts(follow or "")
    try:
        if name == "follow" and len(mark) == len(kinds):
            return tuple(kind(part) for kind, part in zip(kinds, mark, strict=True))
    except (ValueError, BadInput):
        pass
    raise _bad_cursor()


def _text(parts: tuple[str, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def _parts(cursor: str) -> tuple[str, ...]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[str, ...])
        if parts and _text(parts) == cursor:
            return parts
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        pass
    raise _bad_cursor()


def _bad_cursor() -> BadInput:
    return BadInput("not a cursor of this list; take next_cursor as it came", code="bad_cursor")
