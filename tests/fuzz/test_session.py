"""One call, in any order of events: what holds of it always."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import settings, stateful
from hypothesis import strategies as st

from tests.fuzz.clients import Client, essence
from tests.fuzz.material import FORMATS, Piece
from tests.fuzz.table import ALWAYS, ANSWERED, CONFIGS, MAY_FOLLOW, MESSAGES, PIECES, SPEECH
from tests.fuzz.watching import Tally
from tests.rules.made import RULES
from undervoice import messages as m
from undervoice.alerts import Conditions, Rule
from undervoice.emotion import GRID, SAMPLE_RATE, Emotion, position_sec
from undervoice.errors import BadStart, TooLong
from undervoice.memory import Milestone
from undervoice.opening import Policy
from undervoice.session import MAX_WARNINGS, End, Output
from undervoice.terms import Audio, Config

TOUCHY = (
    *RULES,
    Rule("still", "info", "Still.", cooldown_sec=30.0, when=Conditions(silent_sec=5.0)),
    Rule("poor", "info", "Poor.", cooldown_sec=30.0, when=Conditions(snr_below_db=60.0, speech_sec=2.0)),
)
"""Rules that fire in short calls too."""


class AnyCall(stateful.RuleBasedStateMachine):
    """A client that does anything, beside a plain count of what it did."""

    events = 0
    """Of all calls."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "new"
        self.position = 0.0
        self.heard_frames = self.ignored_frames = self.carried = self.discarded = self.paused = 0
        self.warnings: list[m.Warned] = []

    @stateful.initialize(
        audio=st.sampled_from(FORMATS),
        config=CONFIGS,
        seed=st.integers(0, 2**32 - 1),
        tidy=st.booleans(),
        longest=st.sampled_from([14_400, 14_400, 14_400, 9]),
        starts=st.sampled_from([True, True, True, False]),
    )
    def arrive(self, audio: Any, config: Config, seed: int, tidy: bool, longest: int, starts: bool) -> None:
        labels = [emotion.value for emotion in Emotion]
        model, limits = m.ModelInfo("made", "1", "0" * 64, labels), m.Limits(262_144, longest, 60)
        self.client = Client(Policy(model, limits, subjects=("customer", "agent"), rules=TOUCHY))
        self.audio, self.config, self.tidy, self.longest = audio, config, tidy, longest
        self.chance = np.random.default_rng(seed)
        if starts:
            self.start()

    # ------------------------------------------------------------ what a client does

    @stateful.precondition(lambda self: self.state == "new")
    @stateful.rule(event=st.one_of(MESSAGES, st.binary(max_size=9), st.sampled_from([m.Stop(), m.Pause(), m.Flush()])))
    def begin_with_something_else(self, event: Any) -> None:
        with pytest.raises(BadStart):
            self.client.session.receive(event, None)  # type: ignore[arg-type]

    @stateful.rule()
    def start(self) -> None:
        audio = Audio(self.audio.encoding, self.audio.sample_rate, self.audio.channels)
        outputs = self.client.send(m.Start("c-1", audio, config=self.config))
        if self.state == "new":
            started, *rest = outputs
            assert isinstance(started, m.Started)
            assert all(isinstance(output, m.Warned | Milestone) for output in rest)
            self.state = "live"
        else:
            self._check(m.Start, outputs)

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(piece=SPEECH)
    def somebody_speaks(self, piece: Piece) -> None:
        self._send_audio(piece.encode(self.audio))

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(piece=PIECES)
    def audio_comes(self, piece: Piece) -> None:
        self._send_audio(piece.encode(self.audio))

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(data=st.binary(max_size=300))
    def odd_bytes_come(self, data: bytes) -> None:
        self._send_audio(data)

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(samples=st.one_of(st.integers(0, 1000), st.integers(0, 200_000)))
    def audio_is_discarded(self, samples: int) -> None:
        samples -= samples % GRID if self.tidy else 0
        self._fill_block()
        if self.state != "stopped":
            self.discarded += samples
            self.paused += samples * (self.state == "paused")
        self._message(m.Discarded(samples))

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(event=MESSAGES)
    def a_message_comes(self, event: m.ClientMessage) -> None:
        self._message(event)

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(event=st.sampled_from([m.Pause(), m.ResumeAudio(), m.Flush()]))
    def the_state_changes(self, event: m.ClientMessage) -> None:
        if isinstance(event, m.Pause):
            self._fill_block()
        was, outputs = self.state, self._message(event)
        if was == "stopped" or isinstance(event, m.Flush):
            return
        self.state = "paused" if isinstance(event, m.Pause) else "live"
        if was != self.state:
            assert isinstance(outputs[-1], m.Paused | m.Resumed)

    @stateful.precondition(lambda self: self.state != "new")
    @stateful.rule(most=st.integers(1, 5))
    def the_model_answers(self, most: int) -> None:
        self.client.hear(most)

    # ------------------------------------------------------------ what it counts beside

    def _fill_block(self) -> None:
        """Send what is missing to the next 10 ms, as a tidy client does before a gap."""
        block = self.audio.block * self.audio.frame_bytes
        if self.tidy and self.state == "live":
            self._send_audio(bytes(-(self.heard_frames * self.audio.frame_bytes + self.carried) % block))

    def _send_audio(self, data: bytes) -> None:
        if self.tidy and self.state == "paused":
            data = data[: len(data) - len(data) % (self.audio.block * self.audio.frame_bytes)]
        state = self.state
        self._check(bytes, self.client.send(data))
        if state == "stopped":
            return
        frames, self.carried = divmod(self.carried + len(data), self.audio.frame_bytes)
        if state == "live":
            self.heard_frames += frames
        else:
            blocks, self.ignored_frames = divmod(self.ignored_frames + frames, self.audio.block)
            self.discarded += blocks * GRID
            self.paused += blocks * GRID

    def _message(self, event: m.ClientMessage) -> list[Output]:
        outputs = self.client.send(event)
        self._check(type(event), outputs)
        return outputs

    def _check(self, kind: type, outputs: list[Output]) -> None:
        """Hold what an event made happen against the table."""
        if self.state == "stopped":
            assert outputs == []
            return
        allowed = ALWAYS[kind] if kind in ALWAYS else MAY_FOLLOW[self.state, kind]
        assert {type(output) for output in outputs} <= {
            *allowed,
            m.Warned if kind in (bytes, m.Discarded) else m.Speech,
            m.Speech,
        }
        if kind in ANSWERED:
            assert isinstance(outputs[-1], ANSWERED[kind])
        if outputs and isinstance(outputs[-1], End):
            self.state = "stopped"
            assert (kind is m.Stop) == (outputs[-1].error is None)
            assert isinstance(outputs[-1].error, TooLong | None)
        self.warnings += [output for output in outputs if isinstance(output, m.Warned)]
        assert not any(isinstance(output, End) for output in outputs[:-1])

    # ------------------------------------------------------------ what always holds

    @stateful.invariant()
    def it_keeps_its_promises(self) -> None:
        if self.state != "new":
            self.time_goes_on_and_is_what_was_sent()
            self.figures_agree()
            self.segments_stand_in_what_was_heard()

    def time_goes_on_and_is_what_was_sent(self) -> None:
        session = self.client.session
        sent = (self.heard_frames // self.audio.block + self.discarded // GRID) * GRID / SAMPLE_RATE
        assert self.position <= session.position_sec == position_sec(round(sent * SAMPLE_RATE))
        self.position = session.position_sec
        assert session.discarded_sec == position_sec(self.discarded)
        assert self.state == session.state
        assert self.state == "stopped" or sent <= self.longest

    def figures_agree(self) -> None:
        totals, client = self.client.session.totals(), self.client
        readings = [told for told in client.told if isinstance(told, m.EmotionReading) and told.final]
        assert totals.segments == len(readings)
        assert totals.paused_sec == position_sec(self.paused)
        lengths = sum(reading.end_offset_sec - reading.start_offset_sec for reading in readings)
        assert abs(totals.speech_sec - lengths) < 1e-5
        heard = self.heard_frames / self.audio.sample_rate
        assert totals.speech_sec + totals.dropped_sec <= heard + 1e-6
        assert totals.short_sec <= heard + 1e-6  # the pre-roll of what follows may reach into it
        stats = client.session.stats(processed_sec=0.0, lag_ms=0.0, queued=0)
        assert 0 <= stats.discarded_agent_sec <= heard
        assert len({(warning.code, warning.ref) for warning in self.warnings}) == len(self.warnings) <= MAX_WARNINGS

    def segments_stand_in_what_was_heard(self) -> None:
        final = [segment for segment in self.client.segments if segment.final]
        assert all(a.end <= b.start for a, b in itertools.pairwise(final))
        for segment in self.client.segments[-3:]:
            assert segment.start % GRID == 0 == segment.end % GRID
            assert 0 <= segment.start < segment.end <= round(self.position * SAMPLE_RATE)
            assert len(segment.samples) == segment.end - segment.start
        offsets = [told.offset_sec for told in self.client.told if isinstance(told, m.Alert)]
        assert offsets == sorted(offsets)

    # ------------------------------------------------------------ at the end

    def teardown(self) -> None:
        if self.state == "new":
            return
        if self.state != "stopped":
            self._message(m.Stop())
        self.client.hear()
        self.it_keeps_its_promises()
        AnyCall.events += len(self.client.events)
        ids = [told.segment_id for told in self.client.told if isinstance(told, m.EmotionReading) and told.final]
        assert len(set(ids)) == len(ids)
        self.frames_of_other_sizes_change_nothing()
        if self.tidy:
            self.another_server_goes_on_as_if_nothing_had_happened()

    def frames_of_other_sizes_change_nothing(self) -> None:
        if self._too_long():
            return  # where a call ends by its length depends on the frame that exceeded it
        other = self.client.cut_otherwise(self.chance)
        assert essence(other.told) == essence(self.client.told)
        assert other.session.call() == self.client.session.call()

    def another_server_goes_on_as_if_nothing_had_happened(self) -> None:
        if self._too_long() or not self.client.checkpoints:
            return
        kept = self.client.checkpoints
        for checkpoint in (kept[-1], kept[int(self.chance.integers(len(kept)))]):
            other = self.client.continued(checkpoint, self.chance)
            assert essence(other.told) == essence(self.client.told[checkpoint.told :])
            assert other.session.call() == self.client.session.call()

    def _too_long(self) -> bool:
        end = self.client.told[-1]
        return isinstance(end, End) and end.error is not None


def test_any_call_keeps_its_promises(long: bool) -> None:
    profile = settings(settings.get_profile("fuzz"), max_examples=2000 if long else 60, stateful_step_count=40)
    with Tally("events of calls") as tally:
        stateful.run_state_machine_as_test(AnyCall, settings=profile)
        tally.cases = AnyCall.events
