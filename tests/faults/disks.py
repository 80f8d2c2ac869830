"""A disk that can be filled: a small tmpfs where this user may mount one, else a limit on the size of files."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_MB = 8
BLOCK = 4096


class Disk:
    """A folder for an outbox, and the filler that takes the rest of its room."""

    kind = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        """Leave no room for whatever this process wants to write."""
        with (self.folder / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                os.write(filler.fileno(), bytes(BLOCK))

    def free(self) -> None:
        """Make room again, for processes that start from now on."""
        (self.folder / "filler").unlink()


class Quota(Disk):
    """Files of a process may not grow past what is written already."""

    kind = "file size limit"

    def fill(self, pid: int) -> None:
        """Leave no room for whatever this process wants to write."""
        largest = max(path.stat().st_size for path in self.folder.iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self) -> None:
        """Nothing holds a process that starts from now on."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Give a disk that a test may fill."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield Quota(folder)
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep a SQLite store from taking anything, as another program that holds it would."""
    db = sqlite3.connect(database, isolation_level=None, timeout=10)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()
