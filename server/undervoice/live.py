"""Which calls are going on in this process, who holds each, and which have just ended."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

from undervoice.errors import CallExists, Forbidden, UndervoiceError
from undervoice.resources import Call

RECENT = 1024
"""Ended calls that are still known here, since their records may not have reached the store yet."""
EXPEL_SEC = 5.0
"""How long an erased call may take to end."""


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
        self.erased = False
        self.gone = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the call is still this holder's."""
        return self._calls.claims.get(self.call_id) is self

    def update(self, call: Call) -> None:
        """Take the call's newest state."""
        self.call = call

    def release(self, ended: Call | None = None) -> None:
        """Let go of the call; ``ended`` is its last state, ``None`` if it never started."""
        self.gone.set()
        if self.held:
            del self._calls.claims[self.call_id]
            if ended is not None and not self.erased:
                self._calls.remember(ended)


class LiveCalls:
    """The calls of this process by id."""

    def __init__(self) -> None:
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
        claim = self.claims.get(call_id)
        if claim is None:
            return
        claim.erased = True
        claim.holder.end(Forbidden("this call was erased", code="call_erased"))
        try:
            async with asyncio.timeout(EXPEL_SEC):
                await claim.gone.wait()
        except TimeoutError:
            return  # its client takes nothing; what it still brings is dropped as erased

    def ended(self, call_id: str) -> Call | None:
        """Return the last state of a call that has just ended and is not going on."""
        return None if call_id in self.claims else self._ended.get(call_id)

    def get(self, call_id: str) -> Call | None:
        """Return a live or just ended call's newest state."""
        claim = self.claims.get(call_id)
        return (claim.call if claim else None) or self._ended.get(call_id)

    def all(self) -> list[Call]:
        """Return the live calls, newest first."""
        calls = [claim.call for claim in self.claims.values() if claim.call is not None]
        return sorted(calls, key=lambda call: (call.started_at, call.call_id), reverse=True)
