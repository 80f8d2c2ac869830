"""Readings into Firestore, counted in the commit that creates them.

A reading is counted in its agent's day and in one of everybody's documents of the day. The call is counted in the first
commit of an hour alone: that one also writes down that the call was heard then (``heard``), on condition that nobody
else does at the same time. What has been read of that is remembered, so that most commits ask for nothing.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from undervoice.errors import BadInput
from undervoice.resources import LoggedSegment
from undervoice.store import Record, queries
from undervoice.store.batches import begun
from undervoice.store.commits import Make, add_counts, insert
from undervoice.store.documents import (
    UNCOUNTED,
    Document,
    day_documents,
    document_id,
    document_of,
    heard_document,
    some_shard,
)
from undervoice.store.heard import places, relink
from undervoice.store.link import Link
from undervoice.store.tallies import call_hash, tally

log = logging.getLogger("undervoice.store")

KNOWN_CALLS = 10_000
"""Calls of which it is remembered where they were heard."""


class Readings:
    """Inserts readings, and counts each once.

    Args:
        link: the database.
        retention_days: how long readings are kept; 0: for good.
    """

    def __init__(self, link: Link, retention_days: int) -> None:
        self._link = link
        self._days = retention_days
        self._known: OrderedDict[str, frozenset[str] | None] = OrderedDict()
        """Where a call is known to have been heard (``heard.places``); ``None``: it is counted in sets."""
        self.uncounted = 0
        """Readings so far that are stored, but not counted."""

    async def insert(self, segments: Mapping[str, LoggedSegment]) -> None:
        """Create and count the readings that are new, by id, in one commit.

        One that the database takes, but not its count, is stored all the same, and never counted.

        Raises:
            StoreDown: the database does not answer, or others keep writing the same.
            BadInput: the database will never take one of them, or its count where they are several.
        """
        shard = some_shard()
        try:
            await insert(self._link, "segments", segments, self._make(shard), partial(self._count, shard))
        except BadInput:
            if len(segments) > 1:
                raise
            await insert(self._link, "segments", segments, self._make(UNCOUNTED))
            self.uncounted += 1
            log.error("a reading is stored, but in no metrics: the store refuses to count it")  # noqa: TRY400 - it could be quoted

    def _make(self, shard: int) -> Make:
        from google.cloud.firestore import SERVER_TIMESTAMP

        mark: Document = {"shard": shard, "stored_at": SERVER_TIMESTAMP}
        return lambda record: document_of(record, self._days) | mark

    async def _count(self, shard: int, client: Any, write: Any, records: Collection[Record]) -> None:
        """Add to a commit what counts its readings, and their calls where those are heard in new hours."""
        from google.cloud.firestore import ArrayUnion, Increment

        segments = [record for record in records if isinstance(record, LoggedSegment)]
        tallies, by_call = tally(segments), _by_call(segments)
        hourly = await self._heard(client, [call_id for call_id, mine in by_call.items() if not self._knows(mine)])
        in_sets = {call_hash(call_id) for call_id in by_call if self._known.get(call_id, ()) is None}
        for counted in tallies.values():
            counted.calls &= in_sets
        for call_id, kept in hourly.items():
            old = set(kept.get("heard")) if kept.exists else set()
            new = old | places(by_call[call_id])
            relink(tallies, old, new)
            if not kept.exists:
                write.create(kept.reference, heard_document(min(by_call[call_id], key=begun), new, self._days))
            elif new > old:
                unchanged = client.write_option(last_update_time=kept.update_time)
                write.update(kept.reference, {"heard": sorted(new)}, unchanged)
        add_counts(client, write, day_documents(tallies, shard, Increment, ArrayUnion))

    def _knows(self, segments: list[LoggedSegment]) -> bool:
        """Whether a call is known to have been heard where these readings of it are."""
        call_id = segments[0].call_id
        if call_id not in self._known:
            return False
        self._known.move_to_end(call_id)  # or those that are read now could drive it out before it is counted
        known = self._known[call_id]
        return known is None or places(segments) <= known

    async def _heard(self, client: Any, call_ids: list[str]) -> dict[str, Any]:
        """Return what says where calls were heard, if anything does, but not for those that are counted in sets."""
        found = await self._read(client, call_ids)
        absent = [call_id for call_id, kept in found.items() if not kept.exists]
        older = await self._with_readings(absent)
        # Asked again: somebody else may have begun to count it before those readings were looked for.
        found |= await self._read(client, older)
        for call_id in older:
            if not found[call_id].exists:
                self._remember(call_id, None)
                del found[call_id]
        return found

    async def _read(self, client: Any, call_ids: list[str]) -> dict[str, Any]:
        """Return the documents of calls as they are now, and remember what those that exist say."""
        names = {document_id(call_id): call_id for call_id in call_ids}
        refs = [client.collection("heard").document(name) for name in names]
        found = {names[kept.id]: kept async for kept in client.get_all(refs, **self._link.limits)} if refs else {}
        for call_id, kept in found.items():
            if kept.exists:
                self._remember(call_id, frozenset(kept.get("heard")))
        return found

    async def _with_readings(self, call_ids: list[str]) -> list[str]:
        """Return which of the calls have readings: those of earlier versions, which nothing says were heard."""
        older: set[str] = set()
        for at in range(0, len(call_ids), queries.IN_VALUES):
            asked = call_ids[at : at + queries.IN_VALUES]
            while asked and (found := await self._link.find(partial(queries.readings_of_calls, call_ids=asked))):
                older |= {reading["call_id"] for reading in found}
                asked = [call_id for call_id in asked if call_id not in older]
        return sorted(older)

    def _remember(self, call_id: str, heard: frozenset[str] | None) -> None:
        self._known[call_id] = heard
        self._known.move_to_end(call_id)
        while len(self._known) > KNOWN_CALLS:
            self._known.popitem(last=False)


def _by_call(segments: Iterable[LoggedSegment]) -> dict[str, list[LoggedSegment]]:
    found: dict[str, list[LoggedSegment]] = {}
    for segment in segments:
        found.setdefault(segment.call_id, []).append(segment)
    return found
