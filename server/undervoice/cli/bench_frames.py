"""What the calls of a load send, made once as it goes over the wire and shared by all of them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from undervoice.cli.bench_audio import Expected, expected, heard
from undervoice.emotion import SAMPLE_RATE, Samples
from undervoice.messages import Start, Stop
from undervoice.terms import SUBPROTOCOL, Audio, Config, Consent

PLACES = 64
"""Different starts in the audio; what each must be told is worked out beforehand."""
CONSENT = Consent(basis="bench")


def masked(payload: bytes, opcode: Opcode = Opcode.BINARY) -> bytes:
    """Return a client's frame as bytes."""
    return Frame(opcode, payload).serialize(mask=True)


def upgrade(url: str, token: str) -> bytes:
    """Return the request that opens a socket; every call sends the same."""
    request = ClientProtocol(parse_uri(url), subprotocols=[SUBPROTOCOL]).connect()  # type: ignore[list-item]
    request.headers["Authorization"] = f"Bearer {token}"
    return request.serialize()


def start(call_id: str, provisional_ms: int) -> bytes:
    """Return the frame that begins a call."""
    message = Start(
        call_id=call_id,
        audio=Audio(sample_rate=SAMPLE_RATE),
        config=Config(provisional_ms=provisional_ms),
        consent=CONSENT,
    )
    return masked(msgspec.json.encode(message), Opcode.TEXT)


STOP = masked(msgspec.json.encode(Stop()), Opcode.TEXT)


@dataclass(frozen=True, slots=True)
class Part:
    """One call's part: where in the loop it starts, and what it must be told."""

    first: int
    """Its first frame."""
    expected: Expected


@dataclass(frozen=True, slots=True)
class Script:
    """What all calls say and where each of them starts."""

    frames: list[bytes]
    """The whole loop, masked; a call goes round in it."""
    frame_sec: float
    each: int
    """Frames that one call sends."""
    provisional_ms: int
    parts: list[Part]

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return round(self.frame_sec * SAMPLE_RATE)

    def part(self, number: int) -> Part:
        """Return one call's part."""
        return self.parts[number % len(self.parts)]


def script(audio: Samples, *, calls: int, seconds: float, frame_ms: int, provisional_ms: int) -> Script:
    """Build every frame of a load beforehand, and work out what it must lead to."""
    frame = SAMPLE_RATE * frame_ms // 1000
    frames = [masked(audio[at : at + frame].astype("<i2").tobytes()) for at in range(0, len(audio), frame)]
    each = max(1, round(seconds * 1000 / frame_ms))
    places = min(PLACES, calls, len(frames))
    firsts = [len(frames) * number // places for number in range(places)]
    provisional = provisional_ms * SAMPLE_RATE // 1000
    parts = [Part(first, expected(heard(audio, first * frame, each * frame), provisional)) for first in firsts]
    return Script(frames, frame_ms / 1000, each, provisional_ms, parts)
