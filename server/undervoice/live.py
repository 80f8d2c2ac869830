"""Which calls are going on in this process, and which have just ended."""

from __future__ import annotations

from collections import OrderedDict

from undervoice.errors import CallExists
from undervoice.resources import Call

RECENT = 4096
"""Ended calls that are still known here, since their records may not have reached the store yet."""


class LiveCalls:
    """The calls of this process by id."""

    def __init__(self) -> None:
        self._live: dict[str, Call | None] = {}
        self._ended: OrderedDict[str, Call] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def reserve(self, call_id: str) -> None:
        """Claim an id for a call that is about to start.

        Raises:
            CallExists: when the call is going on, or was until a moment ago.
        """
        if call_id in self._live or call_id in self._ended:
            raise CallExists(f"call {call_id} exists already")
        self._live[call_id] = None

    def update(self, call: Call) -> None:
        """Take the call's newest state."""
        self._live[call.call_id] = call

    def release(self, call_id: str, ended: Call | None = None) -> None:
        """Let go of a call; ``ended`` is its last state, ``None`` if it never started."""
        self._live.pop(call_id, None)
        if ended is not None:
            self._ended[call_id] = ended
            while len(self._ended) > RECENT:
                self._ended.popitem(last=False)

    def get(self, call_id: str) -> Call | None:
        """Return a live or just ended call's newest state."""
        return self._live.get(call_id) or self._ended.get(call_id)

    def all(self) -> list[Call]:
        """Return the live calls, newest first."""
        calls = [call for call in self._live.values() if call is not None]
        return sorted(calls, key=lambda call: (call.started_at, call.call_id), reverse=True)
