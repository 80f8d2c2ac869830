"""Which other servers of the deployment live, and what is told to and asked of them.

Everything here is soft state: a heartbeat a second says who lives, and how much it has told so far; who missed
something asks for the whole again. When the line to the others is down, this server goes on by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from undervoice import gossip as g
from undervoice.exchange import Alone, Exchange

log = logging.getLogger("undervoice")

BEAT_SEC = 1.0
GONE_SEC = 5.0
"""Whoever is silent for this long is gone."""
ALL, ONE = b"\x00", b"\x01"
"""What is told to everybody is counted by those who hear it; what is for one is not."""
ASK_SEC = 0.5

M = TypeVar("M", bound=g.Gossip)


@dataclass(slots=True)
class Peer:
    """Another server."""

    heard_at: float
    heard: int | None = None
    """How much of what it told everybody came here; ``None`` until it has said how things stand."""


@dataclass(slots=True)
class Question:
    """One question that is out."""

    wanted: set[str]
    """Who has not answered yet."""
    answers: dict[str, bytes] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Peers:
    """The other servers, as this one hears them.

    Args:
        exchange: the line to them.
        clock: monotonic seconds.
    """

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.monotonic) -> None:
        self.exchange, self._clock = exchange, clock
        self.strange = 0
        """Messages that could not be understood."""
        self.joining: list[Callable[[str | None], None]] = []
        """Each tells one server, or all, how its things stand."""
        self.going: list[Callable[[str, bool], None]] = []
        """Each lets go of a server that has gone: in silence, or by its own word."""
        self.parting: list[Callable[[], None]] = []
        """Each lets go of all others: the line is down, and nobody knows how they do."""
        self._peers: dict[str, Peer] = {}
        self._left: dict[str, float] = {}
        self._told = 0
        self._joined = False
        self._down_since: float | None = None
        self._hearers: dict[type[g.Gossip], list[Callable[[str, g.Gossip], None]]] = defaultdict(list)
        self._answers: dict[str, Callable[[bytes], bytes]] = {}
        self._questions: dict[int, Question] = {}
        self._numbers = itertools.count(1)
        self._beating: asyncio.Task[None] | None = None
        for kind, hear in (
            (g.Hello, self._hear_hello), (g.Again, self._hear_hello), (g.Standing, self._hear_standing),
            (g.Beat, self._hear_beat), (g.Left, self._hear_left), (g.Asked, self._hear_asked),
            (g.Answered, self._hear_answered),
        ):  # fmt: skip
            self._hearers[kind].append(hear)  # type: ignore[arg-type]  # each gets what it is registered for

    @property
    def name(self) -> str:
        """This server's own name."""
        return self.exchange.name

    @property
    def names(self) -> list[str]:
        """The others that live, as far as is known."""
        return list(self._peers)

    @property
    def alone(self) -> bool:
        """Whether no other is heard."""
        return not self._peers

    @property
    def up(self) -> bool:
        """Whether the others can be reached; with none to reach, always."""
        return self.exchange.up

    @property
    def ignored(self) -> int:
        """Messages that were not of this deployment, or not understood."""
        return self.exchange.ignored + self.strange

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """Join the others, or go on trying."""
        await self.exchange.open(self.hear, self.join)
        if not isinstance(self.exchange, Alone):
            self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Leave."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        self.tell(g.Left())
        await self.exchange.close()

    def join(self) -> None:
        """Say hello, and how things stand: the line is there."""
        if self._down_since is not None:
            log.info("the other servers can be reached again")
        self._joined, self._down_since = True, None
        now = self._clock()
        for peer in self._peers.values():
            peer.heard_at = now  # they could not be heard
        self.tell(g.Hello())
        self._introduce(None)

    # ------------------------------------------------------------ telling and asking

    def tell(self, message: g.Gossip, to: str | None = None) -> None:
        """Tell all others, or one; never waits."""
        if not self._joined:
            return  # whoever joins is told how things stand then
        if to is None:
            self._told += 1
        self.exchange.tell((ALL if to is None else ONE) + g.encode(message), to)

    def on(self, kind: type[M], hear: Callable[[str, M], None]) -> None:
        """Have a kind of message heard: who told it, and what."""
        self._hearers[kind].append(hear)  # type: ignore[arg-type]  # each gets what it is registered for

    def answer(self, kind: str, answering: Callable[[bytes], bytes]) -> None:
        """Have a kind of question answered."""
        self._answers[kind] = answering

    async def ask(
        self, kind: str, timeout_sec: float = ASK_SEC, *, body: bytes = b"", to: str | None = None
    ) -> dict[str, bytes]:
        """Return what the others, or one of them, answer within the time, by name."""
        wanted = {name for name in self._peers if to in (None, name)}
        if not wanted:
            return {}
        number, question = next(self._numbers), Question(wanted)
        self._questions[number] = question
        self.tell(g.Asked(number, kind, body), to)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_sec):
                    await question.done.wait()
        finally:
            del self._questions[number]
        return question.answers

    # ------------------------------------------------------------ hearing

    def hear(self, sender: str, body: bytes) -> None:
        """Take a message; one that cannot be understood is counted, and nothing else."""
        try:
            message = g.decode(body[1:])
        except msgspec.MsgspecError:
            self.strange += 1
            message = None
        peer = self._peers.get(sender)
        if peer is None:
            if sender in self._left:
                return  # its last words, overtaken by its leave
            log.info("another server is there: %d now", len(self._peers) + 2)
            peer = self._peers[sender] = Peer(self._clock())
        peer.heard_at = self._clock()
        if body[:1] == ALL and peer.heard is not None:
            peer.heard += 1
        if message is not None:
            self._hand(sender, message)

    def _hand(self, sender: str, message: g.Gossip) -> None:
        for hear in self._hearers.get(type(message), ()):
            try:
                hear(sender, message)
            except Exception:  # ours, whatever it is: what the others tell must go on being heard
                self.strange += 1
                log.exception("a %s of another server was not taken in", type(message).__name__)

    def _hear_hello(self, sender: str, _: g.Gossip) -> None:
        self._introduce(sender)

    def _hear_standing(self, sender: str, message: g.Standing) -> None:
        self._peers[sender].heard = message.told

    def _hear_beat(self, sender: str, message: g.Beat) -> None:
        # The beat counts itself, so that one who hears it knows whether something before it was lost.
        if self._peers[sender].heard != message.told:
            self._peers[sender].heard = None
            self.tell(g.Again(), sender)

    def _hear_left(self, sender: str, _: g.Left) -> None:
        self._left[sender] = self._clock()
        self._drop(sender, silent=False)

    def _hear_asked(self, sender: str, message: g.Asked) -> None:
        if answering := self._answers.get(message.kind):
            self.tell(g.Answered(message.number, answering(message.body)), sender)

    def _hear_answered(self, sender: str, message: g.Answered) -> None:
        question = self._questions.get(message.number)
        if question is not None and sender in question.wanted:
            question.answers[sender] = message.body
            self._awaited(question, sender)

    def _awaited(self, question: Question, sender: str) -> None:
        question.wanted.discard(sender)
        if not question.wanted:
            question.done.set()

    def _introduce(self, to: str | None) -> None:
        """Tell one server or all how things stand here."""
        self.tell(g.Standing(self._told + (to is None)), to)
        for tell in self.joining:
            tell(to)

    # ------------------------------------------------------------ the beat

    async def _beat(self) -> None:
        last = self._clock()
        while True:
            await asyncio.sleep(BEAT_SEC)
            now = self._clock()
            if now - last > 2 * BEAT_SEC:
                # This server stood still, so that what the others said meanwhile has not been read yet.
                for peer in self._peers.values():
                    peer.heard_at = now
            last = now
            self.tell(g.Beat(self._told + 1))
            self.check(now)

    def check(self, now: float) -> None:
        """Let go of servers that have been silent, or of all while nobody can be heard."""
        self._left = {name: at for name, at in self._left.items() if now - at < GONE_SEC}
        if self.exchange.up:
            for name in [name for name, peer in self._peers.items() if now - peer.heard_at > GONE_SEC]:
                self._drop(name, silent=True)
            return
        if self._down_since is None:
            self._down_since = now
            log.warning("the other servers cannot be reached: this one goes on alone, and tries again")
        if self._peers and now - self._down_since > GONE_SEC:
            self._peers.clear()
            for part in self.parting:
                part()

    def _drop(self, name: str, *, silent: bool) -> None:
        del self._peers[name]
        log.info("another server %s: %d now", "is silent" if silent else "left", len(self._peers) + 1)
        for question in self._questions.values():
            self._awaited(question, name)
        for go in self.going:
            go(name, silent)
