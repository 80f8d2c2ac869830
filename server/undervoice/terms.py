"""What messages are made of: ids, states, and the terms on which a call is heard."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

SUBPROTOCOL = "undervoice.v1"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@=+-]{0,127}$(?!\n)"
"""Call and agent ids become parts of document keys, so they hold nothing that a path could mean.

The tail matters in Python alone, where ``$`` also matches before a last newline."""

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
Encoding = Literal["pcm_s16le", "mulaw"]
MoodState = Literal["calm", "tense", "upset", "recovering"]
Severity = Literal["info", "warning", "critical"]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Label = Annotated[str, msgspec.Meta(max_length=256)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Message(msgspec.Struct, frozen=True):
    """A JSON object of the wire."""


class Audio(Message, frozen=True):
    """What the binary frames hold."""

    encoding: Encoding = "pcm_s16le"
    sample_rate: int = 16_000
    """Hz: 8000, 16000, 24000, 32000, 44100 or 48000."""
    channels: tuple[str, ...] = ("customer",)
    """The interleaved channels in order; the agent's is discarded."""


class VadConfig(Message, frozen=True):
    """How speech is found."""

    mode: int = 2
    """webrtcvad's aggressiveness, 0…3."""
    hangover_ms: int = 500
    """Silence that ends a speech region, 100…2000."""


class Config(Message, frozen=True):
    """What a client may choose; values outside the ranges become the nearest."""

    vad: VadConfig = VadConfig()
    segment_ms: int = 2500
    """1000…5000, whole tens."""
    provisional_ms: int = 1000
    """0 (off) or at least 500, whole tens."""
    live: bool = True
    """False: nothing is shed, the socket is read more slowly instead."""


class Consent(Message, frozen=True):
    """On what ground the customer is heard."""

    basis: Label
    notice_id: Label | None = None
