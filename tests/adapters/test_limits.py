"""What one client may have, so that the others have theirs."""

from __future__ import annotations

import pytest

from undervoice.auth import Principal
from undervoice.errors import Overloaded, TooMany
from undervoice.limits import (
    AGENT_STARTS_PER_SEC,
    AHEAD_SEC,
    CATCH_UP,
    PATIENCE_SEC,
    STARTS_PER_SEC,
    WAITING,
    Connections,
    Pace,
)

FAR = "203.0.113.5"


def bearer(token_id: str = "t", role: str = "integrator") -> Principal:
    return Principal(role, "a-1", None, 0.0, token_id)  # type: ignore[arg-type]


def test_an_address_may_hold_so_many_sockets_before_their_start() -> None:
    connections = Connections(1000)
    seats = [connections.open(bearer(), FAR) for _ in range(WAITING)]
    with pytest.raises(TooMany):
        connections.open(bearer(), FAR)
    connections.open(bearer(), "203.0.113.6")
    seats[0].started(0.0)
    seats[1].close()
    for _ in range(2):
        connections.open(bearer(), FAR)
    with pytest.raises(TooMany):
        connections.open(bearer(), FAR)


def test_an_address_may_start_so_many_calls_a_second() -> None:
    connections = Connections(1000)
    for _ in range(int(STARTS_PER_SEC)):
        connections.open(bearer(), FAR).started(10.0)
    with pytest.raises(TooMany):
        connections.open(bearer(), FAR).started(10.0)
    connections.open(bearer(), "203.0.113.6").started(10.0)
    connections.open(bearer(), FAR).started(10.1)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_this_machine_is_not_limited(address: str) -> None:
    connections = Connections(1000)
    for _ in range(3 * WAITING):
        connections.open(bearer(), address)
    for _ in range(3 * int(STARTS_PER_SEC)):
        connections.open(bearer(), address).started(1.0)


def test_what_is_given_back_can_be_taken_again() -> None:
    connections = Connections(2)
    seats = [connections.open(bearer("a"), FAR), connections.open(bearer("b"), "no address")]
    with pytest.raises(Overloaded):
        connections.open(bearer("c"), FAR)
    for seat in seats:
        seat.close()
    assert len(connections) == 0
    for _ in range(2):
        connections.open(bearer("c"), FAR)


def test_a_token_has_its_share_by_role() -> None:
    connections = Connections(1000)
    for role, share in (("agent", 4), ("supervisor", 8)):
        for _ in range(share):
            connections.open(bearer(role, role), FAR)
        with pytest.raises(TooMany):
            connections.open(bearer(role, role), FAR)


def test_an_agents_token_may_start_so_many_calls_a_second() -> None:
    connections = Connections(1000)
    for _ in range(2 * int(AGENT_STARTS_PER_SEC)):
        for who in (bearer("a", "agent"), bearer("i")):
            seat = connections.open(who, "127.0.0.1")
            seat.started(10.0)
            seat.close()
    with pytest.raises(TooMany) as refusal:
        connections.open(bearer("a", "agent"), "127.0.0.1").started(10.0)
    connections.open(bearer("i"), "127.0.0.1").started(10.0)
    connections.open(bearer("a", "agent"), "127.0.0.1").started(10.0 + (refusal.value.retry_after_ms or 0) / 1000)


def test_a_client_may_be_ahead_then_keeps_to_twice_real_time() -> None:
    pace, now = Pace(0.0), 0.0
    assert pace.take(AHEAD_SEC, now) == 0.0
    delay = pace.take(1.0, now)
    assert delay == pytest.approx(1.0 / CATCH_UP)
    now += delay
    assert pace.take(0.0, now) == 0.0
    pace.take(10.0, now)
    with pytest.raises(TooMany):
        pace.take(1000.0, now + PATIENCE_SEC + 1)
