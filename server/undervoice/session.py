"""One call, without I/O: events in, outputs out, in the order in which the client shall see them.

::

    state      start    audio, discarded   pause     resume    flush, feedback, …   stop
    ─────────  ───────  ─────────────────  ────────  ────────  ───────────────────  ────────
    new        live     BadStart           BadStart  BadStart  BadStart             BadStart
    live       warning  listens            paused    warning   answers              stopped
    paused     warning  only counts        warning   live      answers              stopped
    stopped    –        –                  –         –         –                    –

Outputs are messages to send, ``Segment``s to score, logged feedback to store, ``Milestone``s, and
``End``. Whoever drives a session scores each segment, gives the scores back with ``scored`` (or says
``shed``) in the order of the outputs, and sends what those return in their place. Once that is done
for all before a milestone, ``reached`` gives what it brings, and then ``memory`` what a checkpoint
carries; a session that ``continues`` from it goes on as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np

from undervoice import messages as m
from undervoice import resources as r
from undervoice.account import Account, Told
from undervoice.audio import Decoder
from undervoice.emotion import GRID, SAMPLE_RATE, Channel, Scores, Segment, position_sec
from undervoice.errors import BadStart, TooLong, UndervoiceError
from undervoice.memory import CallMemory, Counts, Milestone
from undervoice.opening import Policy, open_call, segmenter_config
from undervoice.readings import rfc3339
from undervoice.recap import Recap
from undervoice.vad import Event, Rest, Segmenter, SegmenterState, SpeechEnded, SpeechStarted

MAX_WARNINGS = 32
"""A kind of warning is sent once; past this many kinds a call gets none any more."""


@dataclass(frozen=True, slots=True)
class End:
    """The call is over once everything before this has been sent; with an error, it ends by that."""

    reason: str
    error: UndervoiceError | None = None


Output = m.ServerMessage | Segment | r.LoggedFeedback | r.LoggedHintFeedback | Milestone | End


class Session:
    """One call from ``start`` to ``stopped``."""

    def __init__(self, policy: Policy, session_id: str) -> None:
        self.policy = policy
        self.session_id = session_id
        self.state: Literal["new", "live", "paused", "stopped"] = "new"
        self._warned: set[tuple[str, str | None]] = set()
        self._counts = Counts()
        self._ignored_frames = 0
        self._was: CallMemory | None = None

    def continues(self, memory: CallMemory) -> None:
        """Go on from a checkpoint; the ``start`` that names it comes next."""
        self._was = memory

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
        if start.resume is not None and self._was is None:
            raise BadStart("nothing to continue from", code="bad_checkpoint")
        was = self._was or CallMemory(started_at=now, config=self.start.config, segmenter=SegmenterState())
        if was.config != self.start.config:
            warnings.append(m.Warned("config_adjusted", "a call keeps the configuration that it began with", "config"))
        self._recall(was)
        return [self._started(was), self._milestone(was.segmenter), *self.warn(warnings)]

    def _recall(self, was: CallMemory) -> None:
        """Take up a call where it stands; a new one stands at its beginning."""
        self.start = msgspec.structs.replace(self.start, config=was.config)
        self._counts = was.counts
        self.channel: Channel = "customer" if "customer" in self.audio.channels else "agent"
        self._column = self.audio.channels.index(self.channel)
        self._decoder = Decoder(self.audio)
        cuts = segmenter_config(was.config)
        self._segmenter = Segmenter(cuts, self.audio.sample_rate, self.channel, state=was.segmenter)
        self._account = Account(self.start, self.policy, was)
        self.state = "paused" if was.paused else "live"

    def _milestone(self, state: SegmenterState) -> Milestone:
        return Milestone(state, self.state == "paused", self._counts)

    def reached(self, milestone: Milestone) -> Told:
        """Return the alerts that a milestone brings, once everything before it is out: silence makes no reading."""
        place = milestone.segmenter
        silent = 0 if place.speaking or place.silent_since is None else place.sample - place.silent_since
        return self._account.wait(position_sec(silent), position_sec(place.sample)) if silent else []

    def memory(self, milestone: Milestone) -> CallMemory:
        """Return what a checkpoint at a milestone carries, once everything before it is out."""
        # What was shed is known only now: it stood on the line as a segment.
        counts = msgspec.structs.replace(milestone.counts, dropped=self._counts.dropped)
        return self._account.memory(milestone, counts)

    def _count(self, **samples: int) -> None:
        counted = {name: getattr(self._counts, name) + more for name, more in samples.items()}
        self._counts = msgspec.structs.replace(self._counts, **counted)

    def _started(self, was: CallMemory) -> m.Started:
        return m.Started(
            resume_from_sample=was.sample,
            session_id=self.session_id,
            call_id=self.start.call_id,
            agent_id=self.start.agent_id,
            audio=self.start.audio,
            config=self.start.config,
            model=self.policy.model,
            limits=self.policy.limits,
            timestamp=rfc3339(was.started_at),
        )

    def _audio(self, data: bytes) -> list[Output]:
        frames = self._decoder.push(data)
        if self.state == "paused":
            # A client that sends while paused is not heard, but its clock goes on.
            self._ignored_frames += len(frames)
            blocks, self._ignored_frames = divmod(self._ignored_frames, self.audio.block)
            warned = self.warn([m.Warned("paused", "audio that is sent while paused is not heard")])
            # A gap restarts the VAD: one of no length must not.
            return [*warned, *self._within_length(self._discarded(blocks * GRID) if blocks else [])]
        samples = np.ascontiguousarray(frames[:, self._column])
        return self._within_length(self._outputs(self._segmenter.push(samples)))

    def _within_length(self, outputs: list[Output]) -> list[Output]:
        """End the call behind what it brought when it has become too long."""
        longest = self.policy.limits.max_call_sec
        if self._segmenter.position <= longest * SAMPLE_RATE:
            return outputs
        return [*outputs, *self.stop("too_long", TooLong(f"a call is at most {longest} seconds long"))]

    def _message(self, event: m.ClientMessage, now: datetime) -> list[Output]:
        match event:
            case m.Pause():
                return self._pause()
            case m.ResumeAudio():
                return self._resume()
            case m.Discarded():
                odd = [m.Warned("odd_gap", f"count what is discarded in multiples of {GRID} samples (10 ms)")]
                warned = self.warn(odd if event.samples % GRID else [])
                return self._within_length([*warned, *self._discarded(event.samples)])
            case m.Flush():
                return [*self._outputs(self._segmenter.flush()), m.Flushed(self.position_sec)]
            case m.Feedback():
                return self._heed(self.recap.feedback(event, now))
            case m.HintFeedback():
                return self._heed(self.recap.hint_feedback(event, now))
            case m.Ping():
                return [m.Pong(event.id)]
            case m.Stop():
                return self.stop("stop")
        return []  # a transcript: accepted and bounded; words are not fused yet

    def _pause(self) -> list[Output]:
        if self.state == "paused":
            return [*self.warn([m.Warned("already_paused", "the call is paused already")])]
        outputs = self._outputs(self._segmenter.finish())  # what lies before the pause is not paused
        self.state = "paused"
        return [*outputs, m.Paused(self.position_sec, self.discarded_sec)]

    def _resume(self) -> list[Output]:
        if self.state == "live":
            return [*self.warn([m.Warned("not_paused", "the call is not paused")])]
        self.state = "live"
        return [m.Resumed(self.position_sec, self.discarded_sec)]

    def _discarded(self, samples: int) -> list[Output]:
        outputs = self._outputs(self._segmenter.finish())  # what lies before the gap does not know of it
        self._count(discarded=samples, paused=samples if self.state == "paused" else 0)
        return [*outputs, *self._outputs(self._segmenter.skip(samples))]

    def _heed(self, word: r.LoggedFeedback | r.LoggedHintFeedback | m.Warned) -> list[Output]:
        return [*self.warn([word])] if isinstance(word, m.Warned) else [word]

    def stop(self, reason: str, error: UndervoiceError | None = None) -> list[Output]:
        """Close whatever is open and end the call."""
        self.state = "stopped"
        return [*self._outputs(self._segmenter.finish()), End(reason, error)]

    def _outputs(self, events: Sequence[Event]) -> list[Output]:
        return [output for event in events for output in self._output(event)] if events else []

    def _output(self, event: Event) -> Iterator[Output]:
        match event:
            case SpeechStarted():
                yield m.Speech("started", position_sec(event.sample), self.channel)
            case SpeechEnded():
                yield m.Speech("ended", position_sec(event.sample), self.channel)
            case Segment():
                yield event
            case Rest():
                self._count(short=event.samples)
            case _:  # a place
                yield self._milestone(event.state)

    # ------------------------------------------------------------ scores in

    def scored(self, segment: Segment, scores: Scores, latency_ms: float) -> Told:
        """Take a segment's scores; return the reading and, for a final one, what follows from it."""
        return self._account.hear(segment, scores, latency_ms)

    def shed(self, segment: Segment) -> list[m.Warned]:
        """Count a final segment that could not be scored in time."""
        if not segment.final:
            return []
        self._count(dropped=segment.end - segment.start)
        start = position_sec(segment.start)
        return [m.Warned("overloaded", f"{segment.duration_sec:.1f} s from {start:.1f} s on were not scored", None)]

    # ------------------------------------------------------------ what stands at the moment

    @property
    def recap(self) -> Recap:
        """What the call adds up to, and how stores keep it."""
        return self._account.recap

    @property
    def position_sec(self) -> float:
        """Seconds of call audio received or discarded so far."""
        return position_sec(self._segmenter.position)

    @property
    def discarded_sec(self) -> float:
        """Seconds that the client did not send."""
        return position_sec(self._counts.discarded)

    @property
    def discarded_agent_sec(self) -> float:
        """Seconds of the agent's voice that came and were thrown away unheard."""
        beside = self.channel == "customer" and "agent" in self.audio.channels
        return max(0.0, self.position_sec - self.discarded_sec) if beside else 0.0

    def stats(self, *, processed_sec: float, lag_ms: float, queued: int) -> m.Stats:
        """Return how the call stands."""
        return m.Stats(
            received_sec=self.position_sec,
            processed_sec=processed_sec,
            lag_ms=round(lag_ms, 1),
            queued=queued,
            dropped_sec=position_sec(self._counts.dropped),
            short_sec=position_sec(self._counts.short),
            discarded_agent_sec=round(self.discarded_agent_sec, 3),
        )

    def totals(self) -> m.Totals:
        """Return the call in figures so far."""
        return m.Totals(
            audio_sec=self.position_sec,
            speech_sec=self.recap.speech_sec,
            segments=self.recap.segments,
            dropped_sec=position_sec(self._counts.dropped),
            short_sec=position_sec(self._counts.short),
            paused_sec=position_sec(self._counts.paused),
        )

    def call(self, ended_at: datetime | None = None, reason: str | None = None) -> r.Call:
        """Return the call as supervisors see it."""
        return self._account.call(self.totals(), ended_at, reason)
