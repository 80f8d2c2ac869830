"""A real store that can be down, and that remembers what it was asked to save."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from undervoice.errors import BadInput, StoreDown
from undervoice.store import Record
from undervoice.store.outbox import Outbox
from undervoice.store.sqlite import SqliteStore
from undervoice.store.writer import Writer


class Ledger(SqliteStore):
    """A SQLite store that can be down, and that remembers its batches."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.down = False
        self.refuses = ""
        self.batches: list[list[Record]] = []

    async def save(self, records: list[Record]) -> None:
        if self.down:
            raise StoreDown("out for lunch")
        if any(getattr(record, "segment_id", None) == self.refuses for record in records):
            raise BadInput("never this one")
        self.batches.append(records)
        await super().save(records)

    @property
    def saved(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


async def left_by_the_dead(path: Path, records: list[Record]) -> None:
    """Leave records as a process does whose store was down all the time."""
    down = Ledger(":memory:")
    down.down = True
    writer = Writer(down, Outbox(path))
    await writer.open()
    await writer.keep(records)
    assert await writer.close(0) == 0
    await down.close()
