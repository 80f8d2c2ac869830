"""Writing to Firestore so that racing and repeated commits end in the same documents.

No locks are held between reading and writing: a commit names what it assumes, fails as
a whole where that is no longer so, and is made anew of what is there by then.

Every commit assumes that none of its calls is erased: it deletes their tombstones on condition that there
are none. So an erasure elsewhere, however close, either comes first and the commit fails, or comes
later and finds what the commit wrote. (A read would cost more, and leave a gap before the commit.)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from undervoice.errors import StoreDown
from undervoice.resources import LoggedSegment
from undervoice.store import Record
from undervoice.store.documents import SHARDS, Document, day_documents, document_id
from undervoice.store.link import Link
from undervoice.store.tallies import tally
from undervoice.store.tombstones import tombstone
from undervoice.wall import QueuedCaller

RACES = 5
"""How often a commit that lost a race is made anew."""

Make = Callable[[Record], Document]


async def insert(link: Link, collection: str, records: Mapping[str, Record], make: Make) -> None:
    """Create the documents whose ids are new, and count the readings among them in the same commit.

    Args:
        link: the database.
        collection: where the documents belong.
        records: by id.
        make: makes a document of a record.

    Raises:
        StoreDown: the database does not answer, or others keep writing the same.
    """
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition
    from google.cloud.firestore import SERVER_TIMESTAMP

    shard = random.randrange(SHARDS)  # noqa: S311 - spreads load, no secret
    waiting = {document_id(key): record for key, record in records.items()}
    async with link.client() as client:
        for _ in range(RACES):
            write = client.batch()
            for key, record in waiting.items():
                mark = {"shard": shard, "stored_at": SERVER_TIMESTAMP} if isinstance(record, LoggedSegment) else {}
                write.create(client.collection(collection).document(key), make(record) | mark)
            _count(client, write, (one for one in waiting.values() if isinstance(one, LoggedSegment)), shard)
            unless_erased(client, write, waiting.values())
            try:
                await write.commit(**link.limits)
            except (AlreadyExists, FailedPrecondition):
                refs = [client.collection(collection).document(key) for key in waiting]
                known = client.get_all(refs, field_paths=["at"], **link.limits)
                found = {kept.id async for kept in known if kept.exists}
                waiting = {key: record for key, record in waiting.items() if key not in found}
                waiting = await _not_erased(link, client, waiting)
            else:
                return
            if not waiting:
                return
        raise StoreDown(f"{link.name}: others keep writing the same {collection}")


async def replace(
    link: Link, collection: str, records: Mapping[str, Record], make: Make, wins: Callable[[Document, Document], bool]
) -> None:
    """Write the documents that are new or win over the kept one of their id.

    Args:
        link: the database.
        collection: where the documents belong.
        records: by id.
        make: makes a document of a record.
        wins: whether the first document replaces the second, kept one.

    Raises:
        StoreDown: the database does not answer, or others keep writing the same.
    """
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

    waiting = {document_id(key): record for key, record in records.items()}
    async with link.client() as client:
        for _ in range(RACES):
            write = client.batch()
            async for kept in client.get_all(
                [client.collection(collection).document(key) for key in waiting], **link.limits
            ):
                new = make(waiting[kept.id])
                if not kept.exists:
                    write.create(kept.reference, new)
                elif wins(new, kept.to_dict()):
                    write.update(kept.reference, new, client.write_option(last_update_time=kept.update_time))
            if not len(write):
                return
            unless_erased(client, write, waiting.values())
            try:
                await write.commit(**link.limits)
            except (AlreadyExists, FailedPrecondition, NotFound):
                waiting = await _not_erased(link, client, waiting)  # else somebody wrote in between
            else:
                return
            if not waiting:
                return
        raise StoreDown(f"{link.name}: others keep writing the same {collection}")


def grave(client: Any, call_id: str) -> Any:
    """Return where the tombstone of a call stands."""
    return client.collection("tombstones").document(tombstone(call_id))


def unless_erased(client: Any, write: Any, records: Iterable[Record | QueuedCaller]) -> None:
    """Make a commit fail where a call that it writes of was erased."""
    for call_id in {record.call_id for record in records}:
        write.delete(grave(client, call_id), client.write_option(exists=False))


async def _not_erased(link: Link, client: Any, records: dict[str, Record]) -> dict[str, Record]:
    graves = {grave(client, record.call_id) for record in records.values()}
    found = {kept.id async for kept in client.get_all(list(graves), **link.limits) if kept.exists}
    return {key: record for key, record in records.items() if tombstone(record.call_id) not in found}


def _count(client: Any, write: Any, segments: Iterable[LoggedSegment], shard: int) -> None:
    from google.cloud.firestore import ArrayUnion, Increment

    for key, counts in day_documents(tally(segments), shard, Increment, ArrayUnion).items():
        write.set(client.collection("metrics").document(key), counts, merge=True)
