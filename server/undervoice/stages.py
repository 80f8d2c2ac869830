"""What the stages of a reading's way leave to count where they meet: lags, what was heard, requests, audio.

Plain arrays on the event loop: a call says something some 2,500 times a second, and a client library's
histogram takes ten times as long for each. ``metrics.py`` shows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from undervoice.drift import Drift
from undervoice.emotion import Reading
from undervoice.histogram import Histogram
from undervoice.sidecar import Sidecar

LAG_SEC = (0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 1, 2.5)
LOOP_SEC = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
ANSWER_SEC = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
LEVEL_DBFS = (-60, -50, -40, -35, -30, -25, -20, -15, -10, -5)
SNR_DB = (0, 5, 10, 15, 20, 25, 30, 40)

PULSE_SEC = 0.1
"""How often the event loop's lag is sampled."""
NO_ROUTE = "none"
"""What is counted in place of a path that belongs to no route: paths are clients' words."""


@dataclass(slots=True)
class Heard:
    """What one model's final readings told."""

    emotions: dict[str, int]
    drift: Drift | None
    uncertain: int = 0


class Stages:
    """Counts of one server; they belong to its event loop."""

    def __init__(self, models: Iterable[tuple[str, Sidecar]]) -> None:
        self.lags = {final: Histogram(LAG_SEC) for final in (True, False)}
        """Seconds from the audio that decided a cut to its reading at the socket, by whether that is final."""
        self.loop = Histogram(LOOP_SEC)
        self.levels, self.ratios = Histogram(LEVEL_DBFS), Histogram(SNR_DB)
        self.answers: dict[tuple[str, str], Histogram] = {}
        """Seconds to the head of an answer, by a route's template and a status's class."""
        self.audio_bytes, self.audio_sec = 0, 0.0
        self.heard = {
            tag: Heard(dict.fromkeys(sidecar.labels, 0), Drift(sidecar.reference) if sidecar.reference else None)
            for tag, sidecar in models
        }
        """By the model that scored."""

    def received(self, size: int, audio_sec: float) -> None:
        """Count audio of live calls that came."""
        self.audio_bytes += size
        self.audio_sec += audio_sec

    def said(self, reading: Reading, lag_sec: float, *, live: bool = True) -> None:
        """Count a call's reading that is out; how long it took says nothing where the call is not live."""
        if live:
            self.lags[reading.final].see(lag_sec)
        if reading.final:
            self.hear(reading)

    def hear(self, reading: Reading) -> None:
        """Count what a final reading tells, of a live call or a clip."""
        heard, quality, emotion = self.heard[reading.model], reading.quality, reading.detected_emotion
        heard.emotions[emotion] += 1
        heard.uncertain += reading.uncertain
        self.levels.see(quality.level_dbfs)
        self.ratios.see(quality.snr_db)
        if heard.drift is not None:
            heard.drift.hear(emotion, quality.level_dbfs, quality.snr_db)

    def answered(self, route: str | None, status: int, seconds: float) -> None:
        """Count a request by the template of its route, if it has any."""
        kind = (route or NO_ROUTE, f"{status // 100}xx")
        answers = self.answers.get(kind)
        if answers is None:
            answers = self.answers[kind] = Histogram(ANSWER_SEC)
        answers.see(seconds)

    async def watch_loop(self) -> NoReturn:
        """Sample for ever by how much the event loop is late."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PULSE_SEC
            await asyncio.sleep(PULSE_SEC)
            self.loop.see(max(0.0, loop.time() - due))
