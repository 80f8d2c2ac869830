"""Erasing a call from Firestore, and removing what has grown too old, in commits of bounded size.

An interrupted erasure is repeated harmlessly. The tombstone comes first, so that nothing follows
(see ``commits.py``). Readings go together with their share of the metrics in one commit that
assumes they are still there, so that nothing is taken back twice, whoever else erases the same.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from undervoice.store import queries
from undervoice.store.commits import add_counts, grave
from undervoice.store.documents import (
    UNCOUNTED,
    UNSHARDED,
    Document,
    day_documents,
    document_id,
    segment_of,
    some_shard,
)
from undervoice.store.heard import relink
from undervoice.store.link import Link
from undervoice.store.tallies import HourKey, Tally, tally
from undervoice.store.tombstones import expiry, now, tombstone

PART = 120
"""Documents a commit: each reading may touch two metrics documents beside its own, of at most 500 writes."""

PART_HOURS = 60
"""Hours a commit: each may touch two metrics documents."""

KEYS = {
    "segments": "segment_id",
    "alerts": "alert_id",
    "feedback": "segment_id",
    "hint_feedback": "alert_id",
    "queue": "call_id",
    "heard": "call_id",
    "calls": "call_id",
}
"""What makes a document's id, by collection; a call goes after what belongs to it."""


async def erase(link: Link, call_id: str, retention_days: int) -> bool:
    """Remove a call, all that belongs to it and its share of the metrics; return whether there was anything.

    Raises:
        StoreDown: the database does not answer; a part may be gone.
    """
    at = now()
    mark: Document = {"call_hash": tombstone(call_id), "at": at}
    if expires_at := expiry(at, retention_days):
        mark["expires_at"] = expires_at
    async with link.client() as client:
        await grave(client, call_id).set(mark, **link.limits)
    found = False
    mine = partial(queries.some_of_call, collection="segments", call_id=call_id, limit=PART)
    while segments := await link.find(mine):
        await _take_back(link, segments)
        found = True
    found |= await _unlink(link, call_id)
    return bool(await _remove_call(link, call_id)) or found


async def is_erased(link: Link, call_id: str) -> bool:
    """Return whether a call of this id was erased."""
    async with link.client() as client:
        return bool((await grave(client, call_id).get(**link.limits)).exists)


async def expire(link: Link, before: str) -> int:
    """Remove calls that started before a moment with all that belongs to them, and tombstones as old."""
    gone: set[str] = set()
    while calls := await link.find(partial(queries.some_older, collection="calls", before=before, limit=PART)):
        for call in calls:
            gone |= await _remove_call(link, call["call_id"])
    for collection in [name for name in KEYS if name != "calls"]:
        # What has no record of its call: one that never arrived, or was lost.
        gone |= await _remove(link, collection, partial(queries.some_older, before=before))
    await _remove(link, "tombstones", partial(queries.some_older, before=before))
    return len(gone)


async def _remove_call(link: Link, call_id: str) -> set[str]:
    removed: set[str] = set()
    for collection in KEYS:
        removed |= await _remove(link, collection, partial(queries.some_of_call, call_id=call_id))
    return removed


async def _remove(link: Link, collection: str, query: Callable[..., Any]) -> set[str]:
    """Remove what a query finds until it finds nothing; return the calls to which it belonged."""
    removed: set[str] = set()
    key = KEYS.get(collection, "call_hash")
    while found := await link.find(partial(query, collection=collection, limit=PART)):
        async with link.client() as client:
            write = client.batch()
            for document in found:
                write.delete(client.collection(collection).document(document_id(document[key])))
            await write.commit(**link.limits)
        removed |= {document.get("call_id", "") for document in found}
    return removed


async def _take_back(link: Link, segments: list[Document]) -> None:
    """Remove readings and their share of the metrics, unless some are gone already: the caller looks again."""
    from google.api_core.exceptions import NotFound
    from google.cloud.firestore import ArrayRemove, Increment

    async with link.client() as client:
        write = client.batch()
        for segment in segments:
            ref = client.collection("segments").document(document_id(segment["segment_id"]))
            write.delete(ref, client.write_option(exists=True))
        for shard, some in itertools.groupby(sorted(segments, key=_shard), key=_shard):
            if shard == UNCOUNTED:
                continue
            counted = tally(map(segment_of, some))
            add_counts(client, write, day_documents(counted, shard, lambda number: Increment(-number), ArrayRemove))
        try:
            await write.commit(**link.limits)
        except NotFound:
            return


async def _unlink(link: Link, call_id: str) -> bool:
    """Take a call back from the hours in which it was heard, the last ones first; return whether there were any."""
    from google.api_core.exceptions import FailedPrecondition, NotFound
    from google.cloud.firestore import ArrayRemove, Increment

    async with link.client() as client:
        ref = client.collection("heard").document(document_id(call_id))
        found = False
        while (kept := await ref.get(**link.limits)).exists:
            old = kept.to_dict()["heard"]
            rest = old[:-PART_HOURS]
            write, unchanged = client.batch(), client.write_option(last_update_time=kept.update_time)
            if rest:
                write.update(ref, {"heard": rest}, unchanged)
            else:
                write.delete(ref, unchanged)
            taken: dict[HourKey, Tally] = {}
            relink(taken, old, rest)
            add_counts(client, write, day_documents(taken, some_shard(), Increment, ArrayRemove))
            with contextlib.suppress(FailedPrecondition, NotFound):  # somebody else erases it too
                await write.commit(**link.limits)
            found = True
    return found


def _shard(segment: Document) -> int:
    number: int = segment.get("shard", UNSHARDED)
    return number
