"""What servers tell each other over a line of somebody else's: read by those of the deployment alone, and once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice import gossip as g
from undervoice.envelopes import FRESH_SEC, HEAD, Envelopes
from undervoice.exchange import new_name
from undervoice.peers import Peers

SECRET = "a secret that all servers of one deployment share"
BODIES = st.lists(st.binary(max_size=60), max_size=6)
STAKES = st.builds(g.Stake, turn=st.integers(0, 3), at=st.floats(0, 3, width=16))
NAMES = st.text("0123456789abcdef", min_size=4, max_size=4)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(BODIES, st.integers(1, 2**60), st.sampled_from(["", "one"]))
def test_what_is_sealed_comes_out_at_the_others_and_nowhere_else(bodies: list[bytes], number: int, to: str) -> None:
    one, two, stranger = Envelopes(SECRET, new_name()), Envelopes(SECRET, new_name()), Envelopes("x" * 32, new_name())
    sealed = one.seal(bodies, number, to)
    opened = two.open(sealed, to)
    assert opened is not None
    assert opened.bodies == bodies
    assert stranger.open(sealed, to) is None
    assert two.open(sealed, to) is None, "it came before"
    assert stranger.channel != one.channel == two.channel
    for body in bodies:
        assert len(body) < 5 or body not in sealed


@given(BODIES, st.data())
def test_no_byte_of_an_envelope_can_be_changed_or_left_out(bodies: list[bytes], data: st.DataObject) -> None:
    one, two = Envelopes(SECRET, new_name()), Envelopes(SECRET, new_name())
    sealed = one.seal(bodies, 1)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    for each in (changed, sealed[:at], sealed + b"\x00"):
        assert two.open(each) is None
    assert two.open(sealed, "two") is None, "it is for all"
    assert two.open(sealed) is not None


@given(st.binary(max_size=200))
def test_rubbish_is_nothing(data: bytes) -> None:
    assert Envelopes(SECRET, new_name()).open(data) is None


@pytest.mark.parametrize("apart_sec", [-FRESH_SEC - 1, FRESH_SEC + 1])
def test_what_was_held_back_is_too_old(apart_sec: float) -> None:
    clock = Clock()
    one, two = Envelopes(SECRET, new_name(), clock), Envelopes(SECRET, new_name(), clock)
    sealed = one.seal([b"news"], 1)
    clock.now += apart_sec
    assert two.open(sealed) is None
    assert two.open(one.seal([b"news"], 2)) is not None


def test_a_number_that_went_by_does_not_come_again() -> None:
    one, two = Envelopes(SECRET, new_name()), Envelopes(SECRET, new_name())
    sealed = [one.seal([b"%d" % number], number) for number in range(1, 4)]
    assert two.open(sealed[2]) is not None
    assert [two.open(each) for each in sealed] == [None] * 3
    assert len(sealed[0]) == HEAD.size + 4 + 1 + 16


@given(STAKES, STAKES, STAKES, st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_of_two_that_hold_one_call_all_servers_agree_who_gives_way(
    one: g.Stake, two: g.Stake, three: g.Stake, names: list[str]
) -> None:
    held = list(zip((one, two, three), names, strict=True))
    beats = {(a, b): held[a][0].beats(held[b][0], names[a], names[b]) for a in range(3) for b in range(3) if a != b}
    assert all(beats[a, b] != beats[b, a] for a, b in beats)
    assert any(all(beats[a, b] for b in range(3) if a != b) for a in range(3)), "one beats all"
    if one.turn > two.turn:
        assert beats[0, 1], "who took the call over after the other"
    if one.turn == two.turn == 0 and one.at < two.at:
        assert beats[0, 1], "of two new calls the first"
    if one.turn == two.turn > 0 and one.at < two.at:
        assert beats[1, 0], "of two that took it over the last"


class Wire:
    """Two ends of an exchange without anything between them, which can lose what goes over it."""

    up = True
    lost = ignored = 0

    def __init__(self, other: Wire | None = None) -> None:
        self.name = new_name()
        self.other = other
        if other is not None:
            other.other = self
        self.drops = 0

    async def open(self, hear: object, joined: object) -> None:
        self.hear, self.joined = hear, joined

    def tell(self, body: bytes, to: str | None = None) -> None:
        if self.drops:
            self.drops -= 1
        elif self.other is not None and to in (None, self.other.name):
            self.other.hear(self.name, body)  # type: ignore[operator]

    async def close(self) -> None:
        pass


async def test_who_missed_something_asks_for_the_whole_and_rubbish_is_counted() -> None:
    near = Wire()
    far = Wire(near)
    one, two = Peers(near), Peers(far)
    known: list[tuple[str, object]] = []
    two.on(g.Rows, lambda _, message: known.append(("whole", len(message.items))))
    two.on(g.Released, lambda _, message: known.append(("news", message.call_id)))
    one.joining.append(lambda to: one.tell(g.Rows([]), to))
    for peers in (one, two):
        await peers.open()
    for peers in (one, two):
        peers.join()
    known.clear()
    one.tell(g.Released("c-1"))
    near.drops = 1
    one.tell(g.Released("c-2"))
    assert known == [("news", "c-1")]
    one.tell(g.Beat(one._told + 1))
    assert known == [("news", "c-1"), ("whole", 0)]
    one.tell(g.Beat(one._told + 1))
    assert len(known) == 2, "once it knows all, it asks no more"
    for rubbish in (b"", b"\x00", b"\x00\xff\xff", b"\x00" + g.encode([99, 1])):
        two.hear(one.name, rubbish)
    assert two.strange == two.ignored == 4
    for peers in (one, two):
        await peers.close()
