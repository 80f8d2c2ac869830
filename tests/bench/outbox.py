"""What it costs a call to have its reading written down first, beside the bare limit of the same disk.

    .venv/bin/python tests/bench/outbox.py [RECORDS]

``keep`` as calls use it: one after the other, and 200 calls at once; with the store confirming what came, so
that the file stays small. Beside it ``sqlite3`` alone in the same journal mode: a row and a commit each, and
200 rows a commit, without a thread, an event loop or anything removed again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.store.records import segment  # noqa: E402

from undervoice.store import Record, Store  # noqa: E402
from undervoice.store.outbox import Outbox  # noqa: E402
from undervoice.store.writer import Writer  # noqa: E402

CALLERS = 200


class Confirming(Store):
    """Takes everything at once: what is measured is the outbox."""

    async def save(self, records: list[Record]) -> None:
        pass


async def one_after_the_other(writer: Writer, count: int) -> list[float]:
    """Return microseconds of each ``keep``."""
    return [await keep(writer, f"c-{n}") for n in range(count)]


async def all_at_once(writer: Writer, count: int) -> list[float]:
    """Return microseconds of each ``keep`` of callers who each keep one record after the other."""
    took: list[float] = []

    async def call(number: int) -> None:
        for n in range(count // CALLERS):
            took.append(await keep(writer, f"c-{number}-{n}"))

    await asyncio.gather(*(call(number) for number in range(CALLERS)))
    return took


async def keep(writer: Writer, call_id: str) -> float:
    record = segment(0, call_id)
    began = time.perf_counter()
    await writer.keep([record])
    return (time.perf_counter() - began) * 1e6


async def measured(path: Path, count: int, full_sync: bool) -> dict[str, tuple[list[float], float]]:
    """Return the microseconds of each ``keep`` and those of the whole run, by way of calling."""
    writer = Writer(Confirming(), Outbox(path, full_sync=full_sync))
    await writer.open()
    found = {}
    for name, run in {"alone": one_after_the_other, f"{CALLERS} at once": all_at_once}.items():
        began = time.perf_counter()
        took = await run(writer, count)
        found[name] = took, (time.perf_counter() - began) * 1e6
    assert writer.unkept == 0, writer.outbox
    await writer.close()
    return found


def bare_us(path: Path, count: int, full_sync: bool, rows: int) -> float:
    """Return the microseconds a row of ``sqlite3`` alone, with so many rows a commit."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    db.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB)")
    body = msgspec.json.encode(segment())
    began = time.perf_counter()
    for at in range(0, count, rows):
        db.execute("BEGIN")
        db.executemany("INSERT INTO records VALUES (?, ?)", [(at + n, body) for n in range(rows)])
        db.execute("COMMIT")
    took = time.perf_counter() - began
    db.close()
    return took / count * 1e6


def main() -> None:
    count = int(sys.argv[1]) // CALLERS * CALLERS if len(sys.argv) > 1 else 4000
    with tempfile.TemporaryDirectory() as folder:
        for full_sync in (False, True):
            name = "full" if full_sync else "normal"
            bare = {
                "alone": bare_us(Path(folder, f"{name}-1"), count, full_sync, 1),
                f"{CALLERS} at once": bare_us(Path(folder, f"{name}-{CALLERS}"), count, full_sync, CALLERS),
            }
            found = asyncio.run(measured(Path(folder, name), count, full_sync))
            for way, (took, whole) in found.items():
                p50, p99 = np.percentile(took, [50, 99])
                each = whole / count
                print(
                    f"fsync {name:6}  {way:11}  p50 {p50:7.0f} µs  p99 {p99:7.0f} µs  {each:6.1f} µs a record; "
                    f"bare sqlite3 {bare[way]:6.1f} µs, {each / bare[way]:.1f} times that"
                )


if __name__ == "__main__":
    main()
