"""Shares of requests and bytes: what fits is taken, what does not waits, and nothing is kept for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice.errors import Overloaded, TooMany
from undervoice.rates import FAILURES_PER_SEC, MEGABYTE, Buckets, Rates, Room, limited


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.5, 1000), st.lists(st.tuples(st.floats(0, 5), st.floats(0, 50)), max_size=60))
def test_nobody_takes_more_than_the_depth_and_what_has_been_filled_in_since(
    per_sec: float, steps: list[tuple[float, float]]
) -> None:
    buckets, now, taken, largest = Buckets(per_sec, 2 * per_sec), 0.0, 0.0, 0.0
    for pause, amount in steps:
        now += pause
        if not buckets.take("a", amount, now):
            taken, largest = taken + amount, max(largest, amount)
    assert taken <= 2 * per_sec + now * per_sec + max(0.0, largest - 2 * per_sec) + 1e-6


@given(st.floats(0.5, 1000), st.lists(st.floats(0.1, 5000), min_size=1, max_size=30))
def test_after_the_wait_that_was_told_it_can_be_taken(per_sec: float, amounts: list[float]) -> None:
    buckets, now = Buckets(per_sec, 2 * per_sec), 0.0
    for amount in amounts:
        wait_sec = buckets.take("a", amount, now)
        if wait_sec:
            assert buckets.take("a", amount, now + wait_sec * 0.99) > 0
            now += wait_sec * 1.000001 + 1e-6
            assert buckets.take("a", amount, now) == 0.0


def test_each_client_has_a_share_of_its_own() -> None:
    rates = Rates(5, 1, Clock())
    for client in ("a", "b"):
        for _ in range(10):
            rates.request(client)
        with pytest.raises(TooMany) as refusal:
            rates.request(client)
        assert refusal.value.code == "too_many_requests"
        assert refusal.value.retry_after_ms == 200


def test_a_share_comes_back_with_time() -> None:
    clock = Clock()
    rates = Rates(5, 1, clock)
    for _ in range(10):
        rates.request("a")
    clock.now = 0.2
    rates.request("a")
    with pytest.raises(TooMany):
        rates.request("a")


def test_bytes_are_counted_by_the_minute_and_what_a_recording_unpacks_to_is_owed() -> None:
    clock = Clock()
    rates = Rates(100, 3, clock)
    rates.upload("a", 2 * MEGABYTE)
    with pytest.raises(TooMany) as refusal:
        rates.upload("a", 2 * MEGABYTE)
    assert refusal.value.retry_after_ms == pytest.approx(20_000, abs=1)
    rates.unpacked("a", 4 * MEGABYTE)
    clock.now = 59.0
    with pytest.raises(TooMany):
        rates.upload("a", 1)
    clock.now = 61.0
    rates.upload("a", 1)


def test_a_recording_larger_than_the_share_of_a_minute_is_taken_once_and_then_paid_for() -> None:
    clock = Clock()
    rates = Rates(100, 1, clock)
    rates.upload("a", 5 * MEGABYTE)
    clock.now = 239.0
    with pytest.raises(TooMany):
        rates.upload("a", 1)
    clock.now = 241.0
    rates.upload("a", 1)


def test_refused_tokens_have_a_share_of_their_own() -> None:
    rates = Rates(1000, 1, Clock())
    for _ in range(2 * int(FAILURES_PER_SEC)):
        rates.failure("203.0.113.5")
    with pytest.raises(TooMany):
        rates.failure("203.0.113.5")
    rates.request("203.0.113.5")


def test_whoever_is_not_limited_is_not_counted() -> None:
    rates = Rates(1, 1, Clock())
    for _ in range(100):
        rates.request(None)
        rates.failure(None)
        rates.upload(None, MEGABYTE)
        rates.unpacked(None, MEGABYTE)


def test_clients_that_were_quiet_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undervoice.rates.KNOWN", 10)
    buckets = Buckets(1.0, 1.0)
    for number in range(50):
        assert buckets.take(f"198.51.100.{number}", 1, 0.0) == 0.0
    assert len(buckets) == 10
    assert buckets.take("198.51.100.49", 1, 0.0) > 0
    assert buckets.take("198.51.100.0", 1, 0.0) == 0.0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("127.0.0.1", None),
        ("127.8.8.8", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:aaaa::1", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:bbbb::2", "2001:0db8:0001:0002"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_address_counts_as_what_one_client_has(address: str, counted: str | None) -> None:
    assert limited(address) == counted


def test_there_is_room_for_so_many_bytes_and_for_half_of_them_of_one_client() -> None:
    room = Room(100)
    room.hold("a", 50)
    with pytest.raises(TooMany):
        room.hold("a", 1)
    room.hold("b", 40)
    with pytest.raises(Overloaded):
        room.hold("c", 11)
    room.release("a", 50)
    room.hold("c", 11)
    for client, size in (("b", 40), ("c", 11)):
        room.release(client, size)
    assert not room._held
