"""The tables of the SQLite store, as a list of migrations.

``PRAGMA user_version`` counts those already applied. A migration that was ever released is
never edited: append one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

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
    """
    -- Sums of final readings by hour, day and month of UTC (level 0, 1, 2), once for everybody (agent '') and once for
    -- each agent. What begun and peak mean, and how calls are counted by links, stands in hours.py.
    CREATE TABLE metric_sums (
        level INTEGER NOT NULL, agent_id TEXT NOT NULL, span TEXT NOT NULL, total INTEGER NOT NULL,
        uncertain INTEGER NOT NULL, upset INTEGER NOT NULL, confidence_sum REAL NOT NULL, emotions TEXT NOT NULL,
        peak TEXT NOT NULL, begun INTEGER NOT NULL,
        PRIMARY KEY (level, agent_id, span)
    ) WITHOUT ROWID;
    CREATE TABLE metric_hours (
        agent_id TEXT NOT NULL, call_hash INTEGER NOT NULL, hour TEXT NOT NULL,
        PRIMARY KEY (agent_id, call_hash, hour)
    ) WITHOUT ROWID;
    CREATE TABLE metric_links (
        agent_id TEXT NOT NULL, hour TEXT NOT NULL, before TEXT NOT NULL, calls INTEGER NOT NULL,
        PRIMARY KEY (agent_id, hour, before)
    ) WITHOUT ROWID;
    INSERT INTO metric_hours SELECT agent_id, call_hash, hour FROM metric_calls;
    INSERT INTO metric_links SELECT agent_id, hour, before, count(*) FROM (
        SELECT agent_id, hour, lag(hour) OVER (PARTITION BY agent_id, call_hash ORDER BY hour) AS before
        FROM metric_hours
    ) WHERE before IS NOT NULL GROUP BY agent_id, hour, before;
    INSERT INTO metric_sums
        SELECT level, agent_id, substr(hour, 1, length) AS span, sum(total), sum(uncertain), sum(upset),
            sum(confidence_sum), '{}', min(printf('%012d', 999999999999 - upset) || hour), 0
        FROM metrics CROSS JOIN (SELECT 0 AS level, 13 AS length UNION ALL VALUES (1, 10), (2, 7))
        GROUP BY level, agent_id, span;
    UPDATE metric_sums SET emotions = (
        SELECT json_group_object(key, n) FROM (
            SELECT label.key AS key, sum(label.value) AS n
            FROM metrics AS m CROSS JOIN json_each(CAST(m.emotions AS TEXT)) AS label
            WHERE m.agent_id = metric_sums.agent_id AND m.hour BETWEEN metric_sums.span AND metric_sums.span || '~'
            GROUP BY label.key
        )
    );
    UPDATE metric_sums SET begun = (
        SELECT count(*) FROM metric_calls AS c
        WHERE c.agent_id = metric_sums.agent_id AND c.hour BETWEEN metric_sums.span AND metric_sums.span || '~'
    ) - (
        SELECT coalesce(sum(calls), 0) FROM metric_links AS l
        WHERE l.agent_id = metric_sums.agent_id AND l.hour BETWEEN metric_sums.span AND metric_sums.span || '~'
    );
    DROP TABLE metric_calls;
    DROP TABLE metrics;
    """,
    """
    -- Readings in the order in which they were stored, for followers. (Row numbers are used again.)
    ALTER TABLE segments ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX segments_by_number ON segments (number);
    CREATE TABLE log_end (number INTEGER NOT NULL);
    INSERT INTO log_end VALUES (0);
    CREATE INDEX segments_by_agent_and_emotion ON segments (agent_id, detected_emotion, at, segment_id);

    -- What calls are looked for by.
    ALTER TABLE calls ADD COLUMN upset_sec REAL NOT NULL DEFAULT 0;
    ALTER TABLE calls ADD COLUMN priority REAL NOT NULL DEFAULT 0;
    ALTER TABLE calls ADD COLUMN alerted INTEGER NOT NULL DEFAULT 0;
    UPDATE calls SET
        upset_sec = coalesce(json_extract(CAST(body AS TEXT), '$.mood.upset_sec'), 0),
        priority = coalesce(json_extract(CAST(body AS TEXT), '$.mood.priority'), 0),
        alerted = EXISTS (SELECT 1 FROM alerts WHERE alerts.call_id = calls.call_id);
    DROP INDEX calls_by_time;
    DROP INDEX calls_by_agent;
    DROP INDEX calls_live;
    CREATE INDEX calls_by_time ON calls (at, call_id, upset_sec, priority, live, alerted);
    CREATE INDEX calls_by_agent ON calls (agent_id, at, call_id, upset_sec, priority, live, alerted);
    CREATE INDEX calls_by_live ON calls (at, call_id, upset_sec, priority, live, alerted) WHERE live;
    CREATE INDEX calls_by_alerted ON calls (at, call_id, upset_sec, priority, live, alerted) WHERE alerted;
    """,
    """
    -- Who waits, and who was served lately: the number of whoever came last.
    CREATE TABLE queue (
        call_id TEXT PRIMARY KEY, at TEXT NOT NULL, arrival INTEGER NOT NULL, left_at TEXT, served INTEGER,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX queue_by_time ON queue (at);
    CREATE INDEX queue_waiting ON queue (arrival) WHERE left_at IS NULL;
    CREATE INDEX queue_served ON queue (left_at) WHERE served;
    CREATE TABLE queue_arrivals (newest INTEGER NOT NULL);
    INSERT INTO queue_arrivals VALUES (0);
    """,
    """
    CREATE TABLE hint_feedback (alert_id TEXT PRIMARY KEY, call_id TEXT NOT NULL, at TEXT NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
    CREATE INDEX hint_feedback_by_call ON hint_feedback (call_id);
    CREATE INDEX hint_feedback_by_time ON hint_feedback (at);
    """,
]


def _statements(migration: str) -> Iterator[str]:
    """Yield a migration's statements, each of which ends with its line; comments may have semicolons."""
    statement = ""
    for line in migration.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    yield statement  # the last may do without


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
            for statement in _statements(MIGRATIONS[version]) if version < len(MIGRATIONS) else ():
                db.execute(statement)
            version += version < len(MIGRATIONS)
            db.execute(f"PRAGMA user_version = {version:d}")
