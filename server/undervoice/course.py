"""How a call's mood went: where it changed, when it turned for the better, and which hints that followed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from undervoice.alerts import Rule
from undervoice.messages import Alert, Mood
from undervoice.resources import Helped, Turn
from undervoice.terms import MoodState

KEPT_TURNS, KEPT_HINTS = 16, 8
"""What is remembered of a restless call; a checkpoint, which carries it, has little room."""
FOLLOWED_SEC = 60.0
"""How soon after a hint a recovery counts as following it."""
WORSE: tuple[MoodState, ...] = ("tense", "upset")


class CourseMemory(msgspec.Struct, frozen=True):
    """All that the course remembers; it travels in checkpoints."""

    turns: tuple[tuple[float, MoodState], ...] = ()
    """(seconds of the call, state) of the latest changes."""
    turned_sec: float | None = None
    hints: tuple[tuple[str, float], ...] = ()
    """(rule, seconds of the call) of hints that may yet be followed by recovery."""
    helped: tuple[tuple[str, float, float], ...] = ()


class Course:
    """Follows one call's moods and the hints that its agent was given."""

    def __init__(self, rules: Iterable[Rule], memory: CourseMemory | None = None) -> None:
        # The other rules speak of the line, or of silence: those are no answer to a mood.
        self._hints = {rule.name for rule in rules if rule.when.rise or rule.when.state in WORSE}
        self.memory = memory or CourseMemory()

    def hear(self, mood: Mood) -> None:
        """Take the mood after a final reading."""
        was = self.memory
        state = was.turns[-1][1] if was.turns else "calm"
        if mood.state == state:
            return
        at = mood.since_sec
        turned_sec = at if state == "upset" else was.turned_sec
        self.memory = CourseMemory(
            turns=(*was.turns, (at, mood.state))[-KEPT_TURNS:],
            turned_sec=None if mood.state == "upset" else turned_sec,
            hints=was.hints,
            helped=was.helped,
        )
        if state in WORSE and mood.state not in WORSE:
            self._recovered(at)

    def raised(self, alerts: Iterable[Alert]) -> None:
        """Take alerts."""
        new = [(alert.rule, alert.offset_sec) for alert in alerts if alert.rule in self._hints]
        if new:
            hints = (*self.memory.hints, *new)[-KEPT_HINTS:]
            self.memory = msgspec.structs.replace(self.memory, hints=hints)

    def _recovered(self, at: float) -> None:
        helped = [(rule, hinted, at) for rule, hinted in self.memory.hints if at - hinted <= FOLLOWED_SEC]
        kept = (*self.memory.helped, *helped)[-KEPT_HINTS:]
        self.memory = msgspec.structs.replace(self.memory, hints=(), helped=kept)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The states after the first calm one."""
        return tuple(Turn(at, state) for at, state in self.memory.turns)

    @property
    def helped(self) -> tuple[Helped, ...]:
        """Hints that were followed by recovery."""
        return tuple(Helped(*hint) for hint in self.memory.helped)
