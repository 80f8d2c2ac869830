"""The queue in service: who waits is in the store, so that all servers and restarts know it; the order is made here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from undervoice.errors import Forbidden, Overloaded
from undervoice.polarity import Words
from undervoice.readings import rfc3339
from undervoice.store import MOST_WAITING, QueueState, Store
from undervoice.triage import Weights, place, priority, service_sec, still_pass, words_points
from undervoice.wall import QueuedCaller, WaitingCaller, WaitingPage, Weighting


def _now() -> datetime:
    return datetime.now(UTC)


class WaitingLine:
    """Lets callers in, orders them, and lets them go.

    Args:
        store: where they are kept.
        weights: what counts how much.
        longest_hours: how long anybody is thought to wait; then they are forgotten.
        now: tells the time, in UTC.
    """

    def __init__(
        self, store: Store, weights: Weights, longest_hours: int, *, now: Callable[[], datetime] = _now
    ) -> None:
        self._store, self._weights, self._now = store, weights, now
        self._longest = timedelta(hours=longest_hours)
        self._words = Words()

    async def join(self, caller: QueuedCaller, text: str | None) -> WaitingCaller:
        """Let a caller in, or renew one who waits already, and return where it stands.

        Raises:
            Forbidden: the call was erased.
            Overloaded: ``queue_full``.
            StoreDown: nobody can tell who waits.
        """
        now = self._now()
        polarity = await self._words.polarity(text) if text else None
        caller = msgspec.structs.replace(caller, polarity=polarity, arrived_at=rfc3339(now))
        since = rfc3339(now - self._longest)
        if len((await self._store.queue(since)).waiting) >= MOST_WAITING:
            raise Overloaded("too many wait already", code="queue_full")
        known = await self._store.enqueue(caller, since)
        if known is None:
            raise Forbidden("a call of this id was erased", code="call_erased")
        state = await self._store.queue(since)
        everybody = self._ordered(state, now)
        here = [waiting for waiting in everybody if waiting.call_id == known.call_id]
        # Somebody quick may have served it already; then this is where it stood.
        return here[0] if here else self._ordered(QueueState(known.arrival, [known], state.services), now)[0]

    async def leave(self, call_id: str, *, served: bool) -> bool:
        """Let a caller go; return whether it waited. Who was served counts for the time estimate."""
        return await self._store.dequeue(call_id, rfc3339(self._now()), served=served)

    async def page(self, limit: int) -> WaitingPage:
        """Return the front of the queue."""
        now, weights = self._now(), self._weights
        state = await self._store.queue(rfc3339(now - self._longest))
        return WaitingPage(
            items=self._ordered(state, now)[:limit],
            waiting=len(state.waiting),
            bound=weights.bound,
            weights=Weighting(upset=weights.upset, arousal=weights.arousal, words=weights.words, step=weights.step),
            service_sec=_measured(state),
            services=len(state.services),
        )

    def _ordered(self, state: QueueState, now: datetime) -> list[WaitingCaller]:
        every_sec = _measured(state)
        scored = [(self._score(caller), caller) for caller in state.waiting]
        scored.sort(key=lambda one: place(one[0], one[1].arrival, self._weights))
        return [
            self._placed(caller, score, position, state.newest, every_sec, now)
            for position, (score, caller) in enumerate(scored, 1)
        ]

    def _score(self, caller: QueuedCaller) -> float:
        words = words_points(caller.polarity or 0.0, self._weights)
        return priority(caller.upset_score, caller.arousal, words, weights=self._weights)

    def _placed(
        self, caller: QueuedCaller, score: float, position: int, newest: int, every_sec: float | None, now: datetime
    ) -> WaitingCaller:
        words = words_points(caller.polarity or 0.0, self._weights)
        age = self._weights.step * (newest - caller.arrival)
        may_pass = still_pass(score, caller.arrival, newest, self._weights)
        return WaitingCaller(
            **msgspec.structs.asdict(caller),
            position=position,
            priority=priority(caller.upset_score, caller.arousal, words, age, weights=self._weights),
            score=score,
            words=words,
            age=age,
            waited_sec=round(max(0.0, (now - datetime.fromisoformat(caller.arrived_at)).total_seconds()), 1),
            may_pass=may_pass,
            wait_sec=None if every_sec is None else round(position * every_sec, 1),
            longest_wait_sec=None if every_sec is None else round((position + may_pass) * every_sec, 1),
        )


def _measured(state: QueueState) -> float | None:
    """Return the time between two services, in seconds, where enough of them are known."""
    times = [
        (datetime.fromisoformat(one.arrived_at).timestamp(), datetime.fromisoformat(one.left_at).timestamp())
        for one in state.services
    ]
    every_sec = service_sec(times)
    return None if every_sec is None else round(every_sec, 1)
