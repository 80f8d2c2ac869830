"""What the supervisor's board shows: who waits, and the calls that go on now (protocol §2)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from undervoice.messages import Mood
from undervoice.resources import Call
from undervoice.terms import Message, MoodState, Name, Severity

LONGEST_TEXT = 4096
Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]


class QueueRequest(Message, frozen=True):
    """A known call that waits, and what was said in it."""

    call_id: Name
    text: Text | None = None
    """A transcript, in English; it is neither stored nor logged."""


class QueuedCaller(Message, frozen=True, kw_only=True):
    """A waiting caller as the store keeps it: what the priority is made of, so that new weights order anew."""

    call_id: Name
    source: Literal["clip", "call"]
    upset_score: float
    arousal: float
    polarity: float | None = None
    """Of the transcript, −1 (hard words) … 1 (kind ones); ``None`` where there was none that could be judged."""
    mood: MoodState | None = None
    detected_emotion: str | None = None
    confidence_score: float | None = None
    uncertain: bool = False
    arrived_at: str
    arrival: int = 0
    """Its number; every newcomer has the next one."""


class WaitingCaller(QueuedCaller, frozen=True, kw_only=True):
    """A waiting caller and where it stands."""

    position: int
    """1: served next."""
    priority: float
    """The score and the age."""
    score: float
    """What it has by itself: upset, arousal and words, weighted."""
    words: float
    """Points that the transcript adds; 0 where there was none."""
    age: int
    """Points for those who came later."""
    waited_sec: float
    may_pass: int
    """How many of those who have not come yet can be served before it, at most."""
    wait_sec: float | None
    """Estimated time until it is served, if nobody passes; ``None`` while too few services were seen."""
    longest_wait_sec: float | None
    """The same, if as many pass as can."""


class Weighting(Message, frozen=True, kw_only=True):
    """What counts how much, in points of priority."""

    upset: int
    arousal: int
    words: int
    step: int


class WaitingPage(Message, frozen=True, kw_only=True):
    """Who waits, the first to be served first."""

    items: list[WaitingCaller]
    next_cursor: str | None = None
    """Always ``None``: the queue changes with everybody who comes, so that only its front is told."""
    waiting: int
    """How many wait, on this page or not."""
    bound: int
    """Nobody is ever passed by more later callers than these."""
    weights: Weighting
    service_sec: float | None
    """Measured time from one service to the next while somebody waits; ``None`` while too few were seen."""
    services: int
    """How many services that rests on."""


class LastAlert(Message, frozen=True):
    """The newest alert of a call."""

    rule: str
    severity: Severity
    message: str
    offset_sec: float
    timestamp: str


class LiveCall(Message, frozen=True, kw_only=True):
    """A call on the wall: everything that its row shows, whatever the event that brings it."""

    call_id: str
    agent_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    """Why it ended."""
    audio_sec: float = 0.0
    """How far the call has been heard."""
    state: MoodState | None = None
    since_sec: float | None = None
    """Since when in the call the state lasts."""
    upset_score: float | None = None
    upset_sec: float | None = None
    trend: float | None = None
    priority: float = 0.0
    alerts: int = 0
    last_alert: LastAlert | None = None


class Snapshot(Message, frozen=True):
    """All calls that go on here; whatever was known before no longer counts."""

    items: list[LiveCall]


def erased_row(call_id: str) -> LiveCall:
    """Return what the wall is told of a call that was erased: that it is gone, and nothing of what it was."""
    return LiveCall(call_id=call_id, reason="call_erased")


def live_row(call: Call) -> LiveCall:
    """Return a call as the wall shows it."""
    mood: Mood | None = call.mood
    last = call.alerts[-1] if call.alerts else None
    return LiveCall(
        call_id=call.call_id,
        agent_id=call.agent_id,
        started_at=call.started_at,
        ended_at=call.ended_at,
        reason=call.reason,
        audio_sec=call.totals.audio_sec,
        state=mood.state if mood else None,
        since_sec=mood.since_sec if mood else None,
        upset_score=mood.upset_score if mood else None,
        upset_sec=mood.upset_sec if mood else None,
        trend=mood.trend if mood else None,
        priority=mood.priority if mood else 0.0,
        alerts=len(call.alerts),
        last_alert=LastAlert(last.rule, last.severity, last.message, last.offset_sec, last.timestamp) if last else None,
    )
