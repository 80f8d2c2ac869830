"""What waits to be saved, in order, and what has to go when there is too much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from undervoice.resources import Call, LoggedAlert, LoggedFeedback, LoggedHintFeedback, LoggedSegment
from undervoice.store import Record
from undervoice.store.batches import replaces
from undervoice.store.keys import Numbered, key_of

LIVE_CALL, FEEDBACK, ALERT, ENDED_CALL, READING = range(5)
"""The kinds, the least precious first: a live call's next record is never far."""


def lane_of(record: Record) -> int:
    """Return how precious a record is."""
    match record:
        case LoggedSegment():
            return READING
        case LoggedAlert():
            return ALERT
        case LoggedFeedback() | LoggedHintFeedback():
            return FEEDBACK
        case Call():
            return LIVE_CALL if record.live else ENDED_CALL


class Placed(NamedTuple):
    """Where a record waits, and what that did to others."""

    number: int | None
    """The place of the record, or of the one that stands for it; ``None``: a newer one waits."""
    new: bool = False
    """Whether it is this record that waits there."""
    replaced: int | None = None
    """The place that was given up for it."""
    evicted: int | None = None
    """The place that went because there were too many."""


class Lanes:
    """A bounded queue of records, numbered as they came, one a kind and id.

    A newer ``Call`` or feedback takes the place of the one that waits; the first of any other
    id stays. Over ``capacity`` the oldest record of the least precious kind goes.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lanes: tuple[dict[str, Numbered], ...] = ({}, {}, {}, {}, {})
        self.last_number = 0
        """The number of the newest record, 0 before the first."""

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    def __iter__(self) -> Iterator[Numbered]:
        return (waiting for lane in self._lanes for waiting in lane.values())

    @property
    def oldest_number(self) -> int | None:
        """The number of the record that waits longest."""
        return min((next(iter(lane.values())).number for lane in self._lanes if lane), default=None)

    def put(self, record: Record) -> Placed:
        """Take a record, and let one go when that makes too many."""
        key, lane = key_of(record).id, self._lanes[lane_of(record)]
        replaced = None
        if isinstance(record, Call):
            stale, replaced = self._settle(record)
            if stale:
                return Placed(None)
        if key in lane:
            number, new = lane[key].number, not isinstance(record, LoggedSegment | LoggedAlert)
            if new:
                lane[key] = Numbered(number, record)
            return Placed(number, new, replaced)
        self.last_number += 1
        lane[key] = Numbered(self.last_number, record)
        return Placed(self.last_number, True, replaced, self._evict() if len(self) > self._capacity else None)

    def take(self, count: int, upto: float = float("inf")) -> list[Numbered]:
        """Remove and return the oldest records, at most ``count`` and none after the number ``upto``."""
        taken: list[Numbered] = []
        while len(taken) < count and (lanes := [lane for lane in self._lanes if lane]):
            oldest = min(lanes, key=lambda lane: next(iter(lane.values())).number)
            key, waiting = next(iter(oldest.items()))
            if waiting.number > upto:
                break
            del oldest[key]
            taken.append(waiting)
        return taken

    def remove(self, unwanted: Callable[[Numbered], bool]) -> list[Numbered]:
        """Remove and return what is unwanted."""
        removed = []
        for lane in self._lanes:
            for key in [key for key, waiting in lane.items() if unwanted(waiting)]:
                removed.append(lane.pop(key))
        return removed

    def _settle(self, call: Call) -> tuple[bool, int | None]:
        """Return whether a record is stale, and the number of the one in the other lane that it replaces."""
        for kind in (LIVE_CALL, ENDED_CALL):
            waiting = self._lanes[kind].get(call.call_id)
            if waiting is None or not isinstance(waiting.record, Call):
                continue
            if not replaces(call, waiting.record):
                return True, None
            if kind != lane_of(call):
                del self._lanes[kind][call.call_id]
                return False, waiting.number
        return False, None

    def _evict(self) -> int:
        lane = next(lane for lane in self._lanes if lane)
        return lane.pop(next(iter(lane))).number
