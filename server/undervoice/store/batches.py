"""What a list of records means: duplicates settled, one kind beside the other.

Both backends and the writer settle duplicates by the rules of this file, so that a replay,
a retry and two replicas that race all end in the same store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedHintFeedback, LoggedSegment
from undervoice.store import Record
from undervoice.store.cursors import instant


def replaces(new: Call, old: Call) -> bool:
    """Whether a record of a call replaces the one that is kept.

    A run that started later wins (a clip analysed again), one that started earlier is a
    replay. Within one run, heard audio is the clock: whoever heard more is the newer, live or
    ended, so a stale live record never reopens an ended call, a call that went on after its end
    was written (a lost connection, resumed elsewhere) is live again, and the end of a connection
    that hung half-open on one server does not end the call that has long gone on at another. At
    equal audio an end beats a live record, and a later end an earlier one. So whatever the
    order in which records arrive, the same one is kept.
    """
    return _rank(new) >= _rank(old)


def _rank(call: Call) -> tuple[str, float, bool, str]:
    ended_at = instant(call.ended_at) if call.ended_at else ""
    return instant(call.started_at), call.totals.audio_sec, not call.live, ended_at


def begun(record: Record) -> str:
    """Return the moment (``cursors.instant``) at which a record's call began, as far as the record tells."""
    match record:
        case Call():
            return instant(record.started_at)
        case LoggedSegment():
            return instant(record.timestamp, later_sec=-record.end_offset_sec)
        case LoggedAlert():
            return instant(record.timestamp, later_sec=-record.offset_sec)
        case LoggedFeedback() | LoggedHintFeedback():
            return instant(record.timestamp)


class Batch(msgspec.Struct, frozen=True):
    """Records to be saved together, by kind and id, in the order in which they came."""

    segments: dict[str, LoggedSegment]
    """The first final of each id."""
    calls: dict[str, Call]
    """The newest record of each id, without its alerts."""
    alerts: dict[str, LoggedAlert]
    """The first of each id, those inside the record of an ended call too.

    A live call repeats its alerts with every record, and each came as a record of its own before.
    """
    feedback: dict[str, LoggedFeedback]
    """The last word on each segment."""
    hints: dict[str, LoggedHintFeedback]
    """The last word on each alert."""

    @classmethod
    def of(cls, records: Iterable[Record]) -> Batch:
        """Sort records by kind and settle the duplicates among them; provisional readings are not kept."""
        batch = cls({}, {}, {}, {}, {})
        for record in records:
            batch._add(record)
        return batch

    def call_ids(self) -> set[str]:
        """Return the calls to which the records belong."""
        records: list[Record] = [*self.segments.values(), *self.calls.values(), *self.alerts.values()]
        return {record.call_id for record in [*records, *self.feedback.values(), *self.hints.values()]}

    def only(self, wanted: Callable[[Record], bool]) -> Batch:
        """Return the records that are wanted."""
        return Batch(
            {key: record for key, record in self.segments.items() if wanted(record)},
            {key: record for key, record in self.calls.items() if wanted(record)},
            {key: record for key, record in self.alerts.items() if wanted(record)},
            {key: record for key, record in self.feedback.items() if wanted(record)},
            {key: record for key, record in self.hints.items() if wanted(record)},
        )

    def _add(self, record: Record) -> None:
        match record:
            case LoggedSegment():
                if record.final:
                    self.segments.setdefault(record.segment_id, record)
            case Call():
                for alert in () if record.live else record.alerts:
                    self.alerts.setdefault(alert.alert_id, alert)
                old = self.calls.get(record.call_id)
                if old is None or replaces(record, old):
                    self.calls[record.call_id] = msgspec.structs.replace(record, alerts=[])
            case LoggedAlert():
                self.alerts.setdefault(record.alert_id, record)
            case LoggedFeedback():
                self.feedback[record.segment_id] = record
            case LoggedHintFeedback():
                self.hints[record.alert_id] = record


def with_alerts(call: Call, alerts: Iterable[LoggedAlert]) -> Call:
    """Return the call with its alerts in the order of the audio."""
    ordered = sorted(alerts, key=lambda alert: (alert.offset_sec, alert.alert_id))
    return msgspec.structs.replace(call, alerts=ordered)
