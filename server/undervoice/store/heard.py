"""In which hours a call was heard, and how calls are counted by that: without sets, so that no counter grows with them.

As in ``hours.py``: of the calls heard in a stretch of hours, each was either never heard before (``begun``), or last
heard in an hour before it; of those the links between the hours of a call tell. Both are numbers, and add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from undervoice.resources import LoggedSegment
from undervoice.store.spans import HOUR, NAME_LENGTH
from undervoice.store.tallies import HourKey, Tally, hour_keys

HOUR_LENGTH = NAME_LENGTH[HOUR]


def places(segments: Iterable[LoggedSegment]) -> set[str]:
    """Return where readings are counted, hour and agent in one text that sorts by hour: ``2026-05-24T10a-7``."""
    return {hour + agent for segment in segments for hour, agent in hour_keys(segment)}


def relink(tallies: dict[HourKey, Tally], old: Iterable[str], new: Iterable[str]) -> None:
    """Count that a call which was heard at some places is heard at others.

    Args:
        tallies: gain the difference, which may be negative.
        old: the places (``places``) so far.
        new: the places from now on.
    """
    before, after = _links(old), _links(new)
    for links, by in ((before - after, -1), (after - before, 1)):
        for key, earlier in links:
            counted = tallies.setdefault(key, Tally())
            if earlier is None:
                counted.begun += by
            else:
                counted.links[earlier] = counted.links.get(earlier, 0) + by


def _links(heard: Iterable[str]) -> set[tuple[HourKey, str | None]]:
    """Return each place of a call with the hour before it, ``None`` where it is the first."""
    found: set[tuple[HourKey, str | None]] = set()
    for agent, mine in groupby(sorted(heard, key=lambda place: (place[HOUR_LENGTH:], place)), _agent):
        hours = [place[:HOUR_LENGTH] for place in mine]
        found |= {((hour, agent), earlier) for hour, earlier in zip(hours, [None, *hours], strict=False)}
    return found


def _agent(place: str) -> str:
    return place[HOUR_LENGTH:]
