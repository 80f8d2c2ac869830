"""How hard or kind words are: VADER (Hutto and Gilbert 2014), a lexicon with rules, offline.

English only. Of other languages it knows no word, so they count as neutral, but for emoji and the odd word that looks
English. Texts are neither kept nor logged.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import re
import threading
from typing import Any

from undervoice.wall import LONGEST_TEXT

log = logging.getLogger("undervoice")

RUN = re.compile(r"(\W)\1{3,}")
"""A row of one sign; it says no more than four of them, and costs the library a long time."""


class Words:
    """Judges texts; its lexicon is read when the first one comes, off the event loop."""

    def __init__(self) -> None:
        self._analyzer: Any = None
        self._reading = threading.Lock()
        self.known = importlib.util.find_spec("vaderSentiment") is not None
        """Whether the library is installed (``pip install undervoice[words]``)."""
        if not self.known:
            log.info("texts count as neutral: undervoice[words] is not installed")

    async def polarity(self, text: str) -> float | None:
        """Return −1 (hard) … 1 (kind); ``None`` where it cannot be told: no library, or nothing but blanks."""
        if not self.known or not text.strip():
            return None
        return await asyncio.to_thread(self._polarity, RUN.sub(r"\1\1\1\1", text[-LONGEST_TEXT:]))

    def _polarity(self, text: str) -> float:
        with self._reading:
            if self._analyzer is None:
                from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

                self._analyzer = SentimentIntensityAnalyzer()
        return float(self._analyzer.polarity_scores(text)["compound"])
