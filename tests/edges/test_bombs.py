"""Small things that unpack to large ones: refused within bounded memory and time, and the server goes on."""

from __future__ import annotations

import base64
import io
import json
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edges.running import Running, serving
from tests.edges.test_api import wav
from tests.voices import sentence
from undervoice.assembly import UPLOAD_ROOM
from undervoice.auth import Tokens
from undervoice.errors import BadAudio, TooLarge, UnsupportedAudio
from undervoice.recordings import decode_clip

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is watched through /proc")

SECRET = "a secret that is longer than 32 bytes"
SPEECH = sentence(0.4, 1.5, 1.0)
MOST_MB = 200.0
"""What all of this together may take, beyond what the server holds anyway: a full recording in base64 alone takes
twice 33 MB, as body and as text, and 25."""
MOST_SEC = 20.0
"""What one of them may take on a busy machine."""


def header(rate: int = 16_000, channels: int = 1, size: int = 0x7FFF_FFF0, bits: int = 16) -> bytes:
    """Return the beginning of a WAV file that promises what it does not hold."""
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * align) & 0xFFFF_FFFF, align & 0xFFFF, bits)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
    )


def rf64(samples: int) -> bytes:
    """Return the beginning of a WAV file of more than 4 GB."""
    ds64 = struct.pack("<QQQI", samples * 2 + 60, samples * 2, samples, 0)
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    head = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(ds64)) + ds64
    return head + b"fmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff"


def flat(kind: str, sec: float, rate: int, channels: int = 1) -> bytes:
    """Return long silence, which packs to nearly nothing."""
    packed = io.BytesIO()
    subtype = {"FLAC": "PCM_16", "OGG": "VORBIS"}[kind]
    with soundfile.SoundFile(packed, "w", rate, channels, subtype, format=kind) as file:
        for _ in range(int(sec)):
            file.write(np.zeros((rate, channels), np.int16))
    return packed.getvalue()


def form(*parts: bytes) -> dict[str, Any]:
    """Return a multipart request of these parts."""
    body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
    return {"content": body, "headers": {"content-type": "multipart/form-data; boundary=x"}}


def field(name: str, extra: bytes = b"", body: bytes = b"1") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n'.encode() + extra + b"\r\n" + body


def bombs() -> Iterator[tuple[str, dict[str, Any], set[int]]]:
    """Yield each by name, with how it may be answered."""
    short = SPEECH.tobytes()
    yield "wav that promises 2 GB", {"content": header() + short}, {200}
    yield "wav that promises 2 GB of 32 bits", {"content": header(bits=32) + short}, {200, 422}
    yield "wav that promises a size of its own format", {"content": rf64(1 << 60) + short}, {200, 400}
    yield "wav at 1 Hz", {"content": header(rate=1) + short}, {415, 400}
    yield "wav at 4 GHz", {"content": header(rate=0xFFFF_FFFF) + short}, {415, 400}
    yield "wav with 100 channels", {"content": header(channels=100) + short}, {415, 400}
    yield "wav with 60,000 channels", {"content": header(channels=60_000) + short}, {415, 400}
    yield "wav cut in its header", {"content": header()[:40]}, {400, 422}
    yield "wav without end", {"content": b"RIFF" + b"\xff" * 2_000_000}, {400}
    yield "an hour of silence in flac", {"content": flat("FLAC", 3600, 8000)}, {413}
    yield "ten minutes of silence in flac", {"content": flat("FLAC", 600, 16_000)}, {422}
    yield "eight channels of silence at 192 kHz in flac", {"content": flat("FLAC", 120, 192_000, 8)}, {413}
    yield "more than half an hour of silence in ogg", {"content": flat("OGG", 1900, 8000)}, {413}
    yield "flac cut short", {"content": flat("FLAC", 600, 16_000)[:-5000]}, {400, 422}
    yield "a full-size recording", {"content": wav(np.zeros(13_000_000, np.int16))}, {422}
    yield (
        "a full-size recording in base64",
        {"json": {"audio_data": base64.b64encode(bytes(25_000_000)).decode()}},
        {422},
    )
    yield "base64 that is none", {"content": b'{"audio_data":"' + b"?" * 30_000_000 + b'"}'} | JSON, {400}
    yield "json nested deep", {"content": b"[" * 30_000_000} | JSON, {400}
    yield "json of many keys", {"content": json.dumps({str(n): n for n in range(300_000)}).encode()} | JSON, {400}
    many = b'{"audio_data":"","x":[' + b"{}," * 9_000_000 + b"{}]}"
    yield "json of many small things", {"content": many} | JSON, {400}
    yield "json with a parameter of many", {"content": many.replace(b'"x"', b'"call_id"')} | JSON, {400}
    yield "a form of many parts", form(*(field(f"f{n}") for n in range(20_000))), {400}
    yield (
        "a form of many files",
        form(*(field("f", b"", b"x").replace(b'"f"', b'"f"; filename="f"') for _ in range(5000))),
        {400},
    )
    yield "a form with a huge header", form(field("audio_file", b"X-Long: " + b"x" * 5_000_000 + b"\r\n")), {400}
    yield "a form with many headers", form(field("audio_file", b"X: y\r\n" * 200_000)), {400}
    yield "a form without end", {"content": b"--x\r\n" * 1_000_000, "headers": form()["headers"]}, {400}
    yield "more than there may be", {"content": bytes(30_000_000)}, {413}


