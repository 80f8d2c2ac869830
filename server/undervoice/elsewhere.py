"""The live calls of the other servers, as this one's wall shows them.

A row outlives its server for a while, since the call may go on at another: it stays on the wall, and is told as ended
only when nobody has taken the call by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from undervoice import gossip as g
from undervoice.feed import Feed
from undervoice.peers import GONE_SEC, Peers
from undervoice.readings import rfc3339
from undervoice.wall import LiveCall, erased_row

LOST = "lost"
"""Why a call ended whose server was not heard of any more."""
ERASED_SEC = 60.0
"""So long what was on its way when a call was erased is not shown."""

_decode = msgspec.json.Decoder(LiveCall).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Row:
    """A call that another server holds, or held last."""

    holder: str
    """The server's name."""
    stake: g.Stake
    shown: bytes | None = None
    """What the wall shows, as JSON; ``None`` before the call has begun."""
    loose: bool = False
    """Whether nobody holds it any more, as far as is known."""
    rivals: frozenset[str] = frozenset()
    """Servers that said they hold it, against the holder, and have not said yet that they gave way."""


class Elsewhere:
    """Calls that other servers hold.

    Args:
        feed: what the wall is told by.
        peers: the others.
        give_way: takes a call's id, and who holds it by which stake; returns whether no call here stands against that.
    """

    def __init__(self, feed: Feed, peers: Peers, give_way: Callable[[str, str, g.Stake], bool]) -> None:
        self._feed, self._peers, self._give_way = feed, peers, give_way
        self._rows: dict[str, Row] = {}
        self._erased: set[str] = set()
        self.lost: list[Callable[[str], None]] = []
        """Each is told of a call that was lost with its server."""
        for kind, hear in (
            (g.Claimed, self._hear_claimed), (g.Released, self._hear_released), (g.Shown, self._hear_shown),
            (g.Raised, self._hear_raised), (g.Ended, self._hear_ended), (g.Rows, self._hear_rows),
        ):  # fmt: skip
            peers.on(kind, hear)  # type: ignore[arg-type]  # each gets what it is registered for
        peers.going.append(self._hear_going)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, call_id: str) -> Row | None:
        """Return what is known of a call that another server holds, or held until a moment ago."""
        return self._rows.get(call_id)

    def unanswered(self, answered: Collection[str]) -> list[str]:
        """Return the ids of the calls on the wall that none of these servers holds, nor another one just now."""
        return [
            call_id
            for call_id, row in self._rows.items()
            if row.shown is not None and (row.loose or row.holder not in answered)
        ]

    def shown(self) -> Iterator[bytes]:
        """Yield the rows on the wall."""
        return (row.shown for row in self._rows.values() if row.shown is not None)

    def clear(self) -> None:
        """Forget all: nobody knows how the others do."""
        self._rows.clear()

    def put(self, call_id: str, row: Row) -> None:
        """Keep a call that went from here to another server."""
        self._rows[call_id] = row

    def take(self, call_id: str) -> Row | None:
        """Let a call go to a holder here; return what was known of it."""
        return self._rows.pop(call_id, None)

    def loosen(self, call_id: str, row: Row, last: bytes | None = None) -> None:
        """Wait for somebody to take a call, and tell its end if nobody does.

        Args:
            call_id: whose row it is.
            row: what is known of it.
            last: how it ended; ``None``: nobody knows.
        """
        self._ask_rivals(row)
        if row.shown is None:
            self._rows.pop(call_id, None)
            return
        row.loose = True
        self._rows[call_id] = row
        asyncio.get_running_loop().call_later(GONE_SEC, self._give_up, call_id, row, last)

    def erase(self, call_id: str) -> None:
        """Let go of a call that was erased; its holder may not have heard of that yet."""
        if not self._peers.alone:
            self._erased.add(call_id)
            asyncio.get_running_loop().call_later(ERASED_SEC, self._erased.discard, call_id)
        row = self._rows.pop(call_id, None)
        if row is not None and row.shown is not None:
            self._feed.tell("ended", erased_row(call_id), call_id)

    # ------------------------------------------------------------ what the holders tell

    def _hear_claimed(self, sender: str, message: g.Claimed) -> None:
        if row := self._held(sender, message.call_id, message.stake):
            self._rows[message.call_id] = row

    def _held(self, sender: str, call_id: str, stake: g.Stake) -> Row | None:
        """Return a call's row as the sender holds it, if it is the one that does."""
        if call_id in self._erased or not self._give_way(call_id, sender, stake):
            return None
        known = self._rows.get(call_id)
        if known is None:
            return Row(sender, stake)
        rivals = known.rivals if known.loose else known.rivals | {known.holder}
        if known.holder != sender and not known.loose and not stake.beats(known.stake, sender, known.holder):
            known.rivals |= {sender}
            return None
        # A new one, so that what waits for the old one's end finds that it is not there any more.
        return Row(sender, stake, known.shown, rivals=rivals - {sender})

    def _hear_shown(self, sender: str, message: g.Shown) -> None:
        self._show(sender, message.call_id, message.stake, message.row)

    def _show(self, sender: str, call_id: str, stake: g.Stake, shown: bytes) -> None:
        row = self._held(sender, call_id, stake)
        if row is None:
            return
        before, row.shown = row.shown, shown
        self._rows[call_id] = row
        if before != shown:
            self._feed.pass_on("call" if before is None else "mood", shown, call_id)

    def _hear_raised(self, sender: str, message: g.Raised) -> None:
        row = self._rows.get(message.call_id)
        if row is not None and row.holder == sender:
            self._feed.pass_on("alert", message.alert, message.call_id)

    def _hear_ended(self, sender: str, message: g.Ended) -> None:
        row = self._let(sender, message.call_id)
        if row is None:
            return
        if message.moves:
            self.loosen(message.call_id, row, message.row)
        else:
            self._end(message.call_id, row, message.row)

    def _hear_released(self, sender: str, message: g.Released) -> None:
        if row := self._let(sender, message.call_id):
            self.loosen(message.call_id, row)

    def _let(self, sender: str, call_id: str) -> Row | None:
        """Return a call's row if the sender, who lets go of it, is the one that held it."""
        row = self._rows.get(call_id)
        if row is None or row.loose:
            return None
        row.rivals -= {sender}
        return row if row.holder == sender else None

    def _hear_rows(self, sender: str, message: g.Rows) -> None:
        for call_id, stake, shown in message.items:
            if shown is None:
                self._hear_claimed(sender, g.Claimed(call_id, stake))
            else:
                self._show(sender, call_id, stake, shown)
        there = {call_id for call_id, _, _ in message.items}
        for call_id, row in self._rows.items():
            if sender in row.rivals and call_id not in there:
                row.rivals -= {sender}
        self._let_go(lambda call_id, row: row.holder == sender and call_id not in there, self.loosen)

    # ------------------------------------------------------------ servers that go

    def _hear_going(self, name: str, silent: bool) -> None:
        """Wait for the calls of a server that left; those of one that was silent have had their time."""
        self._let_go(lambda _, row: row.holder == name, self._end if silent else self.loosen)

    def _let_go(self, which: Callable[[str, Row], bool], go: Callable[[str, Row], None]) -> None:
        for call_id, row in list(self._rows.items()):
            if not row.loose and which(call_id, row):
                go(call_id, row)

    def _give_up(self, call_id: str, row: Row, last: bytes | None) -> None:
        if self._rows.get(call_id) is row and row.loose:
            self._end(call_id, row, last)

    def _end(self, call_id: str, row: Row, last: bytes | None = None) -> None:
        del self._rows[call_id]
        self._ask_rivals(row)
        if row.shown is None:
            return
        self._feed.pass_on("ended", last or _lost(row.shown), call_id)
        for lose in self.lost if last is None else ():
            lose(call_id)

    def _ask_rivals(self, row: Row) -> None:
        """Ask those who said they hold a call, now that nobody else does."""
        for name in row.rivals:
            self._peers.tell(g.Again(), name)
        row.rivals = frozenset()


def _lost(shown: bytes) -> bytes:
    row = _decode(shown)
    return _encode(msgspec.structs.replace(row, ended_at=rfc3339(datetime.now(UTC)), reason=LOST))
