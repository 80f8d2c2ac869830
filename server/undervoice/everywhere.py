"""Live calls of all servers of the deployment: looked for, and erased, wherever they go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from undervoice import gossip as g
from undervoice.elsewhere import LOST
from undervoice.errors import StoreDown
from undervoice.live import LiveCalls
from undervoice.peers import GONE_SEC, Peers
from undervoice.readings import rfc3339
from undervoice.resources import Call
from undervoice.store import CallQuery, Store
from undervoice.store.sifting import fits
from undervoice.store.writer import Writer
from undervoice.webhooks import Webhooks

log = logging.getLogger("undervoice")

HOLDS, CALL, CALLS = "holds", "call", "calls"
"""What servers ask each other: whether one holds a call, for a call, and for all that fit a query."""

FEW = 8
"""Records of lost calls that are looked at in the store at a time."""

_encode = msgspec.msgpack.Encoder().encode
_call = msgspec.msgpack.Decoder(Call | None).decode
_calls = msgspec.msgpack.Decoder(list[Call]).decode
_query = msgspec.msgpack.Decoder(CallQuery).decode


class Everywhere:
    """What is known of live calls here, and what the other servers say of theirs when they are asked.

    Args:
        live: the calls of this server.
        store: where records of calls are whose server does not answer.
        writer: closes the records of calls that were lost with their server.
        webhooks: what waits to be sent of calls.
    """

    def __init__(self, live: LiveCalls, store: Store, writer: Writer, webhooks: Webhooks) -> None:
        self._live, self._store, self._writer, self._webhooks = live, store, writer, webhooks
        self._peers: Peers = live.peers
        self._working: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(FEW)
        self._peers.on(g.Erased, lambda _, message: self._work(self._expel(message.call_id)))
        self._peers.answer(HOLDS, lambda body: b"1" if body.decode() in live.claims else b"")
        self._peers.answer(CALL, lambda body: _encode(live.get(body.decode())))
        self._peers.answer(CALLS, lambda body: _encode(self._here(_query(body))))
        live.elsewhere.lost.append(self._lost)

    # ------------------------------------------------------------ looking

    async def call(self, call_id: str) -> Call | None:
        """Return a live or just ended call's newest state, wherever it goes on."""
        found, row = self._live.get(call_id), self._live.elsewhere.get(call_id)
        if found is not None or row is None:
            return found
        answers = await self._peers.ask(CALL, body=call_id.encode(), to=row.holder)
        return _call(answers[row.holder]) if row.holder in answers else None

    async def calls(self, query: CallQuery) -> list[Call]:
        """Return the live calls of all servers that a query wants, newest first.

        Those whose server does not answer, or that are on their way to another one, are told as the store knows them.
        """
        found = {call.call_id: call for call in self._here(query)}
        if len(self._live.elsewhere):
            answers = await self._peers.ask(CALLS, body=_encode(query))
            found |= {call.call_id: call for answer in answers.values() for call in _calls(answer)}
            found |= await self._kept(self._live.elsewhere.unanswered(answers), query)
        return _newest(list(found.values()), query.limit)

    async def goes_on(self, call_id: str) -> bool:
        """Whether another server holds a call, by its own word."""
        row = self._live.elsewhere.get(call_id)
        if row is None or row.loose:
            return False
        answers = await self._peers.ask(HOLDS, body=call_id.encode(), to=row.holder)
        return bool(answers.get(row.holder))

    def _here(self, query: CallQuery) -> list[Call]:
        return [call for call in self._live.all() if fits(query, call)][: query.limit]

    async def _kept(self, call_ids: list[str], query: CallQuery) -> dict[str, Call]:
        try:
            kept = await asyncio.gather(*(self._store.call(call_id) for call_id in call_ids[: query.limit]))
        except StoreDown:
            log.warning("the store does not answer: calls of a server that is silent are not listed")
            return {}
        return {
            call.call_id: msgspec.structs.replace(call, live=True, ended_at=None, reason=None, summary=None)
            for call in kept
            if call is not None and fits(query, call)
        }

    # ------------------------------------------------------------ erasing, closing

    async def erase(self, call_id: str) -> None:
        """End and forget a call that was erased, wherever it goes on."""
        self._peers.tell(g.Erased(call_id))
        await self._live.expel(call_id)

    async def _expel(self, call_id: str) -> None:
        await self._webhooks.erase(call_id)
        await self._live.expel(call_id)

    def _lost(self, call_id: str) -> None:
        if self._peers.name == min([self._peers.name, *self._peers.names]):  # one of us is enough
            self._work(self._close(call_id))

    async def _close(self, call_id: str) -> None:
        """Close the record of a call that was lost with its server; should it go on, its next one counts."""
        try:
            async with self._few:
                call = await self._store.call(call_id)
        except StoreDown:
            return
        if call is not None and call.live:
            heard = rfc3339(datetime.now(UTC) - timedelta(seconds=GONE_SEC))
            self._writer.put(msgspec.structs.replace(call, live=False, ended_at=heard, reason=LOST))

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)


def _newest(calls: list[Call], most: int) -> list[Call]:
    return sorted(calls, key=lambda call: (call.started_at, call.call_id), reverse=True)[:most]
