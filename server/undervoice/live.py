"""Which calls are going on in this process, who holds each, and which have just ended.

The wall is told of a call's beginning, of its moods (at most two a second), of its alerts, and of its end.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

from undervoice.errors import CallExists, Forbidden, UndervoiceError
from undervoice.feed import Feed
from undervoice.resources import Call
from undervoice.wall import Snapshot, erased_row, live_row

RECENT = 1024
"""Ended calls that are still known here, since their records may not have reached the store yet."""
EXPEL_SEC = 5.0
"""How long an erased call may take to end."""
MOOD_SEC = 0.5
"""The wall is told of a call's mood at most once in this time; the newest is never lost."""


class Holder(Protocol):
    """Whoever serves a live call."""

    def end(self, error: UndervoiceError) -> None:
        """End the call at once."""

    def move(self, deadline_sec: float) -> None:
        """Make the call go on elsewhere within the time."""


class Claim:
    """One holder's hold on a call id; a newcomer with a checkpoint takes it away."""

    def __init__(self, calls: LiveCalls, call_id: str, holder: Holder) -> None:
        self._calls, self.call_id, self.holder = calls, call_id, holder
        self.call: Call | None = None
        """The call's newest state, once there is one."""
        self._telling = Telling(calls.feed)
        self.erased = False
        self.gone = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the call is still this holder's."""
        return self._calls.claims.get(self.call_id) is self

    def update(self, call: Call) -> None:
        """Take the call's newest state, and tell the wall what is new in it."""
        self.call = call
        if self.held and not self.erased:
            self._telling.of(call)

    def end(self, call: Call) -> None:
        """Take the call's last state; the wall is told once the call is let go."""
        self.call = call

    def hush(self) -> None:
        """Tell the wall nothing more."""
        self._telling.stop()

    def release(self, ended: Call | None = None) -> None:
        """Let go of the call; ``ended`` is its last state, ``None`` if it never started."""
        self.gone.set()
        self._telling.stop()
        if self.held:
            del self._calls.claims[self.call_id]
            if ended is not None and not self.erased:
                self._calls.remember(ended)
                self._calls.feed.tell("ended", live_row(ended), self.call_id)


class Telling:
    """What the wall knows of one call, and when it was told."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: Call | None = None
        self._alerts = 0
        self._told_at = float("-inf")
        self._due: asyncio.TimerHandle | None = None

    def of(self, call: Call) -> None:
        """Tell what is new in a call's state."""
        known, self._known = self._known, call
        if known is None:
            self._tell("call")
        else:
            for alert in call.alerts[self._alerts :]:
                self._feed.tell("alert", alert, call.call_id)
            if call.mood != known.mood or len(call.alerts) > self._alerts:
                self._tell_mood()
        self._alerts = len(call.alerts)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._due is not None:
            self._due.cancel()

    def _tell_mood(self) -> None:
        if self._due is not None:
            return  # what is told then is the newest by then
        loop = asyncio.get_running_loop()
        wait_sec = self._told_at + MOOD_SEC - loop.time()
        if wait_sec > 0:
            self._due = loop.call_later(wait_sec, self._tell, "mood")
        else:
            self._tell("mood")

    def _tell(self, kind: str) -> None:
        self._due = None
        if kind == "mood":
            self._told_at = asyncio.get_running_loop().time()
        if self._known is not None:
            self._feed.tell(kind, live_row(self._known), self._known.call_id)


class LiveCalls:
    """The calls of this process by id."""

    def __init__(self) -> None:
        self.feed = Feed()
        """What the wall is told."""
        self.claims: dict[str, Claim] = {}
        self._ended: OrderedDict[str, Call] = OrderedDict()

    def __len__(self) -> int:
        return len(self.claims)

    def claim(self, call_id: str, holder: Holder, *, again: bool = False) -> Claim:
        """Hold an id for a call that is about to start, or ``again`` for one that goes on.

        Raises:
            CallExists: a new call's id is going on, or was until a moment ago.
        """
        older = self.claims.get(call_id)
        if not again and (older or call_id in self._ended):
            raise CallExists(f"call {call_id} exists already")
        self.claims[call_id] = claim = Claim(self, call_id, holder)
        self._ended.pop(call_id, None)
        if older:
            claim.call = older.call
            older.hush()
            older.holder.end(CallExists("the call goes on over another connection", code="superseded"))
        return claim

    def remember(self, ended: Call) -> None:
        """Keep an ended call's record for a while."""
        self._ended[ended.call_id] = ended
        while len(self._ended) > RECENT:
            self._ended.popitem(last=False)

    async def expel(self, call_id: str) -> None:
        """End and forget a call that was erased; returns once nothing more comes of it, or soon after."""
        self._ended.pop(call_id, None)
        self.feed.forget(call_id)
        claim = self.claims.get(call_id)
        if claim is None:
            return
        claim.erased = True
        claim.hush()
        if claim.call is not None:
            self.feed.tell("ended", erased_row(call_id), call_id)
        claim.holder.end(Forbidden("this call was erased", code="call_erased"))
        try:
            async with asyncio.timeout(EXPEL_SEC):
                await claim.gone.wait()
        except TimeoutError:
            return  # its client takes nothing; what it still brings is dropped as erased

    def snapshot(self) -> Snapshot:
        """Return the calls that go on, as the wall shows them."""
        return Snapshot([live_row(call) for call in self.all()])

    def ended(self, call_id: str) -> Call | None:
        """Return the last state of a call that has just ended and is not going on."""
        return None if call_id in self.claims else self._ended.get(call_id)

    def get(self, call_id: str) -> Call | None:
        """Return a live or just ended call's newest state."""
        claim = self.claims.get(call_id)
        return (claim.call if claim else None) or self._ended.get(call_id)

    def all(self) -> list[Call]:
        """Return the live calls, newest first."""
        calls = [claim.call for claim in self.claims.values() if claim.call is not None and claim.call.live]
        return sorted(calls, key=lambda call: (call.started_at, call.call_id), reverse=True)
