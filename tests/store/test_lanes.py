"""What waits to be saved: bounded, in order, once, and the least precious gone first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.store.records import alert, call, segment, word
from undervoice.store.lanes import Lanes


def test_readings_are_the_last_to_go() -> None:
    lanes = Lanes(3)
    records = [call(live=False), segment(0), segment(1), segment(2), call("c-2"), alert(), segment(3)]
    placed = [lanes.put(record) for record in records]
    assert [where.evicted for where in placed] == [None, None, None, 1, 5, 6, 2]
    assert [record for _, record in lanes.take(9)] == [segment(1), segment(2), segment(3)]
    assert lanes.oldest_number is None


PUTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=60)


@given(PUTS, st.integers(1, 12), st.integers(1, 9))
def test_the_queue_is_bounded_ordered_and_without_duplicates(
    puts: list[tuple[int, int]], capacity: int, count: int
) -> None:
    makers = [
        lambda n: segment(n),
        lambda n: word(n),
        lambda n: alert(offset_sec=float(n)),
        lambda n: call(f"c-{n}"),
        lambda n: call(f"c-{n}", live=False),
    ]
    lanes = Lanes(capacity)
    for kind, n in puts:
        lanes.put(makers[kind](n))
        assert len(lanes) <= capacity
    taken = []
    while len(lanes):
        taken += lanes.take(count)
    numbers = [number for number, _ in taken]
    assert numbers == sorted(set(numbers))
    calls = [record.call_id for _, record in taken if isinstance(record, type(call()))]
    assert len(calls) == len(set(calls))
