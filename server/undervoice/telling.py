"""What the wall is told of one call that goes on here: its beginning, moods, alerts and end, no oftener than needed."""

from __future__ import annotations

import asyncio

from undervoice import gossip as g
from undervoice.elsewhere import Elsewhere, Row
from undervoice.feed import Feed
from undervoice.peers import Peers
from undervoice.resources import Call
from undervoice.wall import live_row

MOOD_SEC = 0.5
"""The wall is told of a call's mood at most once in this time; the newest is never lost."""
MOVING = "drained"
"""Why a call ends that is to go on at another server."""


class Telling:
    """What the wall knows of one call, here and elsewhere, and when it was told."""

    def __init__(
        self, feed: Feed, peers: Peers, elsewhere: Elsewhere, call_id: str, stake: g.Stake, row: Row | None
    ) -> None:
        self._feed, self._peers, self._elsewhere = feed, peers, elsewhere
        self._call_id, self._stake, self._row = call_id, stake, row
        self.shown = row.shown if row else None
        """The call's row on the wall, which it may have from another server."""
        self._known: Call | None = None
        self._alerts = 0
        self._told_at = float("-inf")
        self._due: asyncio.TimerHandle | None = None
        self._peers.tell(g.Claimed(call_id, stake))

    def of(self, call: Call) -> None:
        """Tell what is new in a call's state."""
        known, self._known = self._known, call
        if known is None:
            self._tell("call" if self.shown is None else "mood")
        else:
            for alert in call.alerts[self._alerts :]:
                self._peers.tell(g.Raised(call.call_id, self._feed.tell("alert", alert, call.call_id)))
            if call.mood != known.mood or len(call.alerts) > self._alerts:
                self._tell_mood()
        self._alerts = len(call.alerts)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._due is not None:
            self._due.cancel()

    def end(self, ended: Call) -> None:
        """Tell how the call ended."""
        row = self._feed.tell("ended", live_row(ended), self._call_id)
        self._peers.tell(g.Ended(self._call_id, row, ended.reason == MOVING))

    def drop(self) -> None:
        """Let go of a call that never started here; one that came from another server may go on at a third."""
        self._peers.tell(g.Released(self._call_id))
        if self._row is not None:
            self._elsewhere.loosen(self._call_id, self._row)

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
            self.shown = self._feed.tell(kind, live_row(self._known), self._call_id)
            self._peers.tell(g.Shown(self._call_id, self._stake, self.shown))
