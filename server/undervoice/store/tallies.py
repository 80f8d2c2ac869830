"""Counts of final readings, and the answers made of them.

Stores count by hour of UTC, once for everybody and once for each agent; days, hours and
agents in any time zone are sums of these. A zone whose offset is no whole hour (India, +05:30)
gets each hour of UTC on the day and in the hour in which it starts, so its rows can be
half an hour off; the totals over a range of days stay whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta, tzinfo
from zoneinfo import ZoneInfo

from undervoice.errors import BadInput
from undervoice.resources import EmotionMetrics, LoggedSegment
from undervoice.store import MetricsQuery
from undervoice.store.cursors import instant
from undervoice.store.spans import FIRST_HOUR, LAST_HOUR, local

EVERYBODY = ""
"""The agent of the rows that count every agent's calls, and those that name none."""

UPSET_FROM = 0.5
"""A segment counts as upset from this ``upset_score`` on."""

CONFIDENCE_STEP = 2.0**-30
"""Confidences are summed in whole steps of this size: so a sum of up to 8 million of them is exact in any order, and
what an erased call gave is taken back without a trace."""


def call_hash(call_id: str) -> int:
    """Return 63 bits that stand for a call in the sets of calls counted.

    Small, and no name that could be traced back; two of a million calls share one with a
    probability of 5e-8.
    """
    return int.from_bytes(hashlib.blake2b(call_id.encode(), digest_size=8).digest()) >> 1


@dataclass(slots=True)
class Tally:
    """What was counted in one hour, or in any sum of hours."""

    total: int = 0
    uncertain: int = 0
    upset: int = 0
    confidence_sum: float = 0.0
    emotions: dict[str, int] = field(default_factory=dict)
    calls: set[int] = field(default_factory=set)
    """``call_hash`` of every call with a reading here, unless it is counted in these two:"""
    begun: int = 0
    """Calls that were first heard here."""
    links: dict[str, int] = field(default_factory=dict)
    """Calls that were heard here and before, by the hour in which they were last before it."""

    def count(self, segment: LoggedSegment) -> None:
        """Count one reading; an uncertain one stands under its top label too."""
        self.total += 1
        self.uncertain += segment.uncertain
        self.upset += segment.upset_score >= UPSET_FROM
        self.confidence_sum += round(segment.confidence_score / CONFIDENCE_STEP) * CONFIDENCE_STEP
        self.emotions[segment.detected_emotion] = self.emotions.get(segment.detected_emotion, 0) + 1
        self.calls.add(call_hash(segment.call_id))

    def add(self, other: Tally) -> None:
        """Add what another one counted; a call in both sets counts once. Links are left out: see ``answer``."""
        self.total += other.total
        self.uncertain += other.uncertain
        self.upset += other.upset
        self.confidence_sum += other.confidence_sum
        for emotion, count in other.emotions.items():
            self.emotions[emotion] = self.emotions.get(emotion, 0) + count
        self.calls |= other.calls
        self.begun += other.begun

    def subtract(self, other: Tally) -> None:
        """Take back what another one counted, its calls included."""
        self.total -= other.total
        self.uncertain -= other.uncertain
        self.upset -= other.upset
        self.confidence_sum -= other.confidence_sum
        for emotion, count in other.emotions.items():
            self.emotions[emotion] = self.emotions.get(emotion, 0) - count
        self.emotions = {emotion: count for emotion, count in self.emotions.items() if count}
        self.calls -= other.calls


HourKey = tuple[str, str]
"""The hour of UTC (``2026-05-24T10``) and the agent (or ``EVERYBODY``)."""


def tally(segments: Iterable[LoggedSegment]) -> dict[HourKey, Tally]:
    """Count segments into their hours, for everybody and for the agent."""
    tallies: dict[HourKey, Tally] = {}
    for segment in segments:
        for key in hour_keys(segment):
            tallies.setdefault(key, Tally()).count(segment)
    return tallies


