"""Which calls are going on in this process, who holds each, and which have just ended.

The wall is told of a call's beginning, of its moods (at most two a second), of its alerts, and of its end; so are the
other servers, in the same words. Of two servers that hold one call, one gives way (``gossip.Stake``).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec

from undervoice import gossip as g
from undervoice.elsewhere import Elsewhere, Row
from undervoice.errors import CallExists, Forbidden, UndervoiceError
from undervoice.exchange import Alone
from undervoice.feed import Feed
from undervoice.peers import Peers
from undervoice.resources import Call
from undervoice.telling import Telling
from undervoice.wall import LiveCall, Snapshot, erased_row, live_row

RECENT = 1024
"""Ended calls that are still known here, since their records may not have reached the store yet."""
EXPEL_SEC = 5.0
"""How long an erased call may take to end."""
SETTLE_SEC = 0.3
"""Within this time it shows whether another server holds a call that has just started."""

_decode = msgspec.json.Decoder(LiveCall).decode


class Holder(Protocol):
    """Whoever serves a live call."""

    def end(self, error: UndervoiceError) -> None:
        """End the call at once."""

    def move(self, deadline_sec: float) -> None:
        """Make the call go on elsewhere within the time."""


class Claim:
    """One holder's hold on a call id; a newcomer with a checkpoint takes it away."""

    def __init__(self, calls: LiveCalls, call_id: str, holder: Holder, stake: g.Stake, row: Row | None) -> None:
        self._calls, self.call_id, self.holder, self.stake = calls, call_id, holder, stake
        self.call: Call | None = None
        """The call's newest state, once there is one."""
        self._telling = Telling(calls.feed, calls.peers, calls.elsewhere, call_id, stake, row)
        self.erased = False
        self.gone = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the call is still this holder's."""
        return self._calls.claims.get(self.call_id) is self

    @property
    def row(self) -> bytes | None:
        """What the wall shows of the call, if anything."""
        return self._telling.shown

    def when_settled(self, do: Callable[[], None]) -> None:
        """Do something if the call is still this holder's once the other servers had time to object."""
        if self._calls.peers.alone:
            do()
        else:
            asyncio.get_running_loop().call_later(SETTLE_SEC, lambda: do() if self.held else None)

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
        if not self.held:
            return
        del self._calls.claims[self.call_id]
        if ended is not None and not self.erased:
            self._calls.remember(ended)
            self._telling.end(ended)
        elif not self.erased:
            self._telling.drop()


class LiveCalls:
    """The calls of this process by id, and what is known of those of other servers.

    Args:
        peers: the other servers; by default there are none.
    """

    def __init__(self, peers: Peers | None = None) -> None:
        self.feed = Feed()
        """What the wall is told."""
        self.claims: dict[str, Claim] = {}
        self._ended: OrderedDict[str, Call] = OrderedDict()
        self.peers = peers or Peers(Alone())
        self.elsewhere = Elsewhere(self.feed, self.peers, self._gives_way)
        self.peers.joining.append(self._introduce)
        self.peers.parting.append(self._part)

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
        row = self.elsewhere.take(call_id)
        before = [each.stake.turn for each in (older, row) if each is not None]
        stake = g.Stake(max(before, default=0) + 1 if again else 0, time.time())
        self.claims[call_id] = claim = Claim(self, call_id, holder, stake, row)
        self._ended.pop(call_id, None)
        if older:
            claim.call = older.call
            older.hush()
            older.holder.end(_superseded())
        return claim

    def _gives_way(self, call_id: str, name: str, stake: g.Stake) -> bool:
        """Whether no call here stands against another server's hold; one that does not is ended."""
        claim = self.claims.get(call_id)
        if claim is None:
            return True
        if not stake.beats(claim.stake, name, self.peers.name):
            self.peers.tell(g.Claimed(call_id, claim.stake), name)
            return False
        del self.claims[call_id]
        claim.hush()
        self.elsewhere.put(call_id, Row(name, stake, None if claim.erased else claim.row))
        self.peers.tell(g.Released(call_id))  # to those who have heard of this hold alone
        claim.holder.end(_superseded() if stake.turn else CallExists(f"call {call_id} exists already"))
        return True

    def _introduce(self, to: str | None) -> None:
        items = [(call_id, claim.stake, claim.row) for call_id, claim in self.claims.items() if not claim.erased]
        self.peers.tell(g.Rows(items), to)

    def _part(self) -> None:
        """Show own calls alone: nobody knows how the others do."""
        if len(self.elsewhere):
            self.elsewhere.clear()
            self.feed.tell("snapshot", self.snapshot())

    def remember(self, ended: Call) -> None:
        """Keep an ended call's record for a while."""
        self._ended[ended.call_id] = ended
        while len(self._ended) > RECENT:
            self._ended.popitem(last=False)

    async def expel(self, call_id: str) -> None:
        """End and forget a call that was erased; returns once nothing more comes of it, or soon after."""
        self._ended.pop(call_id, None)
        self.feed.forget(call_id)
        self.elsewhere.erase(call_id)
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
        """Return the calls that go on, here and elsewhere, as the wall shows them."""
        coming = [claim.row for claim in self.claims.values() if claim.call is None and claim.row is not None]
        others = [_decode(row) for row in (*coming, *self.elsewhere.shown())]
        return Snapshot([live_row(call) for call in self.all()] + others)

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


def _superseded() -> CallExists:
    return CallExists("the call goes on over another connection", code="superseded")
