"""What REST answers and stores keep (protocol §2), beside the stream's own messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from undervoice.emotion import Reading
from undervoice.messages import ModelInfo, Mood, Totals
from undervoice.terms import Consent, Message, MoodState, Name, Severity


class LoggedSegment(Reading, frozen=True, kw_only=True):
    """A final reading as the store keeps it."""

    agent_id: str | None = None


class LoggedAlert(Message, frozen=True):
    """An alert as the store keeps it; the id is call, rule and place, so a replay is the same alert."""

    alert_id: str
    call_id: str
    agent_id: str | None
    rule: str
    severity: Severity
    message: str
    actions: list[str]
    offset_sec: float
    timestamp: str


class LoggedFeedback(Message, frozen=True):
    """Feedback as the store keeps it."""

    segment_id: str
    call_id: str
    agent_id: str | None
    correct: bool
    emotion: str | None
    timestamp: str
    upset: bool | None = None


class LoggedHintFeedback(Message, frozen=True):
    """What an agent said of a hint, as the store keeps it; the last word on each alert."""

    alert_id: str
    call_id: str
    agent_id: str | None
    rule: str
    useful: bool
    offset_sec: float
    """The alert's place in the call."""
    timestamp: str


class CallFeedback(Message, frozen=True):
    """What was said of one call's readings and hints, the last word on each, oldest first."""

    call_id: str
    items: list[LoggedFeedback]
    hints: list[LoggedHintFeedback]


class AuditLine(Message, frozen=True, omit_defaults=True):
    """Who did what about a call, and how that ended."""

    time: str
    action: str
    role: str | None = None
    subject: str | None = None
    token_id: str | None = None
    method: str = ""
    route: str = ""
    filters: dict[str, Any] = {}
    status: int = 0
    """0: announced, before it happened."""
    code: str | None = None
    """Why it was refused."""


class CallAudit(Message, frozen=True):
    """The newest lines of the audit log about one call, newest first."""

    call_id: str
    items: list[AuditLine]
    complete: bool
    """Whether these are all; else there are older ones, or the log is too long to be searched to its beginning."""


class RuleInForce(Message, frozen=True):
    """A rule by which alerts are raised here."""

    rule: str
    severity: Severity
    message: str
    actions: tuple[str, ...]
    cooldown_sec: float
    conditions: dict[str, str | float]
    """What must hold, all of it, as the file of rules writes it."""


class RuleList(Message, frozen=True):
    """The rules in force, in the order of their file."""

    items: list[RuleInForce]


class Peak(Message, frozen=True):
    """The most upset moment."""

    offset_sec: float
    upset_score: float


class Turn(Message, frozen=True):
    """The mood's state from a place of the call on."""

    offset_sec: float
    state: MoodState


class Helped(Message, frozen=True):
    """A hint after which the mood recovered. That the one brought the other about is not known."""

    rule: str
    offset_sec: float
    recovered_sec: float
    """Where in the call the mood recovered, at most a minute later."""


class Summary(Message, frozen=True):
    """What a call felt like, from its final readings."""

    emotion_distribution: dict[str, int]
    upset_share: float
    """Share of the scored time in which the smoothed score stood for upset."""
    peak: Peak | None
    ended_as: MoodState
    course: tuple[Turn, ...] = ()
    """How it went: the states after the first calm one, in order; of a restless call the latest."""
    turned_sec: float | None = None
    """When it turned: from there on it was not upset any more; absent if it never was, or ended so."""
    helped: tuple[Helped, ...] = ()
    """Hints that were followed by recovery; of many the latest."""


class Call(Message, frozen=True):
    """One call or clip as supervisors see it."""

    call_id: str
    agent_id: str | None
    kind: Literal["call", "clip"]
    live: bool
    started_at: str
    ended_at: str | None = None
    reason: str | None = None
    """Why it ended."""
    mood: Mood | None = None
    totals: Totals = Totals()
    alerts: list[LoggedAlert] = []
    summary: Summary | None = None
    model: str = ""
    consent: Consent | None = None
    metadata: dict[str, Any] = {}


class ClipResult(Reading, frozen=True, kw_only=True):
    """A whole clip: its segments' probabilities averaged by duration, and the segments."""

    agent_id: str | None = None
    segments: list[Reading]


class SegmentPage(Message, frozen=True):
    """A page of the log, newest first; to a follower, what was stored since, in that order."""

    items: list[LoggedSegment]
    next_cursor: str | None = None
    follow: str | None = None
    """With the first page: asks for what is stored after it was read."""


class CallPage(Message, frozen=True):
    """A page of calls, newest first."""

    items: list[Call]
    next_cursor: str | None = None


class EmotionMetrics(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Counts of final readings in one day, hour, or of one agent's customers."""

    date: str | None = None
    hour: str | None = None
    agent_id: str | None = None
    total_segments: int
    emotion_distribution: dict[str, int]
    uncertain: int
    average_confidence: float
    peak_emotion_time: str | None
    """The hour with the most upset segments."""
    upset_share: float
    calls: int
    enough: bool
    """Whether the row rests on enough calls to be shown."""


class TokenRequest(Message, frozen=True):
    """What a short-lived token shall allow."""

    role: Literal["agent", "supervisor", "integrator"] = "agent"
    agent_id: Name | None = None
    call_id: Name | None = None
    ttl_sec: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3600


class TokenAnswer(Message, frozen=True):
    """A signed token."""

    token: str
    expires_at: str


class ModelCard(ModelInfo, frozen=True, kw_only=True):
    """A model, its figures and its terms."""

    metrics: dict[str, Any]
    licence: str
    data: list[dict[str, Any]] = []
    """What it was trained on, and under which terms."""
    limits: list[str] = []
    """What it cannot do, in plain statements."""


Role = Literal["everything", "finals", "provisionals and overload"]


class ServedModel(ModelCard, frozen=True, kw_only=True):
    """A model in service and what it scores."""

    role: Role


class ModelsInService(ModelCard, frozen=True, kw_only=True):
    """The chosen model, and all that are in service."""

    models: list[ServedModel]
    notice: str = "A reading estimates how speech sounds, not what a person feels."


class Health(Message, frozen=True):
    """Whether the service works."""

    status: Literal["ok", "degraded", "draining"]
    version: str
    checks: dict[str, str] = {}


class ErrorBody(Message, frozen=True):
    """What went wrong: ``code`` for programs, ``message`` for people."""

    code: str
    message: str


class ErrorAnswer(Message, frozen=True):
    """The one error shape of REST."""

    error: ErrorBody
    detail: str
