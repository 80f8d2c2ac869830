"""A call that was cut and went on elsewhere ends as one that never was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.made import RULES, scores
from tests.voices import sentence
from undervoice import messages as m
from undervoice.alerts import AlertMemory, Conditions, Rule
from undervoice.emotion import SAMPLE_RATE, Segment
from undervoice.errors import BadStart
from undervoice.memory import CallMemory, Milestone
from undervoice.opening import Policy
from undervoice.rulebook import MOST_AUDIO_RULES, MOST_RULES
from undervoice.seals import LONGEST_TOKEN, Seals
from undervoice.session import Output, Session
from undervoice.terms import Audio, Config

NOW = datetime(2026, 5, 24, 10, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=7)
TOUCHY = (
    *RULES,
    Rule("still", "info", "Still.", cooldown_sec=12.0, when=Conditions(silent_sec=5.0)),
    Rule("poor", "info", "Poor.", cooldown_sec=6.0, when=Conditions(snr_below_db=60.0, speech_sec=4.0)),
)
"""Rules of every kind that fire in a short call."""
POLICY = Policy(m.ModelInfo("made", "1", "0" * 64, ["neutral", "sad"]), m.Limits(262_144, 14_400, 60), rules=TOUCHY)
SECRETS = ("s" * 32, "t" * 32)
Event = bytes | m.ClientMessage


def start(rate: int = SAMPLE_RATE, **fields: Any) -> m.Start:
    return m.Start(**{"call_id": "c-1", "agent_id": "a-1", "audio": Audio(sample_rate=rate)} | fields)


def mood_of(segment: Segment) -> str:
    """Return what a segment sounds like, by its place alone."""
    return ("neutral", "angry", "angry", "angry", "angry", "angry", "angry")[segment.start // 29_000 % 7]


def answer(session: Session, outputs: list[Output]) -> list[Any]:
    """Return what the client sees, with a checkpoint's memory in its place."""
    told: list[Any] = []
    for output in outputs:
        if isinstance(output, Segment):
            told += session.scored(output, scores(mood_of(output)), 5.0)
        elif isinstance(output, Milestone):
            told += session.reached(output)
            told.append(session.memory(output))
        else:
            told.append(output)
    return told


