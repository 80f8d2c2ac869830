"""Answers as CSV (RFC 4180), a page at a time: whoever asks for a week of a busy floor gets it, and no memory holds it.

Spreadsheets take a cell that begins with = + - @ for a formula, whoever wrote it. Such a text is led by an
apostrophe; numbers are ours and stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from undervoice.headers import ANSWER
from undervoice.resources import EmotionMetrics, LoggedSegment, SegmentPage
from undervoice.store import Interval, LogQuery

Pages = Callable[[LogQuery], Awaitable[SegmentPage]]
"""A log, as ``Store.logs`` answers it."""

MEDIA_TYPE = "text/csv"
ROWS = 200
"""Readings a page: a page takes the event loop some 2 ms."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

LOG_COLUMNS = (
    "timestamp", "call_id", "agent_id", "segment_id", "channel", "start_offset_sec", "end_offset_sec",
    "detected_emotion", "confidence_score", "upset_score", "arousal", "uncertain", "level_dbfs", "snr_db", "clipped",
    "model",
)  # fmt: skip
NAMED: dict[Interval, str] = {"daily": "date", "hourly": "hour", "agent": "agent_id"}
METRICS_COLUMNS = (
    "total_segments", "uncertain", "average_confidence", "upset_share",
    "peak_emotion_time", "calls", "enough",
)  # fmt: skip
"""Behind these stands a column for each label."""


def wanted(request: Request, form: str | None) -> bool:
    """Return whether a request asks for CSV: by ``format``, else by ``Accept``."""
    if form is not None:
        return form == "csv"
    ranges = request.headers.get("accept", "").split(",")
    return any(one.partition(";")[0].strip().lower() == MEDIA_TYPE for one in ranges)


def metrics_sheet(rows: Sequence[EmotionMetrics], interval: Interval, labels: Sequence[str]) -> Response:
    """Return metrics as one file, with a column for each label in service and for each that was counted."""
    every = [*labels, *sorted({label for row in rows for label in row.emotion_distribution} - set(labels))]
    columns = [NAMED[interval], *METRICS_COLUMNS, *every]
    counted = (dict.fromkeys(every, 0) | row.emotion_distribution | msgspec.structs.asdict(row) for row in rows)
    return Response(_lines(columns, counted, header=True), headers=_headers("metrics"), media_type=MEDIA_TYPE)


async def log_sheet(pages: Pages, query: LogQuery, most: int | None, labels: Sequence[str]) -> Response:
    """Return readings as one file, newest first: all that the query wants, or at most so many.

    An outage in the middle breaks the answer off without its end, so that nobody takes it for the whole.
    """
    columns = [*LOG_COLUMNS, *labels]
    first = await pages(_next(query, most))  # before the answer begins, so that it can still be an error
    return StreamingResponse(_parts(pages, query, first, most, columns), headers=_headers("log"), media_type=MEDIA_TYPE)


async def _parts(
    pages: Pages, query: LogQuery, page: SegmentPage, most: int | None, columns: Sequence[str]
) -> AsyncIterator[str]:
    yield _lines(columns, map(_reading, page.items), header=True)
    left = None if most is None else most - len(page.items)
    while page.next_cursor is not None and left != 0:
        page = await pages(_next(msgspec.structs.replace(query, cursor=page.next_cursor), left))
        left = None if left is None else left - len(page.items)
        yield _lines(columns, map(_reading, page.items))


def _next(query: LogQuery, left: int | None) -> LogQuery:
    return msgspec.structs.replace(query, limit=ROWS if left is None else min(ROWS, left))


def _reading(segment: LoggedSegment) -> dict[str, Any]:
    fields = msgspec.structs.asdict(segment)
    return {**segment.all_emotions_confidence, **msgspec.structs.asdict(segment.quality), **fields}


def _lines(columns: Sequence[str], rows: Iterable[dict[str, Any]], *, header: bool = False) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # its own way of writing is that of RFC 4180
    if header:
        writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return value


def _headers(name: str) -> dict[str, str]:
    return ANSWER | {"content-disposition": f'attachment; filename="undervoice-{name}.csv"'}
