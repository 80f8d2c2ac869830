"""When somebody should act: rules as rows, each with a cooldown.

| field | meaning |
|---|---|
| ``state`` | the mood's state |
| ``after`` | the state before it |
| ``held_sec`` | how long the state has lasted |
| ``rise``, ``within_sec`` | how far the smoothed upset score rose in that time |
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from undervoice.messages import Alert, Mood, MoodState, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what must hold, and what is said then."""

    name: str
    severity: Severity
    message: str
    actions: tuple[str, ...] = ()
    cooldown_sec: float = 60.0
    state: MoodState | None = None
    after: MoodState | None = None
    held_sec: float = 0.0
    rise: float = 0.0
    within_sec: float = 10.0

    def alert(self, offset_sec: float) -> Alert:
        """Return what is said when this fires at a place of the call."""
        return Alert(self.name, self.severity, self.message, list(self.actions), round(offset_sec, 3))


RULES = (
    Rule(
        "sustained_upset",
        "warning",
        "The customer has sounded upset for 10 seconds.",
        ("open_kb", "suggest_supervisor"),
        state="upset",
        held_sec=10.0,
    ),
    Rule(
        "long_upset",
        "critical",
        "The customer has sounded upset for 30 seconds: offer a supervisor.",
        ("suggest_supervisor",),
        cooldown_sec=120.0,
        state="upset",
        held_sec=30.0,
    ),
    Rule(
        "sudden_drop",
        "warning",
        "The customer's mood has just turned for the worse.",
        ("open_kb",),
        cooldown_sec=45.0,
        rise=0.3,
    ),
    Rule("recovered", "info", "The customer sounds calm again.", cooldown_sec=30.0, state="calm", after="recovering"),
)


class AlertMemory(msgspec.Struct, frozen=True):
    """All that the watch remembers; it travels in checkpoints."""

    fired: dict[str, float] = {}
    """When each rule last fired, in seconds of the call."""
    scores: tuple[tuple[float, float], ...] = ()
    """(offset, smoothed upset score) of the latest moods."""
    state: MoodState = "calm"
    came_from: MoodState = "calm"


class Watch:
    """Holds the rules against one call's moods."""

    def __init__(self, rules: tuple[Rule, ...] = RULES, memory: AlertMemory | None = None) -> None:
        self._rules = rules
        self._span = max((rule.within_sec for rule in rules), default=0.0)
        self.memory = memory or AlertMemory()

    def see(self, mood: Mood, offset_sec: float) -> list[Alert]:
        """Take the mood at a place of the call; return what fires."""
        was = self.memory
        changed = mood.state != was.state
        scores = (*(s for s in was.scores if offset_sec - s[0] <= self._span), (offset_sec, mood.upset_score))
        seen = AlertMemory(dict(was.fired), scores, mood.state, was.state if changed else was.came_from)
        alerts = [rule.alert(offset_sec) for rule in self._rules if self._holds(rule, mood, offset_sec, seen, changed)]
        seen.fired.update((alert.rule, offset_sec) for alert in alerts)
        self.memory = seen
        return alerts

    @staticmethod
    def _holds(rule: Rule, mood: Mood, offset_sec: float, seen: AlertMemory, changed: bool) -> bool:
        if offset_sec - seen.fired.get(rule.name, float("-inf")) < rule.cooldown_sec:
            return False
        if rule.state is not None and mood.state != rule.state:
            return False
        if rule.after is not None and not (changed and seen.came_from == rule.after):
            return False
        if rule.held_sec and offset_sec - mood.since_sec < rule.held_sec:
            return False
        lowest = min(score for at, score in seen.scores if offset_sec - at <= rule.within_sec)
        return not rule.rise or mood.upset_score - lowest >= rule.rise
