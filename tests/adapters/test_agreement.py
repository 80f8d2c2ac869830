"""Whatever servers do, and whatever of their messages is late or lost: in the end they agree who holds which call."""

from __future__ import annotations

import asyncio
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from undervoice import gossip as g
from undervoice.errors import CallExists, UndervoiceError
from undervoice.exchange import Hear, Joined
from undervoice.live import Claim, LiveCalls
from undervoice.peers import Peers
from undervoice.resources import Call

SERVERS = range(3)
IDS = ["c-0", "c-1"]
ROUNDS = 4
SERVER, ID = st.sampled_from(SERVERS), st.sampled_from(IDS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), SERVER, ID),
        st.tuples(st.just("resume"), SERVER, ID),
        st.tuples(st.just("end"), SERVER, ID),
        st.tuples(st.just("deliver"), SERVER, SERVER),
        st.tuples(st.just("drop"), SERVER, SERVER),
    ),
    max_size=25,
)


class Line:
    """One server's end of lines on which messages wait until they are delivered, or dropped."""

    up = True
    lost = ignored = 0

    def __init__(self, number: int, lines: list[Line]) -> None:
        self.name, self._lines = f"{number:032x}", lines
        self.waiting: dict[str, deque[bytes]] = {}

    async def open(self, hear: Hear, joined: Joined) -> None:
        self.hear = hear

    def tell(self, body: bytes, to: str | None = None) -> None:
        for line in self._lines:
            if line is not self and to in (None, line.name):
                self.waiting.setdefault(line.name, deque()).append(body)

    async def close(self) -> None:
        pass


class Holding:
    """Serves a call that ends as soon as it is told to."""

    def __init__(self, call_id: str) -> None:
        self.state = Call(call_id, "a-1", "call", live=True, started_at="2026-01-01T00:00:00.000Z")
        self.claim: Claim | None = None

    def end(self, error: UndervoiceError) -> None:
        if self.claim is not None:
            self.claim.release(self.state)

    def move(self, deadline_sec: float) -> None:
        pass


class Servers:
    """Three servers and the lines between them."""

    async def open(self) -> None:
        self.lines: list[Line] = []
        self.lines.extend(Line(number, self.lines) for number in SERVERS)
        self.peers = [Peers(line) for line in self.lines]
        self.lives = [LiveCalls(peers) for peers in self.peers]
        for peers in self.peers:
            await peers.open()
            peers._beating.cancel()  # type: ignore[union-attr]
        for peers in self.peers:
            peers.join()
        self.deliver_all()

    def take(self, step: tuple[str, int, int | str]) -> None:
        what, server, other = step
        if isinstance(other, int):
            waiting = self.lines[server].waiting.get(self.lines[other].name)
            if waiting:
                body = waiting.popleft()
                if what == "deliver":
                    self.lines[other].hear(self.lines[server].name, body)
            return
        live = self.lives[server]
        if what == "end":
            if claim := live.claims.get(other):
                claim.holder.end(CallExists("it ended"))
            return
        holding = Holding(other)
        try:
            holding.claim = live.claim(other, holding, again=what == "resume")
        except CallExists:
            return
        holding.claim.update(holding.state)

    def deliver_all(self) -> None:
        while any(queue for line in self.lines for queue in line.waiting.values()):
            for one in SERVERS:
                for other in SERVERS:
                    self.take(("deliver", one, other))

    def settle(self) -> None:
        for _ in range(ROUNDS):
            for peers in self.peers:
                peers.tell(g.Beat(peers._told + 1))
            self.deliver_all()

    def holders(self, server: int) -> dict[str, str]:
        """Return who holds which call, as one server has it."""
        rows = {call_id: self.lives[server].elsewhere.get(call_id) for call_id in IDS}
        others = {call_id: row.holder for call_id, row in rows.items() if row is not None and not row.loose}
        return others | dict.fromkeys(self.lives[server].claims, self.lines[server].name)


@given(STEPS)
def test_servers_agree_in_the_end_who_holds_which_call(steps: list[tuple[str, int, int | str]]) -> None:
    async def go() -> None:
        servers = Servers()
        await servers.open()
        for step in steps:
            servers.take(step)
        servers.settle()
        held = [call_id for live in servers.lives for call_id in live.claims]
        assert len(held) == len(set(held)), "two hold one call"
        named = zip(servers.lines, servers.lives, strict=True)
        truth = {call_id: line.name for line, live in named for call_id in live.claims}
        assert [servers.holders(server) for server in SERVERS] == [truth] * len(SERVERS)

    asyncio.run(go())
