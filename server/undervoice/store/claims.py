"""Which outbox file is this process's: the first that no other holds, and whole.

A file belongs to whoever has SQLite's exclusive lock on it, which ends with the process, however
that ends. So nothing can be claimed twice, and what a dead process left is free.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

log = logging.getLogger("undervoice.store")

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY, call_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    at REAL NOT NULL, body BLOB NOT NULL, UNIQUE (call_id, kind, id)
);
CREATE INDEX IF NOT EXISTS records_by_age ON records (at);
CREATE TABLE IF NOT EXISTS unreadable (
    number INTEGER PRIMARY KEY, call_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    at REAL NOT NULL, body BLOB
);
"""
JOURNAL_PAGES = 1000
"""Pages in the write-ahead log before they are moved to the file; SQLite's own default."""
MOST_FILES = 1000
"""Servers on one state folder; more names are not tried."""


SHRINK_PAGES = 2000
"""Pages from which on an emptied file is made small again."""


class Locked(Exception):
    """Another process holds the file."""


def claim(path: Path, limit_bytes: int, *, full_sync: bool) -> tuple[Path, sqlite3.Connection]:
    """Open the first outbox file that is free, and make it if it is not there; a corrupt one is set aside.

    Raises:
        sqlite3.Error, OSError: none can be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in names(path):
        try:
            return name, connect(name, limit_bytes, full_sync=full_sync)
        except Locked:
            continue
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            set_aside(name)
            return name, connect(name, limit_bytes, full_sync=full_sync)
    raise OSError(f"{path}: {MOST_FILES} servers share this folder already")


def names(path: Path) -> Iterator[Path]:
    """Return ``outbox.db``, ``outbox-1.db`` and so on."""
    yield path
    for number in count(1):
        if number >= MOST_FILES:
            return
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def siblings(path: Path) -> list[Path]:
    """Return the outbox files beside each other, whoever holds them."""
    pattern = re.compile(rf"{re.escape(path.stem)}(-\d+)?{re.escape(path.suffix)}")
    return sorted(found for found in path.parent.iterdir() if pattern.fullmatch(found.name))


def connect(path: Path, limit_bytes: int, *, full_sync: bool) -> sqlite3.Connection:
    """Open and lock one file, and check that it is whole.

    Raises:
        Locked: another process holds it.
        sqlite3.Error, OSError: it cannot be opened, or is no such file.
    """
    # Never opened and closed beside SQLite: that would let go of the locks that this process has on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    path.chmod(0o600)
    db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        _set_up(db, limit_bytes, full_sync=full_sync)
    except BaseException as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError) and code_of(error) == sqlite3.SQLITE_BUSY:
            raise Locked(str(path)) from None
        raise
    return db


def _set_up(db: sqlite3.Connection, limit_bytes: int, *, full_sync: bool) -> None:
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN EXCLUSIVE")
    db.execute("COMMIT")
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    db.executescript(SCHEMA)
    (page,) = db.execute("PRAGMA page_size").fetchone()
    pages = max(64, limit_bytes // page)
    db.execute(f"PRAGMA max_page_count = {pages}")
    db.execute(f"PRAGMA wal_autocheckpoint = {min(JOURNAL_PAGES, pages // 4)}")
    db.execute(f"PRAGMA journal_size_limit = {min(JOURNAL_PAGES, pages // 4) * page}")
    db.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    db.execute("PRAGMA secure_delete = ON")  # what was erased must not be found in the file's free pages


def shrink(db: sqlite3.Connection) -> None:
    """Give the disk back what an emptied file holds."""
    with suppress(sqlite3.Error):
        (left,) = db.execute("SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM unreadable)").fetchone()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        if not left and pages > SHRINK_PAGES:
            db.execute("VACUUM")


def set_aside(path: Path) -> None:
    """Rename a corrupt file and its journal, so that somebody can look at them."""
    suffix = f".corrupt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
    for part in ("", "-wal", "-shm", "-journal"):
        old = path.with_name(path.name + part)
        with suppress(FileNotFoundError):
            old.rename(path.with_name(path.name + suffix + part))
    log.error("the outbox %s was corrupt: it now is %s%s, and a new one is made", path, path.name, suffix)


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether an error says that a file is damaged, or never was a database."""
    return code_of(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
