"""What waits for one webhook's receiver: alerts of one call in order, those of different calls side by side."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from undervoice.postbox import Letter
from undervoice.turns import Turns, verdict, wish_sec

log = logging.getLogger("undervoice.webhooks")

MOST_WAITING = 10_000
"""Alerts that may wait for one receiver; past it the oldest is given up: a fresh one matters more."""


class Reply(NamedTuple):
    """What a receiver said."""

    status: int
    """0: there was no answer, or not in time."""
    retry_after: str | None = None


Fate = Literal["delivered", "given up", "erased"]


@dataclass(slots=True, eq=False)
class Waiting:
    """A letter that is not delivered yet."""

    letter: Letter
    fresh: bool
    """Whether it has never been sent."""
    tries: int = 0


class Receiver:
    """Delivers letters to one address.

    Args:
        name: how the log calls it; never its address, which may hold a secret.
        post: sends a letter, and returns what came back; never raises.
        settled: told what became of a letter.
        is_erased: whether a letter's call was erased; asked before every attempt.
        limit_sec: age past which a letter is given up.
    """

    def __init__(
        self,
        name: str,
        post: Callable[[Letter], Awaitable[Reply]],
        settled: Callable[[Letter, Fate], Awaitable[None]],
        is_erased: Callable[[str], Awaitable[bool]],
        limit_sec: float,
    ) -> None:
        self.name = name
        self._post, self._settled, self._is_erased, self._limit_sec = post, settled, is_erased, limit_sec
        self._turns = Turns()
        self._lanes: dict[str, deque[Waiting]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sending: set[str] = set()
        """Calls of which something is on its way right now."""
        self._closing = False
        self.waiting = self.failed = 0
        """Letters that are not delivered yet, and attempts so far that failed."""
        self.gone = False
        """Whether it has said that it wants nothing any more."""

    @property
    def down(self) -> bool:
        """Whether it takes nothing at the moment."""
        return self._turns.down

    def take(self, letter: Letter, *, fresh: bool = True) -> Letter | None:
        """Deliver a letter behind those of its call; return one that is given up for it where too many wait."""
        dropped = self._drop_oldest() if self.waiting >= MOST_WAITING else None
        self._lanes.setdefault(letter.call_id, deque()).append(Waiting(letter, fresh))
        self.waiting += 1
        if letter.call_id not in self._tasks:
            task = asyncio.create_task(self._drain(letter.call_id), name="webhook")
            self._tasks[letter.call_id] = task
        return dropped

    def _drop_oldest(self) -> Letter:
        lane = next(lane for lane in self._lanes.values() if lane)
        self.waiting -= 1
        return lane.popleft().letter

    async def forget(self, call_id: str) -> int:
        """Drop what waits for a call, break off what is being sent, and return how many that were."""
        lane, task = self._lanes.pop(call_id, deque()), self._tasks.pop(call_id, None)
        self.waiting -= len(lane)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return len(lane)

    async def close(self, grace_sec: float) -> None:
        """Let what is being sent arrive within the time; the rest stays written down."""
        self._closing = True
        tasks = list(self._tasks.values())
        sending = [self._tasks[call_id] for call_id in self._sending if call_id in self._tasks]
        if sending:
            await asyncio.wait(sending, timeout=grace_sec)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, call_id: str) -> None:
        lane = self._lanes[call_id]
        try:
            while lane and not self._closing:
                await self._deliver(lane, lane[0])
        finally:
            if self._lanes.get(call_id) is lane:
                del self._lanes[call_id], self._tasks[call_id]

    async def _deliver(self, lane: deque[Waiting], one: Waiting) -> None:
        """Try one letter; where something became of it, it leaves its lane."""
        fate = await self._try(one)
        if fate is None or not lane or lane[0] is not one:
            return
        lane.popleft()
        self.waiting -= 1
        await self._settled(one.letter, fate)

    async def _try(self, one: Waiting) -> Fate | None:
        letter = one.letter
        async with self._turns.turn(one.tries, fresh=one.fresh):
            if self.gone or time.time() - letter.at > self._limit_sec:
                return "given up"
            if await self._is_erased(letter.call_id):
                return "erased"
            if self._closing:
                return None
            one.fresh, one.tries = False, one.tries + 1
            self._sending.add(letter.call_id)
            try:
                reply = await self._post(letter)
            finally:
                self._sending.discard(letter.call_id)
            return self._judged(reply)

    def _judged(self, reply: Reply) -> Fate | None:
        match verdict(reply.status):
            case "again":
                self.failed += 1
                if self._turns.failed(wish_sec(reply.retry_after, time.time())):
                    log.warning("%s takes no alerts, they are tried again: status %d", self.name, reply.status)
                return None
            case "gone":
                self.gone = True
                log.warning("%s wants no alerts any more: status 410", self.name)
                return "given up"
            case "refused":
                self._answered()
                log.warning("%s refused an alert: status %d", self.name, reply.status)
                return "given up"
            case _:
                self._answered()
                return "delivered"

    def _answered(self) -> None:
        if self._turns.succeeded():
            log.warning("%s takes alerts again", self.name)