@dataclass
class Client:
    """Sends a call's events, and keeps those after the newest checkpoint, each where it stands."""

    rate: int
    heard: list[Any] = field(default_factory=list)
    kept: list[tuple[int, Event]] = field(default_factory=list)
    position: int = 0
    """Call samples sent or discarded so far."""
    checkpoint: CallMemory | None = None

    def send(self, session: Session, event: Event) -> None:
        self.kept.append((self.position, event))
        self.position += self.length(event)
        for message in answer(session, session.receive(event, NOW)):
            self.hear(message)

    def length(self, event: Event) -> int:
        if isinstance(event, bytes):
            return len(event) // 2 * SAMPLE_RATE // self.rate
        return event.samples if isinstance(event, m.Discarded) else 0

    def hear(self, message: Any) -> None:
        if not isinstance(message, CallMemory):
            self.heard.append(message)
            return
        self.checkpoint = message
        self.kept = [
            (max(at, message.sample), self.after(event, message.sample - at))
            for at, event in self.kept
            if at + self.length(event) > message.sample or at >= message.sample
        ]

    def after(self, event: Event, samples: int) -> Event:
        if samples <= 0:
            return event
        if isinstance(event, bytes):
            return event[2 * samples * self.rate // SAMPLE_RATE :]
        assert isinstance(event, m.Discarded)
        return m.Discarded(event.samples - samples)

    def reconnect(self, **fields: Any) -> Session:
        """Go on with another session, over the checkpoint as it travels."""
        assert self.checkpoint is not None
        token = Seals(SECRETS[0]).seal("c-1", "a-1", self.checkpoint)
        session = Session(POLICY, "s-2")
        session.continues(Seals(*reversed(SECRETS)).open(token, "c-1", "a-1"))
        again, self.kept, self.position = self.kept, [], self.checkpoint.sample
        started, *rest = session.receive(start(self.rate, resume=m.Resume(token), **fields), LATER)
        assert isinstance(started, m.Started)
        assert started.resume_from_sample == self.position
        for message in answer(session, rest):
            self.hear(message)
        for _, event in again:
            self.send(session, event)
        return session

    @property
    def finals(self) -> dict[str, Any]:
        """The first final of each id, without what the moment gave it."""
        found: dict[str, Any] = {}
        for message in self.heard:
            if isinstance(message, m.EmotionReading) and message.final:
                found.setdefault(message.segment_id, msgspec.structs.replace(message, seq=0, latency_ms=0.0))
        return found

    @property
    def alerts(self) -> set[tuple[str, float]]:
        return {(message.rule, message.offset_sec) for message in self.heard if isinstance(message, m.Alert)}


def play(events: list[Event], cuts: set[int], rate: int = SAMPLE_RATE, unheard: int = 0) -> tuple[Client, Session]:
    """Run a call that loses its connection before each event of ``cuts``, and the last words before it."""
    client, session = Client(rate), Session(POLICY, "s-1")
    for message in answer(session, session.receive(start(rate), NOW)):
        client.hear(message)
    for number, event in enumerate(events):
        if number in cuts:
            session = client.reconnect()
        client.send(session, event)
    client.heard += answer(session, session.receive(m.Stop(), NOW))
    return client, session


def assert_same(cut: tuple[Client, Session], whole: tuple[Client, Session]) -> None:
    assert cut[0].finals == whole[0].finals
    assert cut[0].alerts == whole[0].alerts
    assert cut[1].totals() == whole[1].totals()
    ours, theirs = (run[1].call(LATER, "stop") for run in (cut, whole))
    assert ours == theirs


def frames(samples: np.ndarray, rate: int, size_ms: int) -> list[Event]:
    size = rate * size_ms // 1000
    return [samples[at : at + size].astype("<i2").tobytes() for at in range(0, len(samples), size)]


SPEECH = sentence(0.7, 9.1, 1.3, 0.3, 6.0, 2.9, 0.2, 1.1, 2.0, 16.2, 0.4)


@pytest.mark.parametrize("cut", range(0, 400, 16))
def test_cut_at_any_moment_and_resumed_the_call_is_the_undisturbed_one(cut: int) -> None:
    events = frames(SPEECH, SAMPLE_RATE, 100)
    whole = play(events, set())
    assert {rule for rule, _ in whole[0].alerts} >= {"sustained_upset", "still", "poor"}
    assert_same(play(events, {cut}), whole)


lengths = st.integers(1, 60).map(lambda tens: 160 * tens)
events = st.one_of(
    st.tuples(st.integers(0, 380), st.integers(1, 25)).map(
        lambda span: SPEECH[1600 * span[0] : 1600 * (span[0] + span[1])].tobytes()
    ),
    st.just(m.Pause()),
    st.just(m.ResumeAudio()),
    st.just(m.Flush()),
    lengths.map(m.Discarded),
    st.just(m.Discarded(6 * SAMPLE_RATE)),
    st.just(m.Ping(1)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=30), st.sets(st.integers(0, 29), max_size=4))
def test_whatever_the_client_did_a_resumed_call_is_the_undisturbed_one(events: list[Event], cuts: set[int]) -> None:
    assert_same(play(events, cuts), play(events, set()))


@pytest.mark.parametrize("rate", [8000, 24_000, 44_100, 48_000])
def test_at_every_rate_a_resumed_call_is_the_undisturbed_one(rate: int) -> None:
    said = sentence(0.5, 3.2, 1.0, 1.7, 0.9)
    times = np.arange(len(said) * rate // SAMPLE_RATE) * SAMPLE_RATE / rate
    events = frames(np.interp(times, np.arange(len(said)), said).astype(np.int16), rate, 50)
    whole = play(events, set(), rate)
    assert len(whole[0].finals) >= 3
    for cut in range(3, len(events), 17):
        assert_same(play(events, {cut, cut + 9}, rate), whole)


def test_a_pause_outlives_the_connection() -> None:
    client, _ = play([SPEECH[: 4 * SAMPLE_RATE].tobytes(), m.Pause(), m.Discarded(6 * SAMPLE_RATE)], set())
    assert client.checkpoint is not None
    assert client.checkpoint.paused
    resumed = client.reconnect()
    assert resumed.state == "paused"
    assert resumed.totals().paused_sec == 6.0


def test_a_call_keeps_the_configuration_that_it_began_with() -> None:
    client, _ = play(frames(SPEECH[: 3 * SAMPLE_RATE], SAMPLE_RATE, 100), set())
    token = Seals(SECRETS[0]).seal("c-1", "a-1", client.checkpoint)  # type: ignore[arg-type]
    session = Session(POLICY, "s-2")
    session.continues(client.checkpoint)  # type: ignore[arg-type]
    other = start(config=Config(segment_ms=1000), resume=m.Resume(token))
    started, *rest = session.receive(other, LATER)
    assert isinstance(started, m.Started)
    assert started.config == Config()
    assert started.timestamp == "2026-05-24T10:30:00.000Z"
    assert [warning.ref for warning in rest if isinstance(warning, m.Warned)] == ["config"]


# ---------------------------------------------------------------- silence, which no reading tells of

QUIET = np.zeros(80 * SAMPLE_RATE, np.int16)


def silences(*events: Event) -> list[float]:
    client, _ = play(list(events), set())
    return sorted(at for rule, at in client.alerts if rule == "silence")


def test_a_customer_who_falls_silent_raises_an_alert_in_every_silence() -> None:
    talk = SPEECH[: 4 * SAMPLE_RATE].tobytes()
    (first,) = silences(talk, QUIET.tobytes())
    assert 64.0 <= first < 70.0
    later = silences(
        *[talk, QUIET.tobytes()] * 3
    )  # the second falls into the cooldown of the first, and ends before it
    assert later == pytest.approx([first, first + 168], abs=5.1)
    assert silences(*[talk, QUIET[: 50 * SAMPLE_RATE].tobytes()] * 3) == []


def test_what_was_never_heard_is_no_silence() -> None:
    talk, half = SPEECH[: 4 * SAMPLE_RATE].tobytes(), QUIET[: 40 * SAMPLE_RATE].tobytes()
    assert silences(talk, m.Pause(), m.Discarded(200 * SAMPLE_RATE), m.ResumeAudio(), half) == []
    assert silences(talk, half, m.Discarded(SAMPLE_RATE), half) == []
    assert silences(talk, half, m.Flush(), half) != []


@pytest.mark.parametrize("cut", range(3, 160, 12))
def test_a_silence_that_outlives_a_connection_is_told_where_it_would_have_been(cut: int) -> None:
    events = frames(np.concatenate([SPEECH[: 4 * SAMPLE_RATE], QUIET]), SAMPLE_RATE, 500)
    whole = play(events, set())
    assert "silence" in {rule for rule, _ in whole[0].alerts}
    assert_same(play(events, {cut, cut + 5}), whole)


def test_a_checkpoint_of_the_version_before_is_still_opened() -> None:
    told = msgspec.to_builtins(memory_of(12))
    del told["segmenter"]["silent_since"], told["alerts"]["badly"]
    older = msgspec.convert(told, CallMemory)
    session = Session(POLICY, "s-2")
    session.continues(older)
    outputs = answer(session, session.receive(start(resume=m.Resume("token")), LATER))
    outputs += answer(session, session.receive(QUIET[: 50 * SAMPLE_RATE].tobytes(), LATER))
    assert next(output.sample for output in outputs if isinstance(output, CallMemory)) == older.sample
    assert "silence" not in [output.rule for output in outputs if isinstance(output, m.Alert)]
    outputs += answer(session, session.receive(QUIET[: 20 * SAMPLE_RATE].tobytes(), LATER))
    assert "silence" in [output.rule for output in outputs if isinstance(output, m.Alert)]


def test_a_start_that_names_a_checkpoint_continues_from_one() -> None:
    with pytest.raises(BadStart) as refused:
        Session(POLICY, "s-1").receive(start(resume=m.Resume("token")), NOW)
    assert refused.value.code == "bad_checkpoint"


# ---------------------------------------------------------------- the seal


def memory_of(seconds: int = 20) -> CallMemory:
    client, _ = play(frames(SPEECH[: seconds * SAMPLE_RATE], SAMPLE_RATE, 100), set())
    assert client.checkpoint is not None
    return client.checkpoint


def test_a_checkpoint_travels_whole() -> None:
    seals, memory = Seals(SECRETS[0]), memory_of()
    assert seals.open(seals.seal("c-1", "a-1", memory), "c-1", "a-1") == memory


def test_a_long_and_troubled_call_still_fits() -> None:
    session = Session(POLICY, "s-1")
    client = Client(SAMPLE_RATE)
    session.receive(start(), NOW)
    loud = sentence(*[0.3, 0.9] * 40)
    for _ in range(12):
        for event in frames(loud, SAMPLE_RATE, 200):
            client.send(session, event)
    memory = client.checkpoint
    assert memory is not None
    recap = msgspec.structs.replace(memory.recap, alerts=tuple((f"rule-of-one-owner-{n}", n * 1.37) for n in range(16)))
    token = Seals(SECRETS[0]).seal("c" * 128, "a" * 128, msgspec.structs.replace(memory, recap=recap))
    assert len(token) <= LONGEST_TOKEN


def rules_remembered(rules: int, audio_rules: int, scores: int) -> AlertMemory:
    """Return the memory of rules that have all fired, with the longest names and figures that hardly compress."""
    chance = np.random.default_rng(7)
    letters = list("abcdefghijklmnopqrstuvwxyz_0123456789")
    names = ["r" + "".join(chance.choice(letters, 23)) for _ in range(rules)]
    at = [round(float(sec), 2) for sec in chance.random(2 * rules + scores) * 14_400]
    return AlertMemory(
        dict(zip(names, at, strict=False)),
        tuple((sec, round(sec / 14_400, 4)) for sec in sorted(at[-scores:])),
        "recovering",
        "upset",
        dict(zip(names[:audio_rules], at[rules:], strict=False)),
    )


def test_with_as_many_rules_as_may_be_in_force_it_still_fits() -> None:
    alerts = rules_remembered(MOST_RULES, MOST_AUDIO_RULES, 12)
    memory = msgspec.structs.replace(memory_of(), alerts=alerts)
    token = Seals(SECRETS[0]).seal("c" * 128, "a" * 128, memory)
    assert Seals(SECRETS[0]).open(token, "c" * 128, "a" * 128).alerts == alerts


def test_what_would_never_fit_costs_cooldowns_and_not_the_call() -> None:
    memory = msgspec.structs.replace(memory_of(), alerts=rules_remembered(60, 60, 60))
    opened = Seals(SECRETS[0]).open(Seals(SECRETS[0]).seal("c-1", "a-1", memory), "c-1", "a-1")
    assert (opened.alerts, opened.mood) == (AlertMemory(state="recovering"), memory.mood)


@given(st.data())
def test_a_changed_checkpoint_is_none(data: st.DataObject) -> None:
    seals = Seals(SECRETS[0])
    token = seals.seal("c-1", "a-1", CallMemory(started_at=NOW, config=Config(), segmenter=memory_of(1).segmenter))
    at = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from("ABCDEFGHabcdefgh0123-_=").filter(lambda c: c != token[at]))
    with pytest.raises(BadStart):
        seals.open(token[:at] + letter + token[at + 1 :], "c-1", "a-1")


@pytest.mark.parametrize(("call_id", "agent_id"), [("c-2", "a-1"), ("c-1", "a-2"), ("c-1", None)])
def test_a_checkpoint_is_for_its_call_and_agent_alone(call_id: str, agent_id: str | None) -> None:
    seals = Seals(SECRETS[0])
    token = seals.seal("c-1", "a-1", memory_of(4))
    with pytest.raises(BadStart) as refused:
        seals.open(token, call_id, agent_id)
    assert refused.value.code == "bad_checkpoint"


@pytest.mark.parametrize("forged", ["", "x", "…", "A" * 40, "A" * 5000, "=" * 40])
def test_what_was_never_sealed_is_no_checkpoint(forged: str) -> None:
    with pytest.raises(BadStart):
        Seals(SECRETS[0]).open(forged, "c-1", "a-1")


def test_another_deployments_checkpoint_is_none() -> None:
    token = Seals(SECRETS[0]).seal("c-1", "a-1", memory_of(4))
    with pytest.raises(BadStart):
        Seals(SECRETS[1]).open(token, "c-1", "a-1")
