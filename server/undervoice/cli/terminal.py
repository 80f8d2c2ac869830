"""How readings look in a terminal: the widget's words and colours, in letters and cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

COLOURS = {
    "neutral": "#999999",
    "happy": "#009E73",
    "sad": "#0072B2",
    "angry": "#D55E00",
    "surprised": "#F0E442",
    "fearful": "#CC79A7",
    "disgusted": "#56B4E9",
}
"""M. Okabe and K. Ito, "Color Universal Design" (2008): told apart by colour-blind eyes too."""
OTHER_COLOUR = "#999999"
"""For the labels of a model that does not speak of these seven."""
LETTERS = {name: name[0].upper() for name in COLOURS} | {"surprised": "U"}
"""Colour carries nothing alone; the letters are the widget's: sad has S, so surprised has U."""


def clock(seconds: float) -> str:
    """Return a place in a call as mm:ss.s."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes):02d}:{rest:04.1f}"


def emotion_text(reading: Mapping[str, Any]) -> Text:
    """Return the emotion in its colour; an abstaining model's guess is called unsure."""
    name = str(reading["detected_emotion"])
    if reading.get("uncertain"):
        return Text(f"unsure ({name}?)", style="dim")
    return Text(name, style=COLOURS.get(name, ""))


def cell(reading: Mapping[str, Any]) -> Text:
    """Return one segment's cell of the timeline."""
    name = str(reading["detected_emotion"])
    if reading.get("uncertain"):
        return Text("?", style="dim")
    letter = letter_of(name, reading.get("all_emotions_confidence", ()))
    return Text(letter, style=f"bold black on {COLOURS.get(name, OTHER_COLOUR)}")


def letter_of(emotion: str, labels: Iterable[str]) -> str:
    """Return an emotion's letter; one that is not of the seven has the first of its name that no other label has."""
    if emotion in LETTERS:
        return LETTERS[emotion]
    known = list(labels)
    taken = {LETTERS[label] for label in known if label in LETTERS}
    for label in [*(each for each in known if each not in LETTERS), emotion]:
        letter = next((each for each in label.upper() if each.isalnum() and each not in taken), "·")
        if label == emotion:
            return letter
        taken.add(letter)
    return "·"


def segment_cells(reading: Mapping[str, Any]) -> tuple[Text | str, ...]:
    """Return one segment's columns."""
    return (
        f"{clock(reading['start_offset_sec'])}–{clock(reading['end_offset_sec'])}",
        emotion_text(reading),
        f"{reading['confidence_score']:4.0%}",
        f"{reading['upset_score']:.2f}",
    )


def segment_line(reading: Mapping[str, Any]) -> str:
    """Return one segment as a plain line, for output that is no terminal."""
    time, emotion, confidence, upset = segment_cells(reading)
    return f"{time}  {emotion!s:<20} {confidence}  upset {upset}"


def segment_table() -> Table:
    """Return an empty table of segments; its columns are as wide whatever they hold."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Time", no_wrap=True, min_width=15)
    table.add_column("Emotion", no_wrap=True, min_width=20)
    table.add_column("Confidence", no_wrap=True, justify="right")
    table.add_column("Upset", no_wrap=True, justify="right")
    return table
