"""What the calls of a load are told: as little of each message as is counted, and the counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from undervoice.messages import Totals


class Said(msgspec.Struct, gc=False):
    """What counts of a message of the server; everything else is skipped unread."""

    type: str
    state: str = ""
    final: bool = False
    trigger: str = ""
    offset_sec: float = 0.0
    end_offset_sec: float = 0.0
    model: Any = None
    dropped_sec: float = 0.0
    code: str = ""
    totals: Totals | None = None


decode = msgspec.json.Decoder(Said).decode


@dataclass(slots=True)
class Tally:
    """What all calls of a load were told."""

    latency_ms: list[float] = field(default_factory=list)
    """From handing over the frame with a window's last sample to its reading."""
    first_ms: list[float] = field(default_factory=list)
    """From the moment at which somebody began to speak to the first provisional reading of it."""
    models: Counter[str] = field(default_factory=Counter)
    provisionals: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
