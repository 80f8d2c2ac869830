"""What a supervisor looks at, and from where.

A floor of live calls on a real server, in which nobody speaks: the wall is told of them as of any other.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import pytest
from playwright.sync_api import Page

from tests.browser.audit import audit
from tests.browser.boards import fitting, picture
from tests.servers import Server
from undervoice.live import Claim
from undervoice.messages import Mood, MoodState, Severity, Totals
from undervoice.places import board_folder
from undervoice.readings import rfc3339
from undervoice.resources import Call, LoggedAlert
from undervoice.triage import priority

BUILT = pytest.mark.skipif(not (board_folder() / "index.html").is_file(), reason="the board is not built: make board")
T = TypeVar("T")
MESSAGES: dict[str, tuple[Severity, str]] = {
    "sustained_upset": ("warning", "The customer has sounded upset for 10 seconds."),
    "long_upset": ("critical", "The customer has sounded upset for 30 seconds: offer a supervisor."),
    "sudden_drop": ("warning", "The customer's mood has just turned for the worse."),
    "recovered": ("info", "The customer sounds calm again."),
    "noisy_line": ("info", "The line is noisy: readings are less sure."),
}


@dataclass
class Seat:
    """Where a supervisor looks from."""

    url: str
    token: str


def seat(server: Server) -> Seat:
    """Return a supervisor's seat at a server."""
    return Seat(server.url, server.token("supervisor"))


WIDTHS = (220, 360, 800, 1280, 1920)


def looked_at(page: Page, name: str) -> None:
    """Hold what a page shows to what everybody needs, light, dark and on a phone, and to every width; keep pictures."""
    for look, (width, height) in {"light": (1280, 900), "dark": (1280, 900), "phone": (360, 740)}.items():
        page.emulate_media(color_scheme="dark" if look == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(350)  # what glides has come to rest
        audit(page)
        picture(page, f"{name}-{look}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        fitting(page)


class Nobody:
    """Holds a call that nobody speaks in."""

    def end(self, error: Exception) -> None:
        """Do nothing."""

    def move(self, deadline_sec: float) -> None:
        """Do nothing."""


class Floor:
    """Begins, changes and ends calls, in the server's own loop."""

    def __init__(self, server: Server) -> None:
        self._live = server.service.live
        (self._loop,) = {task.get_loop() for task in server.service.writer._tasks}
        self._claims: dict[str, Claim] = {}
        self._numbers = itertools.count()

    def do(self, work: Callable[[], T]) -> T:
        """Do something where the calls live."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def begin(self, call_id: str, agent_id: str | None = "a-1") -> None:
        """Let a call begin."""

        def work() -> None:
            claim = self._claims[call_id] = self._live.claim(call_id, Nobody())
            claim.update(Call(call_id, agent_id, "call", live=True, started_at=rfc3339(datetime.now(UTC))))

        self.do(work)

    def mood(
        self, call_id: str, state: MoodState, upset: float, trend: float = 0.0, sec: float = 0.0, at: float = 60.0
    ) -> None:
        """Give a call a mood; ``sec`` are its seconds upset, ``at`` is how far it has been heard."""
        arousal = 0.3 + 0.5 * upset
        mood = Mood(state, 1.0, upset, sec, trend, priority(upset, arousal), arousal)
        self._change(call_id, mood=mood, totals=Totals(audio_sec=at))

    def alert(self, call_id: str, rule: str, at: float = 60.0) -> None:
        """Raise an alert in a call."""
        severity, message = MESSAGES[rule]
        agent = self._call(call_id).agent_id
        alert = LoggedAlert(
            f"{call_id}:{rule}:{next(self._numbers)}", call_id, agent, rule, severity, message, [], at,
            rfc3339(datetime.now(UTC)),
        )  # fmt: skip
        self._change(call_id, alerts=[*self._call(call_id).alerts, alert])

    def end(self, call_id: str) -> None:
        """Let a call end."""
        last = _with(self._call(call_id), live=False, ended_at=rfc3339(datetime.now(UTC)), reason="stopped")
        self.do(lambda: self._claims.pop(call_id).release(last))

    def _call(self, call_id: str) -> Call:
        call = self._claims[call_id].call
        assert call is not None
        return call

    def _change(self, call_id: str, **changes: Any) -> None:
        self.do(lambda: self._claims[call_id].update(_with(self._call(call_id), **changes)))


def _with(call: Call, **changes: Any) -> Call:
    return msgspec.structs.replace(call, **changes)
