"""One call, without I/O: events in, outputs out, in the order in which the client shall see them.

::

    state      start    audio, discarded   pause     resume    flush, feedback, …   stop
    ─────────  ───────  ─────────────────  ────────  ────────  ───────────────────  ────────
    new        live     BadStart           BadStart  BadStart  BadStart             BadStart
    live       warning  listens            paused    warning   answers              stopped
    paused     warning  only counts        warning   live      answers              stopped
    stopped    –        –                  –         –         –                    –

Outputs are messages to send, ``Segment``s to score, ``LoggedFeedback`` to store, and ``End``.
Whoever drives a session scores each segment, gives the scores back with ``scored`` (or says
``shed``) in the order of the outputs, and sends what those return in their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from undervoice import messages as m
from undervoice import resources as r
from undervoice.alerts import Watch
from undervoice.audio import Decoder
from undervoice.emotion import GRID, Scores, Segment, position_sec
from undervoice.errors import BadStart, TooLong, UndervoiceError
from undervoice.mood import MoodTracker
from undervoice.opening import Policy, open_call, segmenter_config
from undervoice.readings import reading_fields, rfc3339
from undervoice.recap import Recap
from undervoice.vad import Event, Rest, Segmenter, SpeechEnded, SpeechStarted

MAX_WARNINGS = 32
"""A kind of warning is sent once; past this many kinds a call gets none any more."""


@dataclass(frozen=True, slots=True)
class End:
    """The call is over once everything before this has been sent; with an error, it ends by that."""

    reason: str
    error: UndervoiceError | None = None


Output = m.ServerMessage | Segment | r.LoggedFeedback | End
Told = list[m.EmotionReading | m.Mood | m.Alert]


class Session:
    """One call from ``start`` to ``stopped``."""

    def __init__(self, policy: Policy, session_id: str) -> None:
        self.policy = policy
        self.session_id = session_id
        self.state: Literal["new", "live", "paused", "stopped"] = "new"
        self.seq = 0
        self._warned: set[tuple[str, str | None]] = set()
        self._paused_samples = self._discarded_samples = self._agent_frames = 0
        self._dropped_samples = self._short_samples = self._ignored_frames = 0

    # ------------------------------------------------------------ events in

    def receive(self, event: bytes | m.ClientMessage, now: datetime) -> list[Output]:
        """Take a binary frame or a message; return what it makes happen.

        Raises:
            UndervoiceError: when the call cannot go on; the error's ``close_code`` says how it ends.
        """
        if self.state == "stopped":
            return []
        if isinstance(event, m.Start):
            return self._start(event, now)
        if self.state == "new":
            raise BadStart("the first frame of a call is its start")
        if isinstance(event, bytes):
            return self._audio(event)
        return self._message(event, now)

    def warn(self, warnings: Iterable[m.Warned]) -> list[m.Warned]:
        """Return those warnings that this call has not had yet."""
        new = []
        for warning in warnings:
            kind = (warning.code, warning.ref)
            if kind not in self._warned and len(self._warned) < MAX_WARNINGS:
                self._warned.add(kind)
                new.append(warning)
        return new

    def _start(self, start: m.Start, now: datetime) -> list[Output]:
        if self.state != "new":
            return [*self.warn([m.Warned("already_started", "this call has its start already; this one is ignored")])]
        self.start, self.audio, warnings = open_call(start, self.policy)
        self.started_at = now
        self._decoder = Decoder(self.audio)
        self._column = self.audio.channels.index("customer")
        self._segmenter = Segmenter(segmenter_config(self.start.config), self.audio.sample_rate)
        self._mood, self._watch = MoodTracker(), Watch(self.policy.rules)
        self.recap = Recap(self.start, now, self.policy.model)
        self.state = "live"
        return [self._started(), *self.warn(warnings)]

    def _started(self) -> m.Started:
        return m.Started(
            session_id=self.session_id,
            call_id=self.start.call_id,
            agent_id=self.start.agent_id,
            audio=self.start.audio,
            config=self.start.config,
            model=self.policy.model,
            limits=self.policy.limits,
            timestamp=rfc3339(self.started_at),
        )

    def _audio(self, data: bytes) -> list[Output]:
        frames = self._decoder.push(data)
        if self.state == "paused":
            # A client that sends while paused is not heard, but its clock goes on.
            self._ignored_frames += len(frames)
            blocks, self._ignored_frames = divmod(self._ignored_frames, self.audio.block)
            warning = m.Warned("paused", "audio that is sent while paused is not heard")
            return [*self.warn([warning]), *self._discarded(blocks * GRID)]
        if "agent" in self.audio.channels:
            self._agent_frames += len(frames)
        samples = np.ascontiguousarray(frames[:, self._column])
        return self._within_length(self._outputs(self._segmenter.push(samples)))

    def _within_length(self, outputs: list[Output]) -> list[Output]:
        """End the call behind what it brought when it has become too long."""
        longest = self.policy.limits.max_call_sec
        if self.position_sec <= longest:
            return outputs
        return [*outputs, *self.stop("too_long", TooLong(f"a call is at most {longest} seconds long"))]

    def _message(self, event: m.ClientMessage, now: datetime) -> list[Output]:
        match event:
            case m.Pause():
                return self._pause()
            case m.ResumeAudio():
                return self._resume()
            case m.Discarded():
                return self._within_length(self._discarded(event.samples))
            case m.Flush():
                return [*self._outputs(self._segmenter.flush()), m.Flushed(self.position_sec)]
            case m.Feedback():
                return self._feedback(event, now)
            case m.Ping():
                return [m.Pong(event.id)]
            case m.Stop():
                return self.stop("stop")
        return []  # a transcript: accepted and bounded; words are not fused yet

    def _pause(self) -> list[Output]:
        if self.state == "paused":
            return [*self.warn([m.Warned("already_paused", "the call is paused already")])]
        self.state = "paused"
        return [*self._outputs(self._segmenter.finish()), m.Paused(self.position_sec, self.discarded_sec)]

    def _resume(self) -> list[Output]:
        if self.state == "live":
            return [*self.warn([m.Warned("not_paused", "the call is not paused")])]
        self.state = "live"
        return [m.Resumed(self.position_sec, self.discarded_sec)]

    def _discarded(self, samples: int) -> list[Output]:
        self._discarded_samples += samples
        if self.state == "paused":
            self._paused_samples += samples
        return self._outputs([*self._segmenter.finish(), *self._segmenter.skip(samples)])

    def _feedback(self, event: m.Feedback, now: datetime) -> list[Output]:
        heeded = self.recap.feedback(event, now)
        return [*self.warn([heeded])] if isinstance(heeded, m.Warned) else [heeded]

    def stop(self, reason: str, error: UndervoiceError | None = None) -> list[Output]:
        """Close whatever is open and end the call."""
        self.state = "stopped"
        return [*self._outputs(self._segmenter.finish()), End(reason, error)]

    def _outputs(self, events: Iterable[Event]) -> list[Output]:
        outputs: list[Output] = []
        for event in events:
            match event:
                case SpeechStarted():
                    outputs.append(m.Speech("started", position_sec(event.sample), "customer"))
                case SpeechEnded():
                    outputs.append(m.Speech("ended", position_sec(event.sample), "customer"))
                case Segment():
                    outputs.append(event)
                case Rest():
                    self._short_samples += event.samples
                # A Place is where a checkpoint will be sent once calls can be resumed from one.
        return outputs

    # ------------------------------------------------------------ scores in

    def scored(self, segment: Segment, scores: Scores, latency_ms: float) -> Told:
        """Take a segment's scores; return the reading and, for a final one, what follows from it."""
        reading = self._reading(segment, scores, latency_ms)
        if not segment.final:
            return [reading]
        mood = self._mood.hear(reading)
        alerts = self._watch.see(mood, reading.end_offset_sec)
        self.recap.add(reading, mood, alerts)
        return [reading, mood, *alerts]

    def shed(self, segment: Segment) -> list[m.Warned]:
        """Count a final segment that could not be scored in time."""
        if not segment.final:
            return []
        self._dropped_samples += segment.end - segment.start
        start = position_sec(segment.start)
        return [m.Warned("overloaded", f"{segment.duration_sec:.1f} s from {start:.1f} s on were not scored", None)]

    def _reading(self, segment: Segment, scores: Scores, latency_ms: float) -> m.EmotionReading:
        self.seq += 1
        fields = reading_fields(
            segment,
            scores,
            call_id=self.start.call_id,
            started_at=self.started_at,
            upset_weights=self.policy.upset_weights,
        )
        return m.EmotionReading(**fields, latency_ms=round(latency_ms, 1), seq=self.seq)

    # ------------------------------------------------------------ what stands at the moment

    @property
    def position_sec(self) -> float:
        """Seconds of call audio received or discarded so far."""
        return position_sec(self._segmenter.position)

    @property
    def discarded_sec(self) -> float:
        """Seconds that the client did not send."""
        return position_sec(self._discarded_samples)

    def stats(self, *, processed_sec: float, lag_ms: float, queued: int) -> m.Stats:
        """Return how the call stands."""
        return m.Stats(
            received_sec=self.position_sec,
            processed_sec=processed_sec,
            lag_ms=round(lag_ms, 1),
            queued=queued,
            dropped_sec=position_sec(self._dropped_samples),
            short_sec=position_sec(self._short_samples),
            discarded_agent_sec=round(self._agent_frames / self.audio.sample_rate, 3),
        )

    def totals(self) -> m.Totals:
        """Return the call in figures so far."""
        return m.Totals(
            audio_sec=self.position_sec,
            speech_sec=self.recap.speech_sec,
            segments=self.recap.segments,
            dropped_sec=position_sec(self._dropped_samples),
            short_sec=position_sec(self._short_samples),
            paused_sec=position_sec(self._paused_samples),
        )

    def call(self, ended_at: datetime | None = None, reason: str | None = None) -> r.Call:
        """Return the call as supervisors see it."""
        return self.recap.call(self._mood.mood(), self.totals(), ended_at, reason)
