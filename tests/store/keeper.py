"""A process that keeps readings while its store is down, and says which it has kept: to be killed.

    python -m tests.store.keeper OUTBOX ROUND [MOST_BYTES_A_FILE]

Fifty calls at once, each one reading after the other. A line on standard output is a reading's id, written
once ``keep`` has returned; with a bound on files, lines of figures follow, and the process ends by itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
from pathlib import Path

from tests.store.ledgers import Ledger
from tests.store.records import segment
from undervoice.store.outbox import Outbox
from undervoice.store.writer import Writer

CALLS = 50


async def keep(path: Path, name: str, most: int | None) -> None:
    store = Ledger(":memory:")
    store.down = True
    writer = Writer(store, Outbox(path), capacity=200)
    await writer.open()
    say("ready")

    async def call(number: int) -> None:
        for n in range(10 if most else 100_000):
            reading = segment(n, f"c-{name}-{number}")
            before = writer.unkept
            await writer.keep([reading])
            if writer.unkept == before:
                say(reading.segment_id)
            await asyncio.sleep(0)

    await asyncio.gather(*(call(number) for number in range(CALLS)))
    say(f"unkept {writer.unkept} error {writer.outbox.error} full {writer.outbox.full}")
    await writer.close(0)


def say(line: str) -> None:
    """Write a line at once and whole: what is in a buffer dies with the process."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level="INFO", format="%(levelname)s %(message)s")
    most = int(sys.argv[3]) if len(sys.argv) > 3 else None
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    asyncio.run(keep(Path(sys.argv[1]), sys.argv[2], most))


if __name__ == "__main__":
    main()
