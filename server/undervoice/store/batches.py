"""What a list of records means: duplicates settled, one kind beside the other.

Both backends and the writer settle duplicates by the rules of this file, so that a replay,
a retry and two replicas that race all end in the same store.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedSegment
from undervoice.store import Record


def replaces(new: Call, old: Call) -> bool:
    """Whether a record of a call replaces the one that is kept.

    A run that started later wins (a clip analysed again), one that started earlier is a
    replay. Within one run, heard audio is the clock: whoever heard more is the newer, so a
    stale live record never reopens an ended call, yet a call that went on after its end was
    written (a lost connection, resumed elsewhere) is live again. An end beats a live record.
    """
    if new.started_at != old.started_at:
        return new.started_at > old.started_at
    if old.live and not new.live:
        return True
    further = new.totals.audio_sec - old.totals.audio_sec
    return further > 0 if new.live and not old.live else further >= 0


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

    @classmethod
    def of(cls, records: Iterable[Record]) -> Batch:
        """Sort records by kind and settle the duplicates among them; provisional readings are not kept."""
        batch = cls({}, {}, {}, {})
        for record in records:
            batch._add(record)
        return batch

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


def with_alerts(call: Call, alerts: Iterable[LoggedAlert]) -> Call:
    """Return the call with its alerts in the order of the audio."""
    ordered = sorted(alerts, key=lambda alert: (alert.offset_sec, alert.alert_id))
    return msgspec.structs.replace(call, alerts=ordered)
