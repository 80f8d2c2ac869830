"""What a client of a session may do, and what session.py's table says must follow."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.material import KINDS, Piece
from undervoice import messages as m
from undervoice import resources as r
from undervoice.emotion import Segment
from undervoice.memory import Milestone
from undervoice.session import End
from undervoice.terms import Config, VadConfig

CONFIGS = st.builds(
    Config,
    vad=st.builds(VadConfig, mode=st.integers(-1, 4), hangover_ms=st.integers(-50, 2500)),
    segment_ms=st.integers(900, 5100),
    provisional_ms=st.sampled_from([0, 1, 500, 777, 1000, 5000, -3]),
    live=st.booleans(),
)
PIECES = st.builds(Piece, st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 64_000))
SPEECH = st.builds(Piece, st.sampled_from(["voice", "speech"]), st.floats(0, 1), st.integers(25_000, 190_000))
MESSAGES = st.sampled_from(
    [
        m.Ping(1),
        m.Ping("x"),
        m.Transcript(0.0, 1.0, "words"),
        m.Feedback("c-1:customer:000000000", True),
        m.Feedback("c-2:customer:000000000", False),
        m.Feedback("c-1:customer:000000000", False, "joyful"),
        m.HintFeedback("sudden_drop", True, 5.0),
    ]
)
MAY_FOLLOW: dict[tuple[str, type], tuple[type, ...]] = {
    ("live", bytes): (m.Speech, Segment, Milestone, End),
    ("live", m.Discarded): (m.Speech, Segment, Milestone, End),
    ("live", m.Pause): (m.Speech, Segment, Milestone, m.Paused),
    ("live", m.ResumeAudio): (m.Warned,),
    ("live", m.Flush): (m.Speech, Segment, Milestone, m.Flushed),
    ("paused", bytes): (m.Warned, Milestone, End),
    ("paused", m.Discarded): (Milestone, End),
    ("paused", m.Pause): (m.Warned,),
    ("paused", m.ResumeAudio): (m.Resumed,),
    ("paused", m.Flush): (m.Flushed,),
}
"""The table of session.py, by state and event."""
ALWAYS: dict[type, tuple[type, ...]] = {
    m.Start: (m.Warned,),
    m.Ping: (m.Pong,),
    m.Transcript: (),
    m.Feedback: (m.Warned, r.LoggedFeedback),
    m.HintFeedback: (m.Warned, r.LoggedHintFeedback),
    m.Stop: (m.Speech, Segment, Milestone, End),
}
ANSWERED: dict[type, type] = {m.Flush: m.Flushed, m.Ping: m.Pong, m.Stop: End}
