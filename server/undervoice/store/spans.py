"""Stretches of time as a store sums them: whole hours, days and months of UTC.

Any stretch of hours is a few rows of months and days, with hours at its two ends. A name is the beginning of
an RFC 3339 moment, so names of one level sort as time does: ``2026-05-24T10``, ``2026-05-24``, ``2026-05``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

HOUR, DAY, MONTH = 0, 1, 2
NAME_LENGTH = {HOUR: 13, DAY: 10, MONTH: 7}
"""Characters of a name, by level."""

FIRST_HOUR, LAST_HOUR = "0001-01-01T00", "9999-12-31T23"

ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)


class Part(NamedTuple):
    """Neighbouring rows of one level."""

    level: int
    first: str
    last: str
    """Inclusive."""


def local(hour: str, tz: tzinfo) -> datetime:
    """Return where an hour of UTC starts in a zone."""
    return datetime.fromisoformat(hour + ":00+00:00").astimezone(tz)


def stretch(first: date, last: date, tz: tzinfo) -> tuple[str, str]:
    """Return the first and the last hour of UTC that start on some days of a zone.

    ``date.min`` and ``date.max`` are no bounds.
    A day without any hour of its own (a zone that skips it) gives a stretch that ends before it begins.
    """
    try:
        begin = FIRST_HOUR if first == date.min else _name(_first_hour(first, tz))
        end = LAST_HOUR if last == date.max else _name(_first_hour(last + ONE_DAY, tz) - ONE_HOUR)
    except OverflowError:  # no calendar reaches there
        begin, end = FIRST_HOUR, LAST_HOUR
    return begin, end


def cover(first: str, last: str) -> list[Part]:
    """Return the rows that make up the hours from one to another, both included."""
    if first[:10] == last[:10] and not (first.endswith("T00") and last.endswith("T23")):
        return [Part(HOUR, first, last)]
    begin, end = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
    begin += ONE_DAY * (not first.endswith("T00"))
    end -= ONE_DAY * (not last.endswith("T23"))
    if begin > end:
        return [Part(HOUR, first, last)]
    before = [] if first.endswith("T00") else [Part(HOUR, first, first[:10] + "T23")]
    behind = [] if last.endswith("T23") else [Part(HOUR, last[:10] + "T00", last)]
    return [*before, *_days(begin, end), *behind]


def _days(first: date, last: date) -> list[Part]:
    """Return the months and the days around them."""
    begin = first.year * 12 + first.month - 1 + (first.day > 1)
    end = last.year * 12 + last.month - 1 - (last != date.max and (last + ONE_DAY).day > 1)
    if begin > end:
        return [Part(DAY, str(first), str(last))]
    before = [] if first.day == 1 else [Part(DAY, str(first), str(first)[:7] + "-31")]
    behind = [] if _month(end) == str(last)[:7] else [Part(DAY, str(last)[:7] + "-01", str(last))]
    return [*before, Part(MONTH, _month(begin), _month(end)), *behind]


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _first_hour(day: date, tz: tzinfo) -> datetime:
    """Return the first hour of UTC that starts on a day or behind it, whatever the zone's clocks do at midnight."""
    midnight = datetime.combine(day, time(), tz).astimezone(UTC)
    hour = midnight.replace(minute=0, second=0, microsecond=0)
    while hour.astimezone(tz).date() < day:
        hour += ONE_HOUR
    while (hour - ONE_HOUR).astimezone(tz).date() >= day:
        hour -= ONE_HOUR
    return hour


def _name(hour: datetime) -> str:
    return hour.replace(tzinfo=None).isoformat(timespec="hours")
