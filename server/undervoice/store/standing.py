"""How the outbox stands, and from when on an operator should know."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

log = logging.getLogger("undervoice.store")

LASTING_SEC = 30.0
"""How long it must have worked for its next failure to be news again."""

FILLING = 0.8
"""Share of the size from which on an operator should know."""
OLD = 0.5
"""Share of the age limit from which on an operator should know."""

Trouble = Literal["failing", "full", "filling", "old"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """How the outbox stands; all zero where there is none."""

    records: int = 0
    bytes: int = 0
    limit_bytes: int = 0
    oldest_sec: float = 0.0
    """Age of the oldest record."""
    limit_sec: float = 0.0
    """Age at which a record is given up."""
    unkept: int = 0
    """Records so far that only memory held, since they could not be written down."""
    given_up: int = 0
    """Records so far that were not stored within the age limit."""
    unreadable: int = 0
    """Records so far that could not be read again."""
    error: str | None = None
    """Why it cannot be written, while that is so; names a path, so it is for logs."""
    full: bool = False
    """Whether that is for want of room."""

    @property
    def trouble(self) -> Trouble | None:
        """What to tell an operator, before anything is lost."""
        if self.error is not None:
            return "full" if self.full else "failing"
        if self.limit_bytes and self.bytes >= FILLING * self.limit_bytes:
            return "filling"
        return "old" if self.limit_sec and self.oldest_sec >= OLD * self.limit_sec else None


class Outage:
    """Tells the log of an outage once, and of its end once it lasts."""

    def __init__(self) -> None:
        self._seen_at: float | None = None

    def tell(self, error: str | None) -> None:
        """Take how the last piece of work went."""
        now = time.monotonic()
        if error is not None:
            if self._seen_at is None:
                log.error("the outbox cannot be written, new records live in memory only: %s", error)
            self._seen_at = now
        elif self._seen_at is not None and now - self._seen_at > LASTING_SEC:
            log.warning("the outbox can be written again")
            self._seen_at = None
