"""What is told of calls and requests to whoever collects traces: here nothing; ``spans.py`` tells OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from undervoice.emotion import Reading, Segment
from undervoice.inference import Job


class CallTrace:
    """A call that is not traced."""

    def begin(self, call_id: str, session_id: str) -> str | None:
        """Begin its span; return the trace's id, if it is traced."""
        return None

    def said(self, segment: Segment, reading: Reading, arrived: float, kept: float) -> None:
        """Tell of a reading that was just sent.

        Args:
            segment: what was scored.
            reading: what came of it.
            arrived: when the audio that decided the cut came, monotonic seconds.
            kept: when it was safe in the outbox.
        """

    def end(self, reason: str | None) -> None:
        """End its span."""


class Tracing:
    """Traces nothing, at no cost."""

    traces = False

    def call(self, headers: Mapping[str, str]) -> CallTrace:
        """Return the trace of a call that comes with these headers."""
        return UNTRACED

    def scored(self, batch: Sequence[Job], began: float, ended: float) -> None:
        """Take when a batch was scored, monotonic seconds; called in the worker threads."""

    def answered(self, headers: Mapping[str, str], method: str, route: str | None, status: int, seconds: float) -> None:
        """Tell of a request that was just answered."""

    def close(self) -> None:
        """Hand over what is left, within a few seconds."""


UNTRACED = CallTrace()
