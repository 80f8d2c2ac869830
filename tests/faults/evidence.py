"""What a store holds, asked over the service's own interface, and what a client may expect of it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.faults.instances import Instance
from tests.faults.load import Heard


def stored(instance: Instance, call_ids: Iterable[str]) -> list[str]:
    """Return the ids of all stored readings of these calls, as often as they are there."""
    found: list[str] = []
    with instance.http() as http:
        for call_id in call_ids:
            answer = http.get("/api/v1/emotions", params={"call_id": call_id})
            if answer.status_code == 200:
                found += [row["segment_id"] for row in answer.json()]
            else:
                assert answer.status_code in (404, 503), answer.text
    return found


def counted(instance: Instance) -> int:
    """Return how many readings the metrics count."""
    answer = instance.get("/api/v1/metrics/emotions", interval="daily")
    answer.raise_for_status()
    return sum(day["total_segments"] for day in answer.json())


def await_stored(instance: Instance, heard: list[Heard], within_sec: float) -> tuple[list[str], float]:
    """Wait until every final reading that was seen is stored; return what is, and how long that took.

    Fails when a reading is missing at the end of the time, is stored twice, or is not counted exactly once.
    """
    seen = {segment_id for each in heard for segment_id in each.finals}
    assert seen, "nothing was heard, so nothing was shown"
    began = time.monotonic()
    while True:
        found = stored(instance, [each.call_id for each in heard])
        waited = time.monotonic() - began
        if seen <= set(found) and counted(instance) == len(found):
            break
        assert waited < within_sec, (
            f"{len(seen - set(found))} of {len(seen)} readings that were seen are not stored; "
            f"{len(found)} stored, {counted(instance)} counted\n{instance.log[-2000:]}"
        )
        time.sleep(0.2)
    assert len(found) == len(set(found)), "a reading is stored twice"
    return found, waited


def assert_same(heard: list[Heard], good: list[Heard]) -> None:
    """Hold calls to an undisturbed run of the same audio: the same segments, all of them, under the same ids."""
    for one, other in zip(heard, good, strict=True):
        missing, extra = set(other.places) - set(one.places), set(one.places) - set(other.places)
        assert not missing | extra, (
            f"{one.call_id}: missing {sorted(missing)}, extra {sorted(extra)}; {one.of_type('warning')} "
            f"{one.messages[-1]}, {other.of_type('warning')} {other.messages[-1]}; lost by {one.losses}"
        )
        assert one.ended, one.error
        assert one.lost_sec == 0
