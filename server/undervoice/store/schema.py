"""The tables of the SQLite store, as a list of migrations.

``PRAGMA user_version`` counts those already applied. A migration that was ever released is
never edited: append one.
"""

from __future__ import annotations

import sqlite3

MIGRATIONS: list[str] = [
    """
    CREATE TABLE calls (
        call_id TEXT PRIMARY KEY, agent_id TEXT, at TEXT NOT NULL, live INTEGER NOT NULL, body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX calls_by_time ON calls (at, call_id);
    CREATE INDEX calls_by_agent ON calls (agent_id, at, call_id);
    CREATE INDEX calls_live ON calls (at, call_id) WHERE live;

    CREATE TABLE segments (
        segment_id TEXT PRIMARY KEY, call_id TEXT NOT NULL, agent_id TEXT, at TEXT NOT NULL,
        start_offset_sec REAL NOT NULL, detected_emotion TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX segments_by_call ON segments (call_id, start_offset_sec);
    CREATE INDEX segments_by_time ON segments (at, segment_id);
    CREATE INDEX segments_by_agent ON segments (agent_id, at, segment_id);
    CREATE INDEX segments_by_emotion ON segments (detected_emotion, at, segment_id);

    CREATE TABLE alerts (alert_id TEXT PRIMARY KEY, call_id TEXT NOT NULL, at TEXT NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
    CREATE INDEX alerts_by_call ON alerts (call_id);

    CREATE TABLE feedback (segment_id TEXT PRIMARY KEY, call_id TEXT NOT NULL, at TEXT NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
    CREATE INDEX feedback_by_call ON feedback (call_id);

    -- One row an hour of UTC and agent ('' is everybody), and the calls that were counted in it.
    CREATE TABLE metrics (
        agent_id TEXT NOT NULL, hour TEXT NOT NULL, total INTEGER NOT NULL, uncertain INTEGER NOT NULL,
        upset INTEGER NOT NULL, confidence_sum REAL NOT NULL, emotions BLOB NOT NULL,
        PRIMARY KEY (agent_id, hour)
    ) WITHOUT ROWID;
    CREATE TABLE metric_calls (
        agent_id TEXT NOT NULL, hour TEXT NOT NULL, call_hash INTEGER NOT NULL,
        PRIMARY KEY (agent_id, hour, call_hash)
    ) WITHOUT ROWID;
    """,
    """
    -- What was erased, by a hash of its id, so that it is never stored again.
    CREATE TABLE tombstones (call_hash TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX tombstones_by_time ON tombstones (at);
    CREATE INDEX alerts_by_time ON alerts (at);
    CREATE INDEX feedback_by_time ON feedback (at);
    """,
]


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database to the newest version, each step in its own transaction.

    Raises:
        sqlite3.DatabaseError: when the file is newer than this program, or is no database.
    """
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"written by a newer version (schema {version}, this one knows {len(MIGRATIONS)})")
    while version < len(MIGRATIONS):
        db.execute("BEGIN IMMEDIATE")
        with db:
            # Another worker may have been faster while this one waited for the lock.
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for statement in MIGRATIONS[version].split(";") if version < len(MIGRATIONS) else ():
                db.execute(statement)
            version += version < len(MIGRATIONS)
            db.execute(f"PRAGMA user_version = {version:d}")
