"""When somebody should act: rules as data, each with a cooldown.

A rule fires where all that it asks for holds, at a final reading or, with ``silent_sec``, in silence.

| condition | holds while |
|---|---|
| ``state`` | the mood's state is this one |
| ``after`` | the state has just changed, and was this one before |
| ``held_sec`` | the state has lasted so long |
| ``rise``, ``within_sec`` | the smoothed upset score rose so far in that time |
| ``level_below_dbfs``, ``snr_below_db``, ``clipped_above`` | each reading of the last ``speech_sec`` of speech was so |
| ``silent_sec`` | nobody has spoken for so long in what was heard; looked at every 5 s of silence |
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from undervoice.emotion import Quality, Reading
from undervoice.messages import Alert, Mood
from undervoice.terms import MoodState, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What must hold, all of it; see the module's table."""

    state: MoodState | None = None
    after: MoodState | None = None
    held_sec: float = 0.0
    rise: float = 0.0
    within_sec: float = 10.0
    level_below_dbfs: float | None = None
    snr_below_db: float | None = None
    clipped_above: float | None = None
    speech_sec: float = 0.0
    silent_sec: float = 0.0

    def blames(self, quality: Quality) -> bool:
        """Whether a reading was heard as badly as this asks for; always, where it asks for nothing."""
        return (
            (self.level_below_dbfs is None or quality.level_dbfs < self.level_below_dbfs)
            and (self.snr_below_db is None or quality.snr_db < self.snr_below_db)
            and (self.clipped_above is None or quality.clipped > self.clipped_above)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what is said, and when."""

    name: str
    severity: Severity
    message: str
    actions: tuple[str, ...] = ()
    cooldown_sec: float = 60.0
    when: Conditions = Conditions()

    def alert(self, offset_sec: float) -> Alert:
        """Return what is said when this fires at a place of the call."""
        return Alert(self.name, self.severity, self.message, list(self.actions), round(offset_sec, 3))


class AlertMemory(msgspec.Struct, frozen=True):
    """All that the watch remembers; it travels in checkpoints."""

    fired: dict[str, float] = {}
    """When each rule that is in its cooldown fired, in seconds of the call."""
    scores: tuple[tuple[float, float], ...] = ()
    """(offset, smoothed upset score) of the latest moods, each lower than those that follow."""
    state: MoodState = "calm"
    came_from: MoodState = "calm"
    badly: dict[str, float] = {}
    """Seconds of speech in a row, up to now, that were as bad as a rule asks for."""


class Watch:
    """Holds the rules against one call."""

    def __init__(self, rules: tuple[Rule, ...] = (), memory: AlertMemory | None = None) -> None:
        self._speaking = tuple(rule for rule in rules if not rule.when.silent_sec)
        self._silent = tuple(rule for rule in rules if rule.when.silent_sec)
        self._cooldowns = {rule.name: rule.cooldown_sec for rule in rules}
        self._span = max((rule.when.within_sec for rule in rules if rule.when.rise), default=0.0)
        self.memory = memory or AlertMemory()

    def hear(self, reading: Reading, mood: Mood) -> list[Alert]:
        """Take a final reading and the mood after it; return what fires."""
        was, at = self.memory, reading.end_offset_sec
        changed = mood.state != was.state
        self.memory = AlertMemory(
            fired=was.fired,
            scores=self._scores(at, mood.upset_score),
            state=mood.state,
            came_from=was.state if changed else was.came_from,
            badly=self._badly(reading),
        )
        return self._fire([rule for rule in self._speaking if self._holds(rule, mood, at, changed=changed)], at)

    def wait(self, silent_sec: float, offset_sec: float) -> list[Alert]:
        """Take that nobody has spoken for so long at a place of the call; return what fires."""
        state = self.memory.state
        return self._fire(
            [rule for rule in self._silent if silent_sec >= rule.when.silent_sec and rule.when.state in (None, state)],
            offset_sec,
        )

    def _fire(self, rules: list[Rule], offset_sec: float) -> list[Alert]:
        alerts = [rule.alert(offset_sec) for rule in rules if not self._rests(rule, offset_sec)]
        fired = self.memory.fired | {alert.rule: offset_sec for alert in alerts}
        # A checkpoint has little room, so what has cooled down is forgotten.
        kept = {name: at for name, at in fired.items() if offset_sec - at <= self._cooldowns.get(name, -1.0)}
        self.memory = msgspec.structs.replace(self.memory, fired=kept)
        return alerts

    def _rests(self, rule: Rule, offset_sec: float) -> bool:
        """Whether a rule is in its cooldown; a place that is looked at again after a resume fires nothing twice."""
        at = self.memory.fired.get(rule.name)
        return at is not None and (offset_sec <= at or offset_sec - at < rule.cooldown_sec)

    def _scores(self, offset_sec: float, score: float) -> tuple[tuple[float, float], ...]:
        # Only the lowest is ever asked for: what is no lower than a later one never is.
        kept = [seen for seen in self.memory.scores if offset_sec - seen[0] <= self._span and seen[1] < score]
        return (*kept, (offset_sec, score))

    def _badly(self, reading: Reading) -> dict[str, float]:
        seconds = reading.end_offset_sec - reading.start_offset_sec
        return {
            rule.name: min(rule.when.speech_sec, self.memory.badly.get(rule.name, 0.0) + seconds)
            for rule in self._speaking
            if rule.when.speech_sec and rule.when.blames(reading.quality)
        }

    def _holds(self, rule: Rule, mood: Mood, offset_sec: float, *, changed: bool) -> bool:
        when, seen = rule.when, self.memory
        if when.state is not None and mood.state != when.state:
            return False
        if when.after is not None and not (changed and seen.came_from == when.after):
            return False
        if when.held_sec and offset_sec - mood.since_sec < when.held_sec:
            return False
        if when.speech_sec and seen.badly.get(rule.name, 0.0) < when.speech_sec:
            return False
        lowest = min(score for at, score in seen.scores if offset_sec - at <= when.within_sec)
        return not when.rise or mood.upset_score - lowest >= when.rise
