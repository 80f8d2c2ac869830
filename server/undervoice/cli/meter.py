"""The meter in the terminal: mood first, then the band, the emotion, the timeline and the log."""

from __future__ import annotations

from collections import deque
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from undervoice.cli.terminal import cell, clock, emotion_text, segment_cells, segment_line, segment_table

BAND = 36
"""Cells of the mood band; a third each for its zones."""
ZONES = ("#00897B", "#B58900", "#D55E00")
MOODS = {"calm": ZONES[0], "tense": ZONES[1], "upset": ZONES[2], "recovering": ZONES[1]}
LOGGED, TIMELINE = 8, 60
REFRESH_HZ = 8


class Once:
    """Knows what was told: behind a lost connection the server says again what it said after the checkpoint."""

    def __init__(self) -> None:
        self._told: set[tuple[str, object]] = set()

    def is_new(self, message: dict[str, Any]) -> bool:
        """Whether a message is not one that came before."""
        if message.get("type") == "emotion" and message.get("final"):
            key = ("emotion", message.get("segment_id"))
        elif message.get("type") == "alert":
            key = ("alert", (message.get("rule"), message.get("offset_sec")))
        else:
            return True
        new = key not in self._told
        self._told.add(key)
        return new


class Lines:
    """Says what happens in plain lines, where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._mood = "calm"
        self._once, self._away = Once(), False

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def hear(self, _: str, message: dict[str, Any]) -> None:
        """Print what a message says, if it says something new that is worth a line."""
        if message.get("type") == "started" and self._away:
            self._away = False
            self._print("connected again")
        if message.get("type") == "mood":
            if message["state"] == self._mood:
                return
            self._mood = message["state"]
        if self._once.is_new(message) and (line := _line(message)):
            self._print(line)

    def lost(self, why: str) -> None:
        """Say that the connection is lost."""
        if not self._away:
            self._away = True
            self._print(f"reconnecting… ({why})")

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(message: dict[str, Any]) -> str:
    kind = message.get("type")
    if kind == "emotion" and message.get("final"):
        return segment_line(message)
    if kind == "mood":
        return f"mood {message['state']}, {message['upset_sec']:.0f} s upset"
    if kind in ("alert", "warning"):
        return f"{kind}: {message['message']}"
    if kind == "stopped":
        totals = message["totals"]
        return f"ended: {totals['segments']} segments in {clock(totals['audio_sec'])}"
    return ""


class Meter:
    """Shows one call while it runs."""

    def __init__(self, console: Console, title: str, duration_sec: float) -> None:
        self._title, self._duration_sec = title, duration_sec
        self._mood: dict[str, Any] = {}
        self._now: dict[str, Any] = {}
        self._finals: deque[dict[str, Any]] = deque(maxlen=TIMELINE)
        self._hint, self._position_sec, self._ended = "", 0.0, False
        self._once, self._away = Once(), False
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=REFRESH_HZ)

    def __enter__(self) -> Meter:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def lost(self, _: str) -> None:
        """Show that the connection is lost."""
        self._away = True

    def hear(self, _: str, message: dict[str, Any]) -> None:
        """Take one message of the server."""
        kind = message.get("type")
        if not self._once.is_new(message):
            return
        if kind == "started":
            self._away = False
        elif kind == "emotion":
            self._now = message
            self._position_sec = max(self._position_sec, message["end_offset_sec"])
            if message.get("final"):
                self._finals.append(message)
        elif kind == "mood":
            self._mood = message
        elif kind == "stats":
            self._position_sec = max(self._position_sec, message["received_sec"])
        elif kind in ("alert", "warning"):
            self._hint = str(message["message"])
        elif kind == "stopped":
            self._ended, self._position_sec = True, message["totals"]["audio_sec"]

    def render(self) -> RenderableType:
        """Return the meter as it stands."""
        parts: list[RenderableType] = [self._head(), self._band(), self._detail(), self._strip(), self._log()]
        if self._hint:
            parts.append(Text(f"→ {self._hint}", style="bold"))
        time = f"{clock(self._position_sec)} / {clock(self._duration_sec)}"
        return Panel(Group(*parts), title=self._title, subtitle=time, width=64, border_style="dim")

    def _head(self) -> Text:
        state = self._mood.get("state")
        if self._ended:
            return Text("Call ended", style="bold")
        if self._away:
            return Text("Reconnecting…", style="bold dim")
        if state is None:
            return Text("Calm" if self._finals else "Listening…", style=f"bold {MOODS['calm']}")
        return Text(str(state).capitalize(), style=f"bold {MOODS.get(state, '')}")

    def _band(self) -> Text:
        upset = float(self._mood.get("upset_score", self._now.get("upset_score", 0.0)))
        marker = min(BAND - 1, int(upset * BAND))
        band = Text()
        for place in range(BAND):
            zone = ZONES[place * len(ZONES) // BAND]
            band.append("●" if place == marker else "─", style=f"bold {zone}" if place == marker else zone)
        return band

    def _detail(self) -> Text:
        if not self._now:
            return Text("no speech yet", style="dim")
        detail = emotion_text(self._now) + Text(f" {self._now['confidence_score']:.0%}")
        if not self._now.get("final"):
            detail.stylize("dim")
        return detail + Text(f"   {self._mood.get('upset_sec', 0.0):.0f} s upset", style="dim")

    def _strip(self) -> Text:
        return Text.assemble(*(cell(reading) for reading in self._finals))

    def _log(self) -> RenderableType:
        table = segment_table()
        for reading in list(self._finals)[-LOGGED:]:
            table.add_row(*segment_cells(reading))
        return table
