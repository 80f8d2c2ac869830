"""What is not in the store yet: the newest in memory, all of it on disk where there is an outbox.

Memory holds up to a capacity. What overflows it but is on disk is not lost: it is read back, in order, before
anything that came after it. Only what is in neither place counts as dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import Enum

from undervoice.histogram import Histogram
from undervoice.store import Record
from undervoice.store.keys import Numbered, key_of
from undervoice.store.lanes import Lanes
from undervoice.store.outbox import Outbox
from undervoice.store.standing import OutboxState


class Place(Enum):
    """Where a record is besides memory."""

    QUEUED = 0
    """On its way to the disk."""
    LATE = 1
    """So too, but who waited for that went on."""
    DISK = 2
    MEMORY = 3
    """Nowhere."""


class Backlog:
    """Records in the order in which they came, until each is settled."""

    def __init__(self, outbox: Outbox | None, capacity: int) -> None:
        self._outbox = outbox
        self._lanes = Lanes(capacity)
        self.filled = asyncio.Event()
        """Set when there is something to take."""
        self._taken: list[Numbered] = []
        """What is being saved."""
        self._places: dict[int, Place] = {}
        """Of every record in memory: those that wait, and those that were taken."""
        self._leaving: dict[int, Place] = {}
        """Records that left memory while they were on their way to the disk."""
        self._read_upto = self._spilled_upto = 0
        """Between these numbers there may be records on disk that memory does not hold."""
        self._first: int | None = None
        self.blocked = False
        """Whether what is on disk only could not be read when it was last its turn."""
        self.dropped = 0
        """Records that were lost for want of room."""
        self.unkept = 0
        """Records so far that only memory held."""
        if outbox is not None:
            outbox.attend(self._written, self._lost)

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def in_memory(self) -> int:
        """How many records are in memory: those that wait, and those that were taken."""
        return len(self._lanes) + len(self._taken)

    @property
    def empty(self) -> bool:
        """Whether nothing waits, neither in memory nor on disk."""
        return not self.behind and not len(self._lanes)

    @property
    def depth(self) -> int:
        """How many records are not settled."""
        if self._outbox is None:
            return len(self._places)
        memory = sum(place is not Place.DISK for place in self._places.values())
        return memory + max(0, self._outbox.state.records - self._outbox.unremoved)

    @property
    def outbox(self) -> OutboxState:
        """How the outbox stands."""
        return self._outbox.state if self._outbox is not None else OutboxState()

    @property
    def commits(self) -> Histogram:
        """Seconds that it took to write a group down; empty without an outbox."""
        return self._outbox.commits if self._outbox is not None else Histogram(())

    @property
    def last_number(self) -> int:
        """The number of the newest record."""
        return self._lanes.last_number

    @property
    def oldest_number(self) -> int | None:
        """The number of the record that waits longest, or one before it."""
        first = self._lanes.oldest_number
        known = [*([] if first is None else [first]), *(number for number, _ in self._taken[:1]), *self._leaving]
        return min(known + [self._read_upto] * self.behind, default=None)

    @property
    def behind(self) -> bool:
        """Whether there is anything on disk that memory does not hold."""
        return self._read_upto < self._spilled_upto

    # ------------------------------------------------------------ in

    async def open(self) -> int:
        """Claim what earlier processes left; return how many records wait."""
        if self._outbox is not None:
            await self._outbox.open()
            await self._catch_up()
            self._rescue()
        return self.depth

    def put(self, record: Record) -> int | None:
        """Take a record; return the number of the one that stands for it, if any waits."""
        placed = self._lanes.put(record)
        self.filled.set()
        if placed.replaced is not None:
            self._places.pop(placed.replaced, None)
        if placed.new and placed.number is not None:
            queued = self._outbox is not None and self._outbox.append(placed.number, record)
            self._places[placed.number] = Place.QUEUED if queued else Place.MEMORY
            self.unkept += not queued
        if placed.evicted is not None:
            self._evict(placed.evicted)
        return placed.number

    async def kept(self, numbers: list[int | None]) -> None:
        """Wait until the records of these numbers are on disk, or it is known that they cannot be."""
        if self._outbox is None or not self._queued(numbers):
            return
        await self._outbox.written()
        for places, number in self._queued(numbers):
            places[number] = Place.LATE
            self.unkept += 1

    def _queued(self, numbers: list[int | None]) -> list[tuple[dict[int, Place], int]]:
        every = (self._places, self._leaving)
        return [(places, n) for n in numbers if n for places in every if places.get(n) is Place.QUEUED]

    def _evict(self, number: int) -> None:
        match self._places.pop(number):
            case Place.DISK:
                self._spill(number, number)
            case Place.QUEUED | Place.LATE as place:
                self._leaving[number] = place
            case Place.MEMORY:
                self.dropped += 1

    def _spill(self, first: int, last: int) -> None:
        """Note that there are records on disk, between two numbers, that memory does not hold."""
        self._read_upto = min(self._read_upto, first - 1) if self.behind else first - 1
        self._spilled_upto = max(self._spilled_upto, last)
        self.filled.set()

    def _written(self, numbers: Iterable[int], kept: bool) -> None:
        for number in numbers:
            if number in self._leaving:
                place = self._leaving.pop(number)
                self.unkept += not kept and place is Place.QUEUED
                self.dropped += not kept
                self.filled.set()  # who waits for it must look again
                if kept:
                    self._spill(number, number)
            elif number in self._places:
                self.unkept += not kept and self._places[number] is Place.QUEUED
                self._places[number] = Place.DISK if kept else Place.MEMORY

    def _lost(self) -> None:
        """Write down again what memory holds: the file of it is gone."""
        self._places = {n: Place.MEMORY if place is Place.DISK else place for n, place in self._places.items()}
        self._rescue()

    def _rescue(self) -> None:
        """Try once more to write down what only memory holds."""
        if self._outbox is None:
            return
        for number, record in [*self._taken, *self._lanes]:
            # It stays MEMORY until it is written: it was counted as unkept, and is not counted twice.
            if self._places.get(number) is Place.MEMORY and not self._outbox.append(number, record):
                return

    # ------------------------------------------------------------ out

    async def take(self, count: int) -> list[Numbered]:
        """Remove from what waits and return the oldest records, about ``count``; they must be settled."""
        self._taken = await self._next(count)
        return self._taken

    async def _next(self, count: int) -> list[Numbered]:
        if not self.behind or self._outbox is None:
            return self._lanes.take(count)
        after, upto = self._read_upto, self._spilled_upto
        read = await self._outbox.read(after, upto, count)
        self.blocked = read is None
        if read is None:
            return self._lanes.take(count)
        rows, last = read
        if self._read_upto == after:
            self._read_upto = last if last is not None else upto
        return self._merged(rows, self._lanes.take(count, last if last is not None else upto))

    def _merged(self, rows: list[Numbered], waiting: list[Numbered]) -> list[Numbered]:
        """Return rows of the disk and records of memory in one order; what is in both is memory's, the newer."""
        merged = {number: record for number, record in rows if number not in self._places}
        self._places.update(dict.fromkeys(merged, Place.DISK))
        merged.update(waiting)
        return [Numbered(number, merged[number]) for number in sorted(merged)]

    def settle(self) -> None:
        """Forget what was taken: the store has it, or never will."""
        for number, record in self._taken:
            self._places.pop(number, None)
            if self._outbox is not None:
                self._outbox.confirm(key_of(record), number)
        self._taken = []

    async def forget(self, call_id: str) -> None:
        """Remove everything of a call."""
        for number, _ in self._lanes.remove(lambda waiting: waiting.record.call_id == call_id):
            self._places.pop(number, None)
        if self._outbox is not None:
            await self._outbox.forget(call_id)

    async def sweep(self) -> None:
        """Give up what is too old, and find what nobody is about to save."""
        if self._outbox is None:
            return
        old, came = await self._outbox.sweep()
        gone = set(old)
        for number, _ in self._lanes.remove(lambda waiting: waiting.number in gone) if gone else ():
            self._places.pop(number, None)
        self._rescue()
        first = await self._outbox.first()
        stuck = first is not None and first == self._first and first not in self._places
        self._first = first
        if came or (stuck and not self.behind):
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Read everything on disk again, from its beginning."""
        first = await self._outbox.first() if self._outbox is not None else None
        if first is not None:
            self._spill(first, max(0, self._lanes.last_number))

    async def close(self) -> int:
        """Write down what can be; return how many records neither the store nor the disk has."""
        if self._outbox is None:
            return len(self._places)
        self._rescue()
        await self._outbox.close()
        return sum(place is not Place.DISK for place in self._places.values())
