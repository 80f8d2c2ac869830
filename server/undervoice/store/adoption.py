"""What dead processes left in files beside the own one: taken over, so that nothing stays behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from undervoice.store.claims import Locked, connect, is_corrupt, set_aside, shrink, siblings
from undervoice.store.spool import Spool

MOVED = 1000
"""Rows taken over at a time."""


def adopt(spool: Spool, path: Path) -> int:
    """Move the records of files that no process holds into a process's own; return how many rows.

    Args:
        spool: the own file.
        path: the name from which those of all files are made.

    Raises:
        sqlite3.Error, OSError: the own file takes no more; the rest stays where it is.
    """
    taken = 0
    for other in siblings(path):
        if other == spool.path:
            continue
        try:
            db = connect(other, 0, full_sync=False)
        except Locked:
            continue
        except sqlite3.DatabaseError as error:
            if is_corrupt(error):
                set_aside(other)
            continue
        try:
            taken += _empty(db, spool)
        finally:
            shrink(db)
            db.close()
    return taken


def _empty(db: sqlite3.Connection, spool: Spool) -> int:
    taken = 0
    while rows := db.execute("SELECT * FROM records ORDER BY number DESC LIMIT ?", (MOVED,)).fetchall():
        spool.take_over(rows)
        # Only once they are safe in the own file: a death in between repeats records, which stores do not mind.
        db.execute("DELETE FROM records WHERE number >= ?", (rows[-1][0],))
        taken += len(rows)
    return taken
