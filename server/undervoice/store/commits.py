"""Writing to Firestore so that racing and repeated commits end in the same documents.

No locks are held between reading and writing: a commit names what it assumes, fails as
a whole where that is no longer so, and is made anew of what is there by then.

Every commit assumes that none of its calls is erased: it deletes their tombstones on condition that there
are none. So an erasure elsewhere, however close, either comes first and the commit fails, or comes
later and finds what the commit wrote. (A read would cost more, and leave a gap before the commit.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from undervoice.errors import StoreDown
from undervoice.store import Record
from undervoice.store.documents import Document, document_id
from undervoice.store.link import Link
from undervoice.store.tombstones import tombstone
from undervoice.wall import QueuedCaller

RACES = 5
"""How often a commit that lost a race is made anew."""

MOST_WRITES = 500
"""What a commit may hold."""

Make = Callable[[Record], Document]
Count = Callable[[Any, Any, Collection[Record]], Awaitable[None]]
"""Adds to a commit what counts its records: (client, commit, records)."""


async def insert(
    link: Link, collection: str, records: Mapping[str, Record], make: Make, count: Count | None = None
) -> None:
    """Create the documents whose ids are new, and count them in the same commit.

    Args:
        link: the database.
        collection: where the documents belong.
        records: by id.
        make: makes a document of a record.
        count: adds to a commit what counts its records.

    Raises:
        StoreDown: the database does not answer, or others keep writing the same.
    """
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

    waiting = {document_id(key): record for key, record in records.items()}
    async with link.client() as client:
        for _ in range(RACES):
            write = client.batch()
            for key, record in waiting.items():
                write.create(client.collection(collection).document(key), make(record))
            if count is not None:
                await count(client, write, waiting.values())
            unless_erased(client, write, waiting.values())
            if len(write) > MOST_WRITES and len(waiting) > 1:
                break
            try:
                await write.commit(**link.limits)
            except (AlreadyExists, FailedPrecondition, NotFound):
                waiting = await _new(link, client, collection, waiting)
            else:
                return
            if not waiting:
                return
        else:
            raise StoreDown(f"{link.name}: others keep writing the same {collection}")
    for half in (islice(waiting.items(), len(waiting) // 2), islice(waiting.items(), len(waiting) // 2, None)):
        await insert(link, collection, dict(half), make, count)


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


def add_counts(client: Any, write: Any, documents: Mapping[str, Document]) -> None:
    """Add to a commit what it counts, by the ids of metrics documents."""
    for key, counts in documents.items():
        write.set(client.collection("metrics").document(key), counts, merge=True)


async def _new(link: Link, client: Any, collection: str, records: dict[str, Record]) -> dict[str, Record]:
    """Return what is still to be created after a commit has failed, by the ids of documents."""
    refs = [client.collection(collection).document(key) for key in records]
    found = {kept.id async for kept in client.get_all(refs, field_paths=["at"], **link.limits) if kept.exists}
    return await _not_erased(link, client, {key: record for key, record in records.items() if key not in found})


async def _not_erased(link: Link, client: Any, records: dict[str, Record]) -> dict[str, Record]:
    graves = {grave(client, record.call_id) for record in records.values()}
    found = {kept.id async for kept in client.get_all(list(graves), **link.limits) if kept.exists}
    return {key: record for key, record in records.items() if tombstone(record.call_id) not in found}
