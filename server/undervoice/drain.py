"""How a server goes: no new calls, those that run move elsewhere, and then it may stop."""

from __future__ import annotations

import asyncio
import logging

from undervoice.errors import GoingAway
from undervoice.live import LiveCalls

log = logging.getLogger("undervoice")

LAST_WORDS_SEC = 5.0
"""What calls get beyond the time for moving, to score what was cut and to close."""


class Drain:
    """Whether this server is being stopped, and what it does about its calls."""

    def __init__(self, live: LiveCalls, deadline_sec: float) -> None:
        self._live, self._deadline_sec = live, deadline_sec
        self.begun = False
        """New calls are refused from now on, and readiness fails."""

    async def run(self) -> int:
        """Move every call elsewhere, and those who watch; return how many calls did not go in time."""
        self.begun = True
        self._live.feed.end(GoingAway("this server is being stopped", retry_after_ms=1000))
        if len(self._live):
            log.info("stopping: %d calls move within %.0f s", len(self._live), self._deadline_sec)
        claims = list(self._live.claims.values())
        for claim in claims:
            claim.holder.move(self._deadline_sec)
        try:
            async with asyncio.timeout(self._deadline_sec + LAST_WORDS_SEC):
                for claim in claims:
                    await claim.gone.wait()
        except TimeoutError:
            log.warning("%d calls did not end in time", len(self._live))
        return len(self._live)
