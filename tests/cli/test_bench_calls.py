"""The calls of ``undervoice bench``: what they send is the audio, and what they are told is counted right."""

from __future__ import annotations

import itertools
import json
import socket
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from tests.cli.conftest import SAMPLE_CALL
from tests.voices import noise
from undervoice.cli.bench_audio import expected, heard, loop, recorded
from undervoice.cli.bench_calls import Call
from undervoice.cli.bench_frames import STOP, Script, masked, script, start, upgrade
from undervoice.cli.bench_tally import Tally
from undervoice.emotion import SAMPLE_RATE
from undervoice.errors import BadAudio
from undervoice.vad import Segmenter, SegmenterConfig


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return loop(recorded([SAMPLE_CALL]), 1.0)


# ---------------------------------------------------------------- what is sent


def opened() -> ServerProtocol:
    """Return the other side of a line whose upgrade is done: the parser that the server itself uses."""
    protocol = ServerProtocol(subprotocols=["undervoice.v1"])  # type: ignore[list-item]
    protocol.receive_data(upgrade("ws://127.0.0.1:8000/api/v1/stream", "a.b.c"))
    (request,) = protocol.events_received()
    assert request.headers["Authorization"] == "Bearer a.b.c"  # type: ignore[union-attr]
    protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
    return protocol


@given(st.lists(st.tuples(st.binary(max_size=70_000), st.sampled_from([Opcode.BINARY, Opcode.PONG]))))
def test_frames_decode_to_what_was_masked(parts: list[tuple[bytes, Opcode]]) -> None:
    parts = [(data[:125] if opcode is Opcode.PONG else data, opcode) for data, opcode in parts]
    protocol = opened()
    protocol.receive_data(b"".join(masked(data, opcode) for data, opcode in parts))
    assert [(frame.data, frame.opcode) for frame in protocol.events_received()] == parts  # type: ignore[union-attr]


@pytest.mark.parametrize("frame_ms", [20, 100])
def test_the_frames_of_a_loop_are_its_audio(speech: np.ndarray, frame_ms: int) -> None:
    spoken = script(speech, calls=3, seconds=1, frame_ms=frame_ms, provisional_ms=1000)
    protocol = opened()
    protocol.receive_data(b"".join(spoken.frames) + start("c-1", 1000) + STOP)
    *audio, begin, stop = protocol.events_received()
    assert b"".join(frame.data for frame in audio) == speech.astype("<i2").tobytes()  # type: ignore[union-attr]
    assert json.loads(begin.data)["call_id"] == "c-1"  # type: ignore[union-attr]
    assert json.loads(stop.data) == {"type": "stop"}  # type: ignore[union-attr]
    assert spoken.each == 1000 // frame_ms
    assert len({part.first for part in spoken.parts}) == 3


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 0.9))
def test_a_loop_has_the_share_of_speech_that_is_asked_for(share: float) -> None:
    made = loop(recorded([SAMPLE_CALL]), share)
    seconds = len(made) / SAMPLE_RATE
    # What the segmenter finds in it: a turn's edges, and pauses within it, count a little either way.
    assert expected(made, 0).speech_sec / seconds == pytest.approx(share, abs=0.12)


def test_where_nobody_speaks_no_calls_can_be_made() -> None:
    with pytest.raises(BadAudio):
        loop(noise(10, level=0.001), 1.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 5_000_000), st.integers(1, 200), st.sampled_from([0, 16_000]))
