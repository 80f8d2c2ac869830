"""What reads bytes from strangers, each as one function of bytes; two drivers feed them (test_decoders, guided).

A target may refuse what it is given, by an error of ours or of HTTP that blames the client; it must
not raise anything else, and what it takes must be what it says.
"""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import numpy as np
import soundfile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.voices import sentence
from undervoice import resources as r
from undervoice.answers import decode_body, query
from undervoice.api import CallsParams, LogsParams, MetricsParams
from undervoice.audio import RATES, AudioFormat, Decoder, Tape
from undervoice.auth import Tokens
from undervoice.dialects import native
from undervoice.emotion import GRID
from undervoice.errors import UndervoiceError
from undervoice.memory import CallMemory
from undervoice.recordings import decode_clip
from undervoice.seals import Seals
from undervoice.store.cursors import decode_cursor, encode_cursor, instant
from undervoice.vad import SegmenterState
from undervoice.wrappings import ClipParams, read_upload

LONGEST_SEC = 20.0
"""Of a recording here: a forged header may ask for much more."""
SEALS, TOKENS = Seals("s" * 32), Tokens("s" * 32)


def message(data: bytes) -> None:
    """A text frame."""
    decoded, warnings = native.decode(data.decode(errors="replace"))
    assert decoded is not None or [warning.code for warning in warnings] == ["unknown_type"]
    assert all(len(warning.ref or "") <= 64 for warning in warnings)
    msgspec.json.encode([decoded, warnings])


