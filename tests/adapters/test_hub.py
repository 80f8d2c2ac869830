"""What one worker tells reaches the others: whole, in order, and only whom it is for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice import hub
from undervoice.hub import EVERYBODY, HEADER, Frames, Hub, HubExchange

Said = list[tuple[str, bytes]]


class Member:
    """One worker's end, and what it heard."""

    def __init__(self, exchange: HubExchange) -> None:
        self.exchange = exchange
        self.heard: Said = []
        self.joined = 0

    async def open(self) -> None:
        await self.exchange.open(lambda sender, body: self.heard.append((sender, body)), self._join)

    def _join(self) -> None:
        self.joined += 1


@asynccontextmanager
async def crew(count: int, middle: Hub | None = None) -> AsyncIterator[list[Member]]:
    middle = middle or Hub()
    async with AsyncExitStack() as closing:
        members = []
        for _ in range(count):
            line, inner = socket.socketpair()
            await middle.join(line)
            members.append(Member(HubExchange(inner)))
            closing.push_async_callback(members[-1].exchange.close)
            await members[-1].open()
        yield members


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110 - what is waited for happens in the library
            await asyncio.sleep(0.005)


async def test_all_others_hear_what_is_told_in_its_order() -> None:
    async with crew(3) as (one, *others):
        told = [b"%d" % number * (number % 700) for number in range(1000)]
        for body in told:
            one.exchange.tell(body)
        await until(lambda: all(len(each.heard) == len(told) for each in others))
        assert all(each.heard == [(one.exchange.name, body) for body in told] for each in others)
        assert one.heard == []
        assert [each.joined for each in (one, *others)] == [1, 1, 1]


async def test_what_is_for_one_reaches_that_one_in_order_with_what_is_for_all() -> None:
    async with crew(3) as (one, two, three):
        three.exchange.tell(b"I am here")
        await until(lambda: bool(one.heard))
        for number in range(20):
            one.exchange.tell(b"%d" % number, three.exchange.name if number % 2 else None)
        await until(lambda: len(three.heard) == 20)
        assert [body for _, body in three.heard] == [b"%d" % number for number in range(20)]
        await until(lambda: len(two.heard) == 11)
        assert [body for _, body in two.heard[1:]] == [b"%d" % number for number in range(0, 20, 2)]


async def test_the_others_hear_each_other_when_one_has_gone() -> None:
    async with crew(3) as (one, two, three):
        await one.exchange.close()
        assert not one.exchange.up
        one.exchange.tell(b"too late")
        assert one.exchange.lost == 1
        two.exchange.tell(b"hello")
        await until(lambda: bool(three.heard))
        assert three.heard == [(two.exchange.name, b"hello")]
        assert two.exchange.up


async def test_one_that_takes_nothing_misses_messages_and_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "MOST_WAITING_BYTES", 100_000)
    middle = Hub()
    async with crew(2, middle) as (one, two):
        line, deaf = socket.socketpair()
        await middle.join(line)
        with deaf:
            for number in range(1, 101):
                one.exchange.tell(bytes(10_000))
                await until(lambda number=number: len(two.heard) == number)  # type: ignore[misc]
        assert one.exchange.lost == 0
    assert [record.getMessage() for record in caplog.records] == ["a worker does not keep up with what the others tell"]


async def test_a_message_that_is_too_long_is_lost_and_counted() -> None:
    async with crew(2) as (one, two):
        one.exchange.tell(bytes(hub.MOST_BODY_BYTES + 1))
        one.exchange.tell(b"short")
        await until(lambda: bool(two.heard))
        assert (one.exchange.lost, two.heard) == (1, [(one.exchange.name, b"short")])


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 50), min_size=1))
def test_messages_are_the_same_however_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    sender = b"s" * 32
    frames = [HEADER.pack(len(body), EVERYBODY, sender) + body for body in bodies]
    stream, splitter, found, at = b"".join(frames), Frames(), [], 0
    while at < len(stream):
        step = cuts[at % len(cuts)]
        found += splitter.of(stream[at : at + step])
        at += step
    assert found == [(EVERYBODY, sender, frame) for frame in frames]
