"""One call's protocol, without a socket."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.made import RULES, scores
from tests.voices import sentence, silence, voice
from undervoice import messages as m
from undervoice import resources as r
from undervoice.emotion import Segment
from undervoice.errors import BadStart, CallExists, Forbidden, TooLong, UndervoiceError, UnsupportedAudio
from undervoice.memory import Milestone
from undervoice.opening import Policy
from undervoice.session import End, Output, Session
from undervoice.terms import Audio, Config, Consent, VadConfig

NOW = datetime(2026, 5, 24, 10, 30, tzinfo=UTC)
POLICY = Policy(m.ModelInfo("made", "1", "0" * 64, ["neutral", "sad"]), m.Limits(262_144, 14_400, 60), rules=RULES)
SPEECH = sentence(0.5, 3.0, 1.0)


def start(**fields: Any) -> m.Start:
    return m.Start(**{"call_id": "c-1", "audio": Audio()} | fields)


def opened(policy: Policy = POLICY, **fields: Any) -> Session:
    session = Session(policy, "s-1")
    session.receive(start(**fields), NOW)
    return session


def send(session: Session, *events: bytes | m.ClientMessage) -> list[Output]:
    outputs = [output for event in events for output in session.receive(event, NOW)]
    return [output for output in outputs if not isinstance(output, Milestone)]


def answered(session: Session, outputs: list[Output], top: str = "neutral") -> list[Any]:
    """Score every segment and return what the client would see."""
    told: list[Any] = []
    for output in outputs:
        told += session.scored(output, scores(top), 5.0) if isinstance(output, Segment) else [output]
    return told


def kinds(outputs: list[Any]) -> list[str]:
    return [type(output).__name__ for output in outputs]


# ---------------------------------------------------------------- start


def test_started_says_the_whole_configuration_in_force() -> None:
    session = Session(POLICY, "s-1")
    started, place = session.receive(start(agent_id="a-7"), NOW)
    assert isinstance(place, Milestone)
    assert isinstance(started, m.Started)
    assert (started.call_id, started.agent_id, started.resume_from_sample) == ("c-1", "a-7", 0)
    assert started.config == Config()
    assert started.model.name == "made"
    assert started.timestamp == "2026-05-24T10:30:00.000Z"


def test_values_out_of_range_become_the_nearest_and_are_told() -> None:
    session = Session(POLICY, "s-1")
    config = Config(VadConfig(mode=9, hangover_ms=1), segment_ms=99_999, provisional_ms=-4)
    started, *warnings = session.receive(start(config=config), NOW)
    assert isinstance(started, m.Started)
    assert started.config == Config(VadConfig(3, 100), 5000, 500)
    assert {w.ref for w in warnings if isinstance(w, m.Warned)} == {
        "mode",
        "hangover_ms",
        "segment_ms",
        "provisional_ms",
    }
    off, *_ = Session(POLICY, "s-2").receive(start(config=Config(provisional_ms=0)), NOW)
    assert isinstance(off, m.Started)
    assert off.config.provisional_ms == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"audio": Audio(sample_rate=12_345)}, UnsupportedAudio),
        ({"audio": Audio(channels=("agent",))}, BadStart),
        ({"metadata": {"x": "y" * 5000}}, BadStart),
        ({"resume": m.Resume("token")}, BadStart),
    ],
)
def test_a_start_that_cannot_be_served_ends_the_call(fields: dict[str, Any], error: type[Exception]) -> None:
    session = Session(POLICY, "s-1")
    with pytest.raises(error):
        session.receive(start(**fields), NOW)
    assert session.state == "new"


def test_where_consent_is_required_nobody_is_heard_without() -> None:
    policy = Policy(POLICY.model, POLICY.limits, consent_required=True)
    with pytest.raises(Forbidden) as refused:
        opened(policy)
    assert (refused.value.code, refused.value.close_code) == ("consent_required", 4403)
    assert opened(policy, consent=Consent("notice", "ivr-4")).state == "live"


@pytest.mark.parametrize("event", [b"\0\0", m.Stop(), m.Ping(1), m.Pause(), m.Flush()])
def test_anything_before_start_ends_the_call(event: bytes | m.ClientMessage) -> None:
    with pytest.raises(BadStart):
        Session(POLICY, "s-1").receive(event, NOW)


def test_a_second_start_is_a_warning_once() -> None:
    session = opened()
    assert [w.code for w in send(session, start(), start()) if isinstance(w, m.Warned)] == ["already_started"]
    assert session.state == "live"


# ---------------------------------------------------------------- audio


def test_a_call_tells_speech_readings_and_mood_in_order() -> None:
    session = opened()
    outputs = send(session, SPEECH.tobytes(), m.Stop())
    told = answered(session, outputs, "angry")
    assert kinds([t for t in told if not (isinstance(t, m.EmotionReading) and not t.final)]) == [
        "Speech",
        "EmotionReading",
        "Mood",
        "Speech",
        "EmotionReading",
        "Mood",
        "End",
    ]
    readings = [t for t in told if isinstance(t, m.EmotionReading)]
    assert [r.seq for r in readings] == list(range(1, len(readings) + 1))
    final = next(r for r in readings if r.final)
    assert final.segment_id == f"c-1:customer:{round(final.start_offset_sec * 16000):09d}"
    assert final.detected_emotion == "angry"
    assert final.upset_score == pytest.approx(0.85)
    assert sum(final.all_emotions_confidence.values()) == pytest.approx(1, abs=1e-5)
    seconds = final.end_offset_sec
    assert final.timestamp == f"2026-05-24T10:30:0{int(seconds)}.{round(seconds % 1 * 1000):03d}Z"


def test_the_agents_voice_reaches_nothing_and_is_counted() -> None:
    speech, quiet = SPEECH, silence(len(SPEECH) / 16_000)
    both = np.stack([quiet, speech], axis=1)
    session = opened(audio=Audio(channels=("customer", "agent")))
    outputs = send(session, both.tobytes(), m.Stop())
    assert not [o for o in outputs if isinstance(o, Segment)]
    assert session.stats(processed_sec=0, lag_ms=0, queued=0).discarded_agent_sec == pytest.approx(4.5)
    other = opened(audio=Audio(channels=("agent", "customer")))
    swapped = [o for o in send(other, both.tobytes(), m.Stop()) if isinstance(o, Segment)]
    alone = opened()
    assert [s.start for s in swapped] == [
        s.start for s in send(alone, speech.tobytes(), m.Stop()) if isinstance(s, Segment)
    ]


def test_provisional_readings_touch_neither_mood_nor_totals() -> None:
    session = opened()
    outputs = send(session, voice(1.8).tobytes())
    told = answered(session, [o for o in outputs if isinstance(o, Segment)], "angry")
    assert kinds(told) == ["EmotionReading"]
    assert session.totals().segments == 0


def test_what_was_shed_is_counted_and_told() -> None:
    session = opened()
    final = next(o for o in send(session, SPEECH.tobytes(), m.Stop()) if isinstance(o, Segment) and o.final)
    (warning,) = session.shed(final)
    assert warning.code == "overloaded"
    assert session.totals().dropped_sec == final.duration_sec
    early = Segment("customer", 0, 16_000, final.samples, "provisional", -60.0)
    assert session.shed(early) == []


# ---------------------------------------------------------------- messages


def test_flush_answers_behind_the_reading_it_caused() -> None:
    session = opened()
    send(session, SPEECH[:32_000].tobytes())
    outputs = send(session, m.Flush())
    assert [kind for kind in kinds(outputs) if kind != "Speech"] == ["Segment", "Flushed"]


def test_pause_closes_what_is_open_and_the_clock_goes_on_by_what_is_discarded() -> None:
    session = opened()
    send(session, SPEECH[:32_000].tobytes())
    outputs = send(session, m.Pause("card"))
    assert kinds(outputs)[-2:] == ["Segment", "Paused"]
    assert kinds(send(session, m.Pause())) == ["Warned"]
    assert kinds(send(session, m.Discarded(16_000))) == []
    (resumed,) = send(session, m.ResumeAudio())
    assert resumed == m.Resumed(3.0, 1.0)
    assert kinds(send(session, m.ResumeAudio())) == ["Warned"]
    assert session.totals().paused_sec == 1.0


def test_audio_that_comes_while_paused_is_not_heard_but_counted() -> None:
    session = opened(audio=Audio(sample_rate=8000))
    outputs = send(session, m.Pause(), voice(2.0, sample_rate=8000).tobytes(), b"\0\0" * 7)
    assert kinds(outputs) == ["Paused", "Warned"]
    assert session.position_sec == 2.0


def test_a_gap_that_is_no_whole_number_of_ten_milliseconds_is_told_once() -> None:
    session = opened()
    warned = send(session, m.Discarded(160), m.Discarded(161), m.Discarded(161))
    assert [w.code for w in warned if isinstance(w, m.Warned)] == ["odd_gap"]


def test_feedback_is_kept_for_segments_of_the_call_alone() -> None:
    session = opened(agent_id="a-7")
    own, foreign = m.Feedback("c-1:customer:000000000", False, "sad"), m.Feedback("c-2:customer:000000000", True)
    kept, warned = send(session, own, foreign)
    assert kept == r.LoggedFeedback(own.segment_id, "c-1", "a-7", False, "sad", "2026-05-24T10:30:00.000Z")
    assert isinstance(warned, m.Warned)


def test_feedback_on_a_hint_is_kept_where_the_call_had_that_alert() -> None:
    session = opened(agent_id="a-7")
    told = answered(session, send(session, sentence(0.3, 20.0, 1.0).tobytes()), "angry")
    hint = next(t for t in told if isinstance(t, m.Alert))
    (kept,) = send(session, m.HintFeedback(hint.rule, False, hint.offset_sec))
    assert kept == r.LoggedHintFeedback(
        session.call().alerts[0].alert_id, "c-1", "a-7", hint.rule, False, hint.offset_sec, "2026-05-24T10:30:00.000Z"
    )
    for strange in (m.HintFeedback(hint.rule, True, hint.offset_sec + 1), m.HintFeedback("long_upset", True, 1.0)):
        outputs = send(session, strange)
        assert [type(o) for o in outputs] in ([m.Warned], []), "a kind of warning is sent once"


def test_feedback_names_a_label_of_the_model_or_none() -> None:
    segment = "c-1:customer:000000000"
    (warned,) = send(opened(), m.Feedback(segment, False, "joyful"))
    assert isinstance(warned, m.Warned)
    assert (warned.code, warned.ref) == ("unknown_emotion", "joyful")
    (kept,) = send(opened(), m.Feedback(segment, True))
    assert isinstance(kept, r.LoggedFeedback)
    (kept,) = send(opened(), m.Feedback(segment, False, upset=False))
    assert isinstance(kept, r.LoggedFeedback)
    assert (kept.emotion, kept.upset) == (None, False)


def test_pings_are_answered_and_transcripts_accepted() -> None:
    assert send(opened(), m.Ping("x"), m.Transcript(0, 1, "words")) == [m.Pong("x")]


def test_a_call_that_becomes_too_long_ends_with_what_it_said() -> None:
    session = opened(Policy(POLICY.model, m.Limits(262_144, 5, 60)))
    outputs = send(session, SPEECH.tobytes(), silence(1).tobytes())
    assert isinstance(outputs[-1], End)
    assert isinstance(outputs[-1].error, TooLong)
    assert [o for o in outputs if isinstance(o, Segment) and o.final]
    assert send(session, SPEECH.tobytes(), m.Stop()) == []
    skipped = opened(Policy(POLICY.model, m.Limits(262_144, 5, 60)))
    assert kinds(send(skipped, m.Discarded(160 * 2**32))) == ["End"]


def test_a_kind_of_warning_is_sent_once_and_kinds_are_bounded() -> None:
    session = opened()
    told = [session.warn([m.Warned("unknown_type", "…", str(n % 50))]) for n in range(200)]
    assert sum(map(len, told)) == 32


# ---------------------------------------------------------------- records


def test_a_call_is_summed_up() -> None:
    session = opened(agent_id="a-7", metadata={"queue": "billing"})
    loud = sentence(0.3, 20.0, 1.0)
    told = answered(session, send(session, loud.tobytes(), m.Stop()), "angry")
    alerts = [t for t in told if isinstance(t, m.Alert)]
    assert [a.rule for a in alerts] == ["sudden_drop", "sustained_upset"]
    call = session.call(NOW, "stop")
    assert (call.live, call.reason, call.agent_id, call.metadata) == (False, "stop", "a-7", {"queue": "billing"})
    assert [a.alert_id.split(":")[1] for a in call.alerts] == ["sudden_drop", "sustained_upset"]
    assert call.summary is not None
    assert call.summary.emotion_distribution == {"angry": call.totals.segments}
    assert call.summary.ended_as == "upset"
    assert 0.5 < call.summary.upset_share < 1.0
    assert call.summary.peak is not None
    final = next(t for t in told if isinstance(t, m.EmotionReading) and t.final)
    assert session.recap.logged(final).agent_id == "a-7"


def test_a_call_without_speech_is_summed_up_too() -> None:
    session = opened()
    send(session, silence(2).tobytes(), m.Stop())
    summary = session.call(NOW, "stop").summary
    assert summary == r.Summary({}, 0.0, None, "calm")
    assert session.call().live


# ---------------------------------------------------------------- whatever comes


EVENTS = st.one_of(
    st.integers(1, 9000).map(lambda n: voice(n / 3000).tobytes()[: n * 5]),
    st.binary(max_size=500),
    st.sampled_from([m.Pause(), m.ResumeAudio(), m.Flush(), m.Ping(1), m.Discarded(12_345), m.Discarded(0), start()]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_a_client_sends_segments_never_overlap_and_time_never_runs_back(events: list[Any]) -> None:
    session, outputs, position = opened(), [], 0.0
    for event in events:
        outputs += session.receive(event, NOW)
        assert session.position_sec >= position
        position = session.position_sec
    outputs += session.receive(m.Stop(), NOW)
    assert isinstance(outputs[-1], End)
    finals = [o for o in outputs if isinstance(o, Segment) and o.final]
    assert all(a.end <= b.start for a, b in itertools.pairwise(finals))
    assert session.receive(m.Ping(1), NOW) == []


def test_errors_know_how_they_end_a_call() -> None:
    assert (UndervoiceError("x").http_status, UndervoiceError("x").close_code) == (500, 1011)
    assert CallExists("x", code="superseded").code == "superseded"
