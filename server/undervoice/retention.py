"""Letting what is old expire: a sweep of the store at start and once an hour."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from undervoice.readings import rfc3339
from undervoice.store import Store

log = logging.getLogger("undervoice.retention")

HOUR_SEC = 3600.0
JITTER_SEC = 60.0
"""The first sweep comes within this time: replicas that start together do not sweep together."""


def _now() -> datetime:
    return datetime.now(UTC)


async def sweep_hourly(
    store: Store,
    days: int,
    *,
    now: Callable[[], datetime] = _now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Let expire what started more than so many days ago, again and again; 0 days: nothing ever.

    A store that cannot be swept is swept an hour later: retention never fails the service.
    """
    if not days:
        return
    await sleep(random.uniform(0, JITTER_SEC))  # noqa: S311 - spreads load, no secret
    while True:
        try:
            gone = await store.expire(rfc3339(now() - timedelta(days=days)))
        except Exception as error:
            # The message could quote what was to go, so only its kind is logged.
            log.warning("what is older than %d days could not be removed: %s", days, type(error).__name__)
        else:
            if gone:
                log.info("%d calls older than %d days were removed", gone, days)
        await sleep(HOUR_SEC)