def test_what_is_expected_is_what_the_segmenter_cuts(place: int, tenths: int, provisional: int) -> None:
    said = heard(loop(recorded([SAMPLE_CALL]), 0.4), place, tenths * SAMPLE_RATE // 10)
    segmenter = Segmenter(SegmenterConfig(provisional=provisional))
    events = [*segmenter.push(said), *segmenter.finish()]
    segments = [event for event in events if hasattr(event, "trigger")]
    found = expected(said, provisional)
    assert found.finals == sum(segment.final for segment in segments)
    assert found.provisionals == sum(not segment.final for segment in segments)
    assert found.provisionals == 0 or provisional


# ---------------------------------------------------------------- one call, by hand

STARTED = {"type": "started", "call_id": "c", "model": {"name": "tiny", "version": "1"}}
TOLD = [
    {"type": "speech", "state": "started", "offset_sec": 0.5, "channel": "customer"},
    {"type": "emotion", "final": False, "trigger": "provisional", "end_offset_sec": 1.3, "model": "tiny@1"},
    {"type": "emotion", "final": False, "trigger": "provisional", "end_offset_sec": 2.3, "model": "tiny@1"},
    {"type": "emotion", "final": True, "trigger": "window", "end_offset_sec": 2.81, "model": "tiny@1"},
    {"type": "checkpoint", "token": "x" * 70_000, "sample": 44_960},
    {"type": "warning", "code": "overloaded", "message": "…", "ref": None},
    {"type": "stats", "dropped_sec": 2.5, "received_sec": 3.0},
    {"type": "emotion", "final": True, "trigger": "flush", "end_offset_sec": 3.0, "model": "quick@2"},
    {"type": "stopped", "reason": "stop", "totals": {"audio_sec": 3.0, "dropped_sec": 2.75}},
]


def sent_by_server(*messages: dict[str, Any]) -> bytes:
    return b"".join(Frame(Opcode.TEXT, json.dumps(each).encode()).serialize(mask=False) for each in messages)


@pytest.fixture(scope="module")
def spoken(speech: np.ndarray) -> Script:
    return script(speech, calls=2, seconds=3, frame_ms=100, provisional_ms=1000)


def on_a_line(spoken: Script, tally: Tally, number: int = 0) -> tuple[Call, socket.socket]:
    """Return a call that waits for the answer to its upgrade, and the server's end of its line."""
    call = Call(number, spoken, (b"GET", b"hello"), tally)
    call.line, server = socket.socketpair()
    call.line.setblocking(False)
    call.write(0.0)
    return call, server


def hear(call: Call, server: socket.socket, data: bytes, now: float) -> None:
    for at in range(0, len(data), 32_768):
        server.sendall(data[at : at + 32_768])
        call.read(now)


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 71_500), max_size=12))
def test_what_a_call_is_told_counts_the_same_however_it_comes(spoken: Script, cuts: list[int]) -> None:
    tally = Tally()
    call, server = on_a_line(spoken, tally)
    with call.line, server:
        hear(call, server, b"HTTP/1.1 101 Switching Protocols\r\nX: y\r\n\r\n" + sent_by_server(STARTED), 1.0)
        assert call.state == "idle"
        call.talk(10.0)
        while call.advance(call.due):
            pass
        data = sent_by_server(*TOLD)
        places = [0, *sorted(cuts), len(data)]
        for begin, end in itertools.pairwise(places):
            hear(call, server, data[begin:end], 13.25)
    assert call.state == "held"
    assert (call.finals, call.dropped_sec) == (2, 2.75)
    assert tally.latency_ms == [pytest.approx(350.0)]  # 2.81 s lies in the frame that was handed over at 2.9 s
    assert tally.first_ms == [pytest.approx(2750.0)]  # from 0.5 s on
    assert tally.provisionals == 2
    assert tally.models == {"tiny@1": 1, "quick@2": 1}
    assert tally.warnings == {"overloaded": 1}


def test_a_line_that_takes_little_at_a_time_gets_every_byte_once(spoken: Script) -> None:
    call, server = on_a_line(spoken, Tally(), number=1)
    with call.line, server:
        assert server.recv(3) == b"GET"
        hear(call, server, b"HTTP/1.1 101 OK\r\n\r\n" + sent_by_server(STARTED), 1.0)
        assert server.recv(5) == b"hello"
        call.line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
        call.talk(2.0)
        while call.advance(call.due):
            pass
        assert call.waits
        first = spoken.part(1).first
        whole = b"".join(spoken.frames[(first + n) % len(spoken.frames)] for n in range(spoken.each)) + STOP
        got = b""
        while len(got) < len(whole):
            got += server.recv(1_000)
            call.write(9.0)
        assert got == whole
        assert not call.waits
        assert call.sent_sec == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("said", "state", "count"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "refused", ("refused", "503")),
        (b"HTTP/1.1 101 OK\r\n\r\n" + Frame(Opcode.CLOSE, b"\x03\xf5full").serialize(mask=False), "lost",
         ("lost", "1013")),
        (b"", "lost", ("lost", "1006")),
    ],
)  # fmt: skip
def test_a_call_that_is_not_let_in_or_is_cut_off_says_why(
    spoken: Script, said: bytes, state: str, count: tuple[str, str]
) -> None:
    tally = Tally()
    call, server = on_a_line(spoken, tally)
    with call.line, server:
        server.sendall(said)
        server.shutdown(socket.SHUT_WR)
        while not call.ended:
            call.read(1.0)
    assert call.state == state
    assert getattr(tally, count[0]) == {count[1]: 1}
