"""What the queries of REST may ask, and within which bounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from undervoice.terms import Label, Name

Limit = Annotated[int, Meta(ge=1, le=500)]
LIMIT = 20
"""Items a page where nobody says how many."""
Moment = Annotated[str, Meta(max_length=40)]
Cursor = Annotated[str, Meta(max_length=1024)]
Form = Literal["json", "csv"]
"""What an answer is written as; absent: CSV where ``Accept`` names it, else JSON."""


class EmotionsParams(msgspec.Struct):
    """Which call; ``audio_id`` is the earlier system's name for it."""

    call_id: Name | None = None
    audio_id: Name | None = None


class LogsParams(msgspec.Struct):
    """Which segments; ``since`` is inclusive, ``until`` is not.

    ``limit``: 20 unless said; CSV then has all there are. ``follow``, as a first page gave it, asks for what was
    stored since, in that order, each segment once; it goes without ``cursor``, ``since`` and ``until``.
    """

    limit: Limit | None = None
    cursor: Cursor | None = None
    follow: Cursor | None = None
    agent_id: Name | None = None
    emotion: Label | None = None
    since: Moment | None = None
    until: Moment | None = None
    format: Form | None = None


class CallsParams(msgspec.Struct):
    """Which calls: started since (inclusive) and until, by how they felt at least, only with alerts."""

    limit: Limit = 20
    cursor: Cursor | None = None
    agent_id: Name | None = None
    live: bool | None = None
    since: Moment | None = None
    until: Moment | None = None
    min_upset_sec: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    min_priority: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    alerts: bool = False


class CallAuditParams(msgspec.Struct):
    """How many lines."""

    limit: Limit = 100


class MetricsParams(msgspec.Struct):
    """Which aggregates; dates are whole days in ``tz``."""

    interval: Literal["daily", "hourly", "agent"] = "daily"
    start_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    end_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    agent_id: Name | None = None
    tz: Annotated[str, Meta(max_length=64)] = "UTC"
    format: Form | None = None
