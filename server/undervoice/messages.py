"""Every message of the wire, once (protocol §1 and §2).

Text frames are tagged structs; the JSON schemas, OpenAPI and AsyncAPI documents are made from
these types. Times are seconds of call audio, sample numbers count 16 kHz call samples.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from undervoice.emotion import Channel, Reading
from undervoice.terms import Audio, Config, Consent, Count, Label, Message, MoodState, Name, Severity, Text

# ---------------------------------------------------------------- what a client sends


class Resume(Message, frozen=True):
    """Where a lost connection goes on."""

    checkpoint: Text


class Start(Message, frozen=True, tag="start"):
    """The first text frame of a call."""

    call_id: Name
    audio: Audio
    agent_id: Name | None = None
    config: Config = Config()
    consent: Consent | None = None
    metadata: dict[str, Any] = {}
    resume: Resume | None = None


class Transcript(Message, frozen=True, tag="transcript"):
    """Words that somebody else recognised."""

    start_offset_sec: float
    end_offset_sec: float
    text: Text
    channel: Channel = "customer"


class Pause(Message, frozen=True, tag="pause"):
    """Stop listening, for example while card numbers are read out."""

    reason: Label | None = None


class ResumeAudio(Message, frozen=True, tag="resume"):
    """Listen again."""


class Discarded(Message, frozen=True, tag="discarded"):
    """Audio that the client did not send, in 16 kHz call samples: the call's clock moves on."""

    samples: Count


class Flush(Message, frozen=True, tag="flush"):
    """Close the open segment now."""


class Feedback(Message, frozen=True, tag="feedback"):
    """An agent's word on a reading."""

    segment_id: Annotated[str, msgspec.Meta(max_length=160)]
    correct: bool
    emotion: Label | None = None
    """What it was instead, one of the model's labels."""
    upset: bool | None = None
    """Whether it was upset, where no label can be named."""


class HintFeedback(Message, frozen=True, tag="hint_feedback"):
    """An agent's word on a hint: an ``alert`` of this call, named by its rule and place."""

    rule: Annotated[str, msgspec.Meta(max_length=64)]
    useful: bool
    offset_sec: Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Ping(Message, frozen=True, tag="ping"):
    """Are you there?"""

    id: int | Label | None = None


class Stop(Message, frozen=True, tag="stop"):
    """End the call."""


ClientMessage = Start | Transcript | Pause | ResumeAudio | Discarded | Flush | Feedback | HintFeedback | Ping | Stop

# ---------------------------------------------------------------- what the server sends


class ModelInfo(Message, frozen=True):
    """The model that scores."""

    name: str
    version: str
    sha256: str
    labels: list[str]


class Limits(Message, frozen=True):
    """What this server allows one call."""

    max_frame_bytes: int
    max_call_sec: int
    idle_sec: int


class Started(Message, frozen=True, tag="started"):
    """The whole configuration in force."""

    session_id: str
    call_id: str
    agent_id: str | None
    audio: Audio
    config: Config
    model: ModelInfo
    limits: Limits
    resume_from_sample: int = 0
    timestamp: str = ""
    """When the call's first sample counts as heard, RFC 3339, UTC."""


class Speech(Message, frozen=True, tag="speech"):
    """Speech starts or ends."""

    state: Literal["started", "ended"]
    offset_sec: float
    channel: str


class EmotionReading(Reading, frozen=True, kw_only=True, tag="emotion"):
    """A segment is scored."""


class Mood(Message, frozen=True, tag="mood"):
    """The smoothed state of the call changes."""

    state: MoodState
    since_sec: float
    upset_score: float
    upset_sec: float
    """Seconds upset in this call so far."""
    trend: float
    """−1 (calming) … 1 (rising)."""
    priority: float
    """0…140: how much this caller needs somebody."""
    arousal: float = 0.5
    """0 (quiet) … 1 (excited), smoothed."""


class Alert(Message, frozen=True, tag="alert"):
    """A rule fires."""

    rule: str
    severity: Severity
    message: str
    actions: list[str]
    offset_sec: float


class Paused(Message, frozen=True, tag="paused"):
    """Answer to ``pause``."""

    offset_sec: float
    discarded_sec: float


class Resumed(Message, frozen=True, tag="resumed"):
    """Answer to ``resume``."""

    offset_sec: float
    discarded_sec: float


class Stats(Message, frozen=True, tag="stats"):
    """How the call stands, every 5 s."""

    received_sec: float
    processed_sec: float
    lag_ms: float
    queued: int
    dropped_sec: float
    short_sec: float
    discarded_agent_sec: float


class Warned(Message, frozen=True, tag="warning"):
    """Something was refused; the call goes on."""

    code: str
    message: str
    ref: str | None = None


class Failed(Message, frozen=True, tag="error"):
    """The call ends; sent before the close."""

    code: str
    message: str
    retryable: bool = False
    retry_after_ms: int | None = None


class Flushed(Message, frozen=True, tag="flushed"):
    """Answer to ``flush``, behind the readings it caused."""

    offset_sec: float


class Pong(Message, frozen=True, tag="pong"):
    """Answer to ``ping``."""

    id: int | str | None = None


class Totals(Message, frozen=True):
    """A call in figures."""

    audio_sec: float = 0.0
    speech_sec: float = 0.0
    segments: int = 0
    dropped_sec: float = 0.0
    short_sec: float = 0.0
    paused_sec: float = 0.0


class Checkpoint(Message, frozen=True, tag="checkpoint"):
    """Where the call can go on from, on any server of this deployment; the audio before it is no longer needed."""

    token: str
    """Opaque and signed, at most 2 KiB."""
    sample: int
    """A call sample, a multiple of 160."""


class Reconnect(Message, frozen=True, tag="reconnect"):
    """This server is going down: the call shall move within the time."""

    deadline_ms: int


class Stopped(Message, frozen=True, tag="stopped"):
    """The last text frame."""

    reason: str
    totals: Totals


ServerMessage = (
    Started
    | Speech
    | EmotionReading
    | Mood
    | Alert
    | Paused
    | Resumed
    | Stats
    | Warned
    | Failed
    | Flushed
    | Pong
    | Checkpoint
    | Reconnect
    | Stopped
)