def hour_keys(segment: LoggedSegment) -> set[HourKey]:
    """Return where a reading is counted."""
    hour = instant(segment.timestamp)[:13]
    return {(hour, agent) for agent in (EVERYBODY, segment.agent_id or EVERYBODY)}


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a metrics query, in its time zone, and the hours of UTC that they touch."""

    tz: tzinfo
    first: date
    last: date
    from_hour: str
    """Inclusive, as in ``HourKey``."""
    to_hour: str
    """Inclusive."""

    @classmethod
    def of(cls, query: MetricsQuery) -> Span:
        """Read a query's days.

        Raises:
            BadInput: ``bad_date`` or ``bad_timezone``.
        """
        tz = _zone(query.tz)
        first = _day(query.start_date, date.min)
        last = _day(query.end_date, date.max)
        day = timedelta(days=1)
        # A day on each side holds every offset there is; the exact days are picked from the rows.
        from_hour = f"{first - day}T00" if first > date.min else FIRST_HOUR
        to_hour = f"{last + day}T23" if last < date.max else LAST_HOUR
        return cls(tz, first, last, from_hour, to_hour)

    def name(self, hour: str) -> str:
        """Return an hour of UTC as answers write it: ``2026-05-24T10:00Z`` or ``2026-05-24T12:00+02:00``."""
        return local(hour, self.tz).isoformat(timespec="minutes").replace("+00:00", "Z")


def answer(query: MetricsQuery, span: Span, hours: Iterable[tuple[str, str, Tally]]) -> list[EmotionMetrics]:
    """Sum (hour, agent, tally) rows into what was asked for: by time, or by agent id (never a ranking)."""
    groups: dict[str, Tally] = {}
    upset: dict[str, dict[str, int]] = {}
    for hour, agent, counted in hours:
        day = local(hour, span.tz).date()
        if not span.first <= day <= span.last:
            continue
        key = {"daily": str(day), "hourly": hour, "agent": agent}[query.interval]
        sums = groups.setdefault(key, Tally())
        sums.add(counted)
        since = span.first if query.interval == "agent" else day
        # A link that reaches into the group from before is a call that did not begin in it.
        sums.begun += sum(
            calls
            for earlier, calls in counted.links.items()
            if query.interval == "hourly" or local(earlier, span.tz).date() < since
        )
        peaks = upset.setdefault(key, {})
        peaks[hour] = peaks.get(hour, 0) + counted.upset
    return [_grouped(query, span, key, groups[key], upset[key]) for key in sorted(groups)
            # What erased calls leave behind may be an hour that counts nothing.
            if groups[key].total]  # fmt: skip


def _grouped(query: MetricsQuery, span: Span, key: str, sums: Tally, upset: dict[str, int]) -> EmotionMetrics:
    peak = min(upset, key=lambda hour: (-upset[hour], hour))
    name = span.name(key) if query.interval == "hourly" else key
    return row_of(query, name, sums, len(sums.calls) + sums.begun, span.name(peak) if upset[peak] else None)


def row_of(query: MetricsQuery, name: str, sums: Tally, calls: int, peak: str | None) -> EmotionMetrics:
    """Return an answer's row.

    Args:
        query: what was asked.
        name: the row's day, hour or agent.
        sums: what was counted; its set of calls is not looked at.
        calls: how many calls.
        peak: the hour with the most upset readings, if there are any.
    """
    total = sums.total
    return EmotionMetrics(
        date=name if query.interval == "daily" else None,
        hour=name if query.interval == "hourly" else None,
        agent_id=name if query.interval == "agent" else None,
        total_segments=total,
        emotion_distribution={emotion: count for emotion, count in sorted(sums.emotions.items()) if count},
        uncertain=sums.uncertain,
        average_confidence=round(sums.confidence_sum / total, 6),
        peak_emotion_time=peak,
        upset_share=round(sums.upset / total, 6),
        calls=calls,
        enough=calls >= query.min_calls,
    )


def _day(text: str | None, default: date) -> date:
    try:
        return date.fromisoformat(text) if text else default
    except ValueError:
        raise BadInput("not a date: YYYY-MM-DD is wanted", code="bad_date") from None


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # needs no time zone files, which slim images lack
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput("no such time zone: an IANA name is wanted, as in Europe/Berlin", code="bad_timezone") from None