def audio(data: bytes) -> None:
    """Binary frames: the first byte says how they are cut, the second in which format they are."""
    if len(data) < 2:
        return
    size, kind = data[0] % 97 + 1, data[1]
    layout = (("customer",), ("agent", "customer"))[kind % 2]
    form = AudioFormat(("pcm_s16le", "mulaw")[kind // 2 % 2], RATES[kind // 4 % len(RATES)], layout)
    whole, pieces = Decoder(form), Decoder(form)
    at_once = whole.push(data[2:])
    cut = [pieces.push(data[at : at + size]) for at in range(2, len(data), size)]
    assert np.array_equal(at_once, np.concatenate(cut) if cut else at_once)
    tape = Tape(form.sample_rate)
    tape.push(np.ascontiguousarray(at_once[:, 0]))
    tape.finish()
    assert tape.end == tape.received == len(at_once) // form.block * GRID


def recording(data: bytes) -> None:
    """A clip in any container."""
    clip = decode_clip(data, longest_sec=LONGEST_SEC)
    assert clip.samples.dtype == np.int16
    assert clip.duration_sec <= LONGEST_SEC + 1
    assert clip.sample_rate in RATES


def checkpoint(data: bytes) -> None:
    """A checkpoint that somebody else may have made."""
    memory = SEALS.open(data.decode(errors="replace"), "c-1", "a-1")
    assert msgspec.convert(msgspec.to_builtins(memory), CallMemory) == memory


def cursor(data: bytes) -> None:
    """A cursor of a list."""
    place = decode_cursor(data.decode(errors="replace"))
    assert place is not None
    assert encode_cursor(place).encode() == data


def moment(data: bytes) -> None:
    """A moment in a query."""
    text = instant(data.decode(errors="replace"))
    assert instant(text) == text


def token(data: bytes) -> None:
    """A bearer's token."""
    bearer = TOKENS.verify(data.decode(errors="replace"))
    assert bearer.role in ("agent", "supervisor", "integrator")


def body(data: bytes) -> None:
    """The JSON body of a request for a token."""
    request = _request(data, "application/json")
    wanted = _at_once(decode_body(request, r.TokenRequest))
    assert 1 <= wanted.ttl_sec <= 86_400


def upload(data: bytes) -> None:
    """A recording in a wrapping: the first line is the content type and, behind a question mark, the query."""
    head, _, rest = data.partition(b"\n")
    kind, _, asked = head.partition(b"?")
    taken = _at_once(read_upload(_request(rest, kind.decode("latin-1"), asked), 1_000_000))
    assert len(taken.data) <= 1_000_000
    assert isinstance(taken.params, ClipParams)


def parameters(data: bytes) -> None:
    """The query of every list."""
    for kind in (LogsParams, CallsParams, MetricsParams):
        try:
            query(_request(b"", "", data), kind)
        except UndervoiceError:
            continue


def _request(data: bytes, kind: str, asked: bytes = b"") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": data, "more_body": False}

    headers = [(b"content-type", kind.encode("latin-1"))] if kind else []
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": asked, "headers": headers, "app": None}
    return Request(scope, receive)


_runner = asyncio.Runner()
_at_once = _runner.run


def recordings() -> list[bytes]:
    """Return the same words in every container, encoding and layout that is served, and some that are not."""
    words = sentence(0.1, 0.6, 0.1)
    kinds = [
        *(("WAV", sub, 16_000, 1) for sub in ("PCM_16", "PCM_24", "PCM_U8", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
        *(("WAV", sub, 8000, 1) for sub in ("IMA_ADPCM", "MS_ADPCM", "GSM610")),
        *(("WAV", "PCM_16", rate, 2) for rate in (8000, 44_100, 192_000)),
        *(("RF64", "PCM_16", 16_000, 1), ("WAVEX", "PCM_16", 48_000, 2), ("FLAC", "PCM_16", 16_000, 1)),
        *(("FLAC", "PCM_24", 48_000, 2), ("OGG", "VORBIS", 16_000, 1), ("OGG", "OPUS", 48_000, 2)),
        *(("AIFF", "PCM_16", 16_000, 1), ("WAV", "PCM_16", 4000, 1)),
    ]
    return [_written(words, *kind) for kind in kinds]


def _written(words: np.ndarray, container: str, encoding: str, rate: int, channels: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.stack([words] * channels, axis=1), rate, format=container, subtype=encoding)
    return file.getvalue()


def _multipart(clip: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n\r\n'
    return b"multipart/form-data; boundary=x?call_id=c-1\n" + head + clip + b"\r\n--x--\r\n"


def _checkpoints() -> list[bytes]:
    memory = CallMemory(
        started_at=datetime(2026, 5, 24, tzinfo=UTC), config=native.TYPES["start"]("c", None).config,
        segmenter=SegmenterState(),
    )  # fmt: skip
    return [SEALS.seal(call, agent, memory).encode() for call, agent in (("c-1", "a-1"), ("c-2", None))]


def refused(target: Callable[[bytes], None], data: bytes) -> bool:
    """Whether a target refuses bytes, as it may."""
    try:
        target(data)
    except UndervoiceError as error:
        status = error.http_status
    except HTTPException as error:
        status = error.status_code
    else:
        return False
    assert 400 <= status < 500, f"a client's fault is answered {status}"
    return True


Target = Callable[[bytes], None]
TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "message": (
        message,
        lambda: [
            b'{"type":"ping","id":1}',
            b'{"type":"start","call_id":"c","audio":{"channels":["customer"]},"config":{"vad":{"mode":2}}}',
            b'{"type":"transcript","start_offset_sec":0,"end_offset_sec":1.5,"text":"\\u00e4"}',
        ],
    ),
    "audio": (audio, lambda: [struct.pack("BB", n * 7, n) + sentence(0.05, 0.1).tobytes() for n in range(24)]),
    "recording": (recording, recordings),
    "checkpoint": (checkpoint, _checkpoints),
    "cursor": (cursor, lambda: [encode_cursor((instant("2026-05-24T10:30:00Z"), "c-1:customer:000000000")).encode()]),
    "moment": (moment, lambda: [b"2026-05-24T10:30:00Z", b"0001-01-01T00:00:00+23:59", b"2026-W21-7"]),
    "token": (token, lambda: [TOKENS.issue("agent", agent_id="a-1").token.encode()]),
    "body": (body, lambda: [b'{"role":"agent","agent_id":"a-1","call_id":"c-1","ttl_sec":60}']),
    "upload": (upload, lambda: [b"audio/wav\n" + recordings()[0], _multipart(recordings()[0]), _JSON]),
    "parameters": (parameters, lambda: [b"limit=20&since=2026-05-24&live=true&interval=daily&agent_id=a-1&tz=UTC"]),
}
_JSON = b'application/json?start_offset_sec=1.5\n{"audio_data":"UklGRg==","call_id":"c-1","store":false}'
