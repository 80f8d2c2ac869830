"""What waits to be saved, in order, and what has to go when there is too much of it."""

from __future__ import annotations

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedSegment
from undervoice.store import Record
from undervoice.store.batches import replaces

LIVE_CALL, FEEDBACK, ALERT, ENDED_CALL, READING = range(5)
"""The kinds, the least precious first: a live call's next record is never far."""


def lane_of(record: Record) -> int:
    """Return how precious a record is."""
    match record:
        case LoggedSegment():
            return READING
        case LoggedAlert():
            return ALERT
        case LoggedFeedback():
            return FEEDBACK
        case Call():
            return LIVE_CALL if record.live else ENDED_CALL


def _key(record: Record) -> str:
    match record:
        case Call():
            return record.call_id
        case LoggedAlert():
            return record.alert_id
        case _:
            return record.segment_id


class Lanes:
    """A bounded queue of records, numbered as they came, one a kind and id.

    A newer ``Call`` or feedback takes the place of the one that waits; the first of any other
    id stays. Over ``capacity`` the oldest record of the least precious kind is dropped.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lanes: tuple[dict[str, tuple[int, Record]], ...] = ({}, {}, {}, {}, {})
        self.last_number = 0
        """The number of the newest record, 0 before the first."""
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    @property
    def oldest_number(self) -> int | None:
        """The number of the record that waits longest."""
        return min((next(iter(lane.values()))[0] for lane in self._lanes if lane), default=None)

    def put(self, record: Record) -> None:
        """Take a record, and drop one when that makes too many."""
        key, lane = _key(record), self._lanes[lane_of(record)]
        if isinstance(record, Call) and not self._settle(record):
            return
        if key in lane:
            if not isinstance(record, LoggedSegment | LoggedAlert):
                lane[key] = (lane[key][0], record)
            return
        self.last_number += 1
        lane[key] = (self.last_number, record)
        if len(self) > self._capacity:
            self._drop()

    def take(self, count: int) -> list[tuple[int, Record]]:
        """Remove and return the oldest records with their numbers, at most ``count``."""
        taken: list[tuple[int, Record]] = []
        while len(taken) < count and (lanes := [lane for lane in self._lanes if lane]):
            oldest = min(lanes, key=lambda lane: next(iter(lane.values()))[0])
            taken.append(oldest.pop(next(iter(oldest))))
        return taken

    def _settle(self, call: Call) -> bool:
        """Return whether a call's record is worth keeping; forget the one it replaces in the other lane."""
        for kind in (LIVE_CALL, ENDED_CALL):
            _, old = self._lanes[kind].get(call.call_id, (0, None))
            if isinstance(old, Call):
                if not replaces(call, old):
                    return False
                if kind != lane_of(call):
                    del self._lanes[kind][call.call_id]
        return True

    def _drop(self) -> None:
        lane = next(lane for lane in self._lanes if lane)
        lane.pop(next(iter(lane)))
        self.dropped += 1
