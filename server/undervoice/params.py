"""What the queries of REST may ask, and within which bounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from undervoice import messages as m

Limit = Annotated[int, Meta(ge=1, le=500)]
Moment = Annotated[str, Meta(max_length=40)]
Cursor = Annotated[str, Meta(max_length=1024)]


class EmotionsParams(msgspec.Struct):
    """Which call; ``audio_id`` is the earlier system's name for it."""

    call_id: m.Name | None = None
    audio_id: m.Name | None = None


class LogsParams(msgspec.Struct):
    """Which segments; ``since`` is inclusive, ``until`` is not."""

    limit: Limit = 20
    cursor: Cursor | None = None
    agent_id: m.Name | None = None
    emotion: m.Label | None = None
    since: Moment | None = None
    until: Moment | None = None


class CallsParams(msgspec.Struct):
    """Which calls."""

    limit: Limit = 20
    cursor: Cursor | None = None
    agent_id: m.Name | None = None
    live: bool | None = None


class MetricsParams(msgspec.Struct):
    """Which aggregates; dates are whole days in ``tz``."""

    interval: Literal["daily", "hourly", "agent"] = "daily"
    start_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    end_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    agent_id: m.Name | None = None
    tz: Annotated[str, Meta(max_length=64)] = "UTC"
