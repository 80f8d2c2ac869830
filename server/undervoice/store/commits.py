"""Writing to Firestore so that racing and repeated commits end in the same documents.

No locks are held between reading and writing: a commit names what it assumes, fails as
a whole where that is no longer so, and is made anew of what is there by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from undervoice.errors import StoreDown
from undervoice.resources import LoggedSegment
from undervoice.store.documents import Document, day_documents, document_id
from undervoice.store.link import Link
from undervoice.store.tallies import tally

RACES = 5
"""How often a commit that lost a race is made anew."""


async def insert(
    link: Link, collection: str, documents: Mapping[str, Document], counting: Mapping[str, LoggedSegment]
) -> None:
    """Create the documents whose ids are new, and count the segments among them in the same commit.

    Args:
        link: the database.
        collection: where the documents belong.
        documents: by id.
        counting: the segments that they are made of, by id, if any.

    Raises:
        StoreDown: the database does not answer, or others keep writing the same.
    """
    from google.api_core.exceptions import AlreadyExists

    async with link.client() as client:
        refs = {key: client.collection(collection).document(document_id(key)) for key in documents}
        for _ in range(RACES):
            write = client.batch()
            for key, ref in refs.items():
                write.create(ref, documents[key])
            _count(client, write, [counting[key] for key in refs if key in counting])
            try:
                await write.commit(**link.limits)
            except AlreadyExists:
                known = client.get_all(list(refs.values()), field_paths=["at"], **link.limits)
                found = {kept.id async for kept in known if kept.exists}
                refs = {key: ref for key, ref in refs.items() if ref.id not in found}
            else:
                return
            if not refs:
                return
        raise StoreDown(f"{link.name}: others keep writing the same {collection}")


async def replace(
    link: Link, collection: str, documents: Mapping[str, Document], wins: Callable[[Document, Document], bool]
) -> None:
    """Write the documents that are new or win over the kept one of their id.

    Args:
        link: the database.
        collection: where the documents belong.
        documents: by id.
        wins: whether the first document replaces the second, kept one.

    Raises:
        StoreDown: the database does not answer, or others keep writing the same.
    """
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

    async with link.client() as client:
        by_id = {document_id(key): document for key, document in documents.items()}
        refs = [client.collection(collection).document(key) for key in by_id]
        for _ in range(RACES):
            write = client.batch()
            async for kept in client.get_all(refs, **link.limits):
                new = by_id[kept.id]
                if not kept.exists:
                    write.create(kept.reference, new)
                elif wins(new, kept.to_dict()):
                    write.update(kept.reference, new, client.write_option(last_update_time=kept.update_time))
            try:
                if len(write):
                    await write.commit(**link.limits)
            except (AlreadyExists, FailedPrecondition, NotFound):
                continue  # somebody wrote in between
            return
        raise StoreDown(f"{link.name}: others keep writing the same {collection}")


def _count(client: Any, write: Any, segments: list[LoggedSegment]) -> None:
    from google.cloud.firestore import ArrayUnion, Increment

    for key, counts in day_documents(tally(segments), Increment, ArrayUnion).items():
        write.set(client.collection("metrics").document(key), counts, merge=True)
