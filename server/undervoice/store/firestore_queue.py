"""Who waits, in Firestore. Arrival numbers come from one document, written with whoever gets the number.

That document takes about one write a second, so more callers a second than that wait a little for their turn.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec

from undervoice.errors import StoreDown
from undervoice.store import QueueState, Service, queries
from undervoice.store.commits import unless_erased
from undervoice.store.cursors import instant
from undervoice.store.documents import Document, document_id
from undervoice.store.firestore_erasing import is_erased
from undervoice.store.link import Link
from undervoice.store.tombstones import expiry
from undervoice.wall import QueuedCaller

RACES = 12
"""How often a caller who lost the race for a number asks for the next one."""
TURN_SEC = 0.05
"""How long it waits at most for its next attempt, times the attempts so far."""
FORGOTTEN = 20
"""Callers of long ago who are removed with each newcomer: more than come."""


async def enqueue(link: Link, caller: QueuedCaller, since: str, retention_days: int) -> QueuedCaller | None:
    """Let a caller in, or renew one who waits and keep the place; ``None`` if the call was erased.

    Raises:
        StoreDown: the database does not answer, or too many come at once.
    """
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

    await _forget(link, since)
    for race in range(RACES):
        if await is_erased(link, caller.call_id):
            return None
        async with link.client() as client:
            try:
                return await _join(link, client, caller, retention_days)
            except (AlreadyExists, FailedPrecondition, NotFound):
                pass
        await asyncio.sleep(random.uniform(0, TURN_SEC * (race + 1)))  # noqa: S311 - spreads load, no secret
    raise StoreDown(f"{link.name}: too many callers come at once")


async def dequeue(link: Link, call_id: str, at: str, *, served: bool) -> bool:
    """Take a caller off; return whether it waited."""
    from google.api_core.exceptions import FailedPrecondition, NotFound

    async with link.client() as client:
        ref = client.collection("queue").document(document_id(call_id))
        for _ in range(RACES):
            kept = await ref.get(**link.limits)
            if not kept.exists or not kept.to_dict()["waiting"]:
                return False
            left = {"waiting": False, "served": served, "left_at": instant(at)}
            try:
                await ref.update(left, client.write_option(last_update_time=kept.update_time), **link.limits)
            except (FailedPrecondition, NotFound):
                continue
            return True
    raise StoreDown(f"{link.name}: others keep changing the same caller")


async def read_queue(link: Link, since: str) -> QueueState:
    """Return who waits and came at or after a moment, and the latest services."""
    async with link.client() as client:
        counted = await _counter(client).get(**link.limits)
    waiting = [_caller(document) for document in await link.find(queries.waiting) if document["at"] >= since]
    services = [one for one in await link.find(queries.services) if one["at"] >= since]
    newest = counted.to_dict()["newest"] if counted.exists else 0
    return QueueState(newest, waiting, [Service(one["at"], one["left_at"]) for one in services])


async def _join(link: Link, client: Any, caller: QueuedCaller, retention_days: int) -> QueuedCaller:
    """Write a caller and the number that it gets in one commit, which fails where either has changed."""
    ref = client.collection("queue").document(document_id(caller.call_id))
    kept, counted = await ref.get(**link.limits), await _counter(client).get(**link.limits)
    write = client.batch()
    if kept.exists and kept.to_dict()["waiting"]:
        old = _caller(kept.to_dict())
        known = msgspec.structs.replace(caller, arrival=old.arrival, arrived_at=old.arrived_at)
    else:
        known = msgspec.structs.replace(caller, arrival=1 + (counted.to_dict()["newest"] if counted.exists else 0))
        _put(client, write, counted, {"newest": known.arrival})
    _put(client, write, kept, _document(known, retention_days))
    unless_erased(client, write, [known])
    await write.commit(**link.limits)
    return known


def _put(client: Any, write: Any, kept: Any, document: Document) -> None:
    if kept.exists:
        write.update(kept.reference, document, client.write_option(last_update_time=kept.update_time))
    else:
        write.create(kept.reference, document)


async def _forget(link: Link, since: str) -> None:
    """Remove some of those who came before a moment."""
    old = await link.find(lambda client: queries.some_older(client, collection="queue", before=since, limit=FORGOTTEN))
    if old:
        async with link.client() as client:
            write = client.batch()
            for document in old:
                write.delete(client.collection("queue").document(document_id(document["call_id"])))
            await write.commit(**link.limits)


def _counter(client: Any) -> Any:
    return client.collection("counters").document("arrivals")


def _document(caller: QueuedCaller, retention_days: int) -> Document:
    at = instant(caller.arrived_at)
    document: Document = msgspec.to_builtins(caller) | {"at": at, "waiting": True, "served": False, "left_at": None}
    if expires_at := expiry(at, retention_days):
        document["expires_at"] = expires_at
    return document


def _caller(document: Document) -> QueuedCaller:
    return msgspec.convert(document, QueuedCaller)