JSON = {"headers": {"content-type": "application/json"}}


def test_bombs_are_refused_within_bounded_memory_and_time(tmp_path: Path, tiny: Path) -> None:
    with serving(tmp_path, tiny, secret=SECRET, upload_mb_per_min="1000000") as server:
        headers = {"authorization": f"Bearer {Tokens(SECRET).issue('supervisor').token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
            post = lambda request: http.post("/api/v1/analyze/stream", **request)  # noqa: E731
            assert post({"content": wav(SPEECH)}).status_code == 200  # everything is loaded now
            before_mb = server.memory_mb()
            server.forget_peak()
            for name, request, expected in bombs():
                began = time.monotonic()
                assert (name, post(request).status_code in expected) == (name, True)
                assert time.monotonic() - began < MOST_SEC, name
                print(f"{time.monotonic() - began:5.2f} s  {name}")
            told(server, before_mb)
            assert server.memory_mb("VmHWM") - before_mb < MOST_MB
            assert post({"content": wav(SPEECH)}).status_code == 200


def told(server: Running, before_mb: float) -> None:
    print(f"before {before_mb:.0f} MB, peak {server.memory_mb('VmHWM'):.0f} MB, after {server.memory_mb():.0f} MB")


def test_many_at_once_are_held_within_the_room_there_is(tmp_path: Path, tiny: Path) -> None:
    """Twelve full-size recordings of three tokens at once: memory stays within the room, whatever is refused."""
    limit = 5_000_000
    settings = {"secret": SECRET, "upload_mb_per_min": "1000000", "max_clip_bytes": str(limit)}
    with serving(tmp_path, tiny, **settings) as server, ThreadPoolExecutor(12) as pool:
        tokens = [Tokens(SECRET).issue("supervisor").token for _ in range(3)]
        request = form(
            field("audio_file", b"", bytes(limit - 1000)).replace(b'"audio_file"', b'"audio_file"; filename="f"')
        )

        def post(number: int) -> int:
            bearer = {"authorization": f"Bearer {tokens[number % 3]}"}
            url = f"{server.url}/api/v1/analyze/stream"
            return httpx.post(
                url, content=request["content"], headers=request["headers"] | bearer, timeout=60
            ).status_code

        post(0)
        before_mb = server.memory_mb()
        server.forget_peak()
        found = list(pool.map(post, range(12)))
        told(server, before_mb)
        assert set(found) <= {422, 429, 503}
        assert 422 in found
        assert server.memory_mb("VmHWM") - before_mb < 5 * UPLOAD_ROOM * limit / 1e6 + 20
        assert post(1) == 422, "the room is given back"


CONTAINERS = [
    wav(SPEECH),
    wav(SPEECH, kind="FLAC"),
    wav(SPEECH, kind="OGG"),
    flat("FLAC", 2, 48_000, 2),
    rf64(len(SPEECH)) + SPEECH.tobytes(),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(CONTAINERS),
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=4),
    st.none() | st.integers(4, 3000),
)
def test_a_spoilt_recording_is_decoded_or_refused_and_no_more(
    data: bytes, changes: list[tuple[int, bytes]], end: int | None
) -> None:
    spoilt = bytearray(data)
    for place, piece in changes:
        spoilt[place : place + len(piece)] = piece
    try:
        seconds = decode_clip(bytes(spoilt[:end]), longest_sec=60).duration_sec
    except (BadAudio, UnsupportedAudio, TooLarge):
        seconds = 0.0
    assert seconds <= 60
