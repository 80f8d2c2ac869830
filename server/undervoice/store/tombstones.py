"""What an erased call leaves behind, and what is too old to be stored: the rules that both backends share."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from undervoice.store.cursors import instant


def tombstone(call_id: str) -> str:
    """Return what stands for an erased call: a hash, since the id may name a person."""
    return hashlib.sha256(call_id.encode()).hexdigest()


def now() -> str:
    """Return this moment (``cursors.instant``)."""
    return instant(datetime.now(UTC).isoformat())


def horizon(retention_days: int) -> str | None:
    """Return the moment before which nothing is kept, or ``None`` without retention (0 days)."""
    if not retention_days:
        return None
    return instant((datetime.now(UTC) - timedelta(days=retention_days)).isoformat())


def expiry(begun: str, retention_days: int) -> datetime | None:
    """Return when what began at a moment is to be gone, or ``None`` without retention (0 days)."""
    return datetime.fromisoformat(begun) + timedelta(days=retention_days) if retention_days else None
