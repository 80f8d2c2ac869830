"""What dead processes left in files beside the own one: taken over, so that nothing stays behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from undervoice.store.claims import Locked, connect, is_corrupt, set_aside, shrink, siblings
from undervoice.store.groups import Row
from undervoice.store.spool import AT_ONCE


class Leftover:
    """An outbox file that no process holds: held by this one as long as this lives."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def newest(self) -> list[Row]:
        """Return its newest rows, the newest first."""
        sql = "SELECT * FROM records ORDER BY number DESC LIMIT ?"
        return self._db.execute(sql, (AT_ONCE,)).fetchall()

    def remove(self, rows: list[Row]) -> None:
        """Remove rows that ``newest`` returned: only once they are safe elsewhere.

        A death in between repeats them, which stores do not mind.
        """
        self._db.execute("DELETE FROM records WHERE number >= ?", (rows[-1][0],))

    def close(self) -> None:
        """Let go of the file."""
        shrink(self._db)
        self._db.close()


def leftovers(path: Path, own: Path) -> list[Path]:
    """Return the files beside the own one, whoever holds them; ``path`` is the first name of all."""
    return [other for other in siblings(path) if other != own] if path.parent.is_dir() else []


def hold(other: Path) -> Leftover | None:
    """Return a file that is free and holds anything; one that is corrupt is set aside."""
    try:
        db = connect(other, 0, full_sync=False)
    except Locked:
        return None
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error) and is_corrupt(error):
            set_aside(other)
        return None
    if db.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None:
        with closing(db):
            return None
    return Leftover(db)
