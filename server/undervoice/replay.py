"""What rules would have done on a call of before, from the readings that its store kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from undervoice.alerts import Rule, Watch
from undervoice.emotion import Reading
from undervoice.messages import Alert
from undervoice.mood import MoodTracker

TICK_SEC = 5.0
"""How often silence is looked at in a live call."""


def replay(rules: tuple[Rule, ...], readings: Sequence[Reading], audio_sec: float) -> list[Alert]:
    """Return the alerts that the rules would have raised.

    At readings they are those of the live call. Silence is told by the gaps between readings alone: words too
    short for a reading, pauses and audio that was never sent leave no trace in the store, so rules that ask for
    silence may fire here where they did not.

    Args:
        rules: what to try.
        readings: the call's final ones, in the order of the audio.
        audio_sec: the call's length.
    """
    tracker, watch = MoodTracker(), Watch(rules)
    alerts: list[Alert] = []
    silent_since = 0.0
    for reading in readings:
        alerts += _wait(watch, silent_since, reading.start_offset_sec)
        alerts += watch.hear(reading, tracker.hear(reading))
        silent_since = reading.end_offset_sec
    return alerts + _wait(watch, silent_since, audio_sec)


def _wait(watch: Watch, since_sec: float, until_sec: float) -> list[Alert]:
    ticks = math.floor((until_sec - since_sec) / TICK_SEC)
    times = (tick * TICK_SEC for tick in range(1, ticks + 1))
    return [alert for silent_sec in times for alert in watch.wait(silent_sec, since_sec + silent_sec)]
