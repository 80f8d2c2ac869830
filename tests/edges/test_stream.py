"""The live call over a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websockets
from websockets.sync.client import ClientConnection

from tests.servers import Serve, Server, finals, of_type, opening, said
from tests.voices import sentence, silence, voice
from undervoice.emotion import Scores, Segment
from undervoice.model import Model

SPEECH = sentence(0.5, 3.4, 1.0, 0.9, 1.2)


class SlowModel(Model):
    """A real model that waits before it answers."""

    @classmethod
    def waiting(cls, folder: Path) -> SlowModel:
        base = Model.load(folder)
        slow = cls(base.sidecar, (folder / "model.onnx").read_bytes())
        slow.go = threading.Event()
        return slow

    go: threading.Event

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        self.go.wait(20)
        return super().score(segments)


class BrokenModel(Model):
    """A real model that fails on long segments."""

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        if any(len(s.samples) == 40_000 for s in segments):
            raise RuntimeError("made to fail")
        return super().score(segments)


def test_a_call_from_start_to_stopped(server: Server) -> None:
    messages = server.call("c-1", SPEECH.tobytes(), agent_id="a-1")
    assert messages[0]["type"] == "started"
    assert messages[-1]["type"] == "stopped"
    readings = finals(messages)
    assert [r["trigger"] for r in readings] == ["window", "speech_ended", "speech_ended"]
    assert [r["start_offset_sec"] for r in readings] == sorted(r["start_offset_sec"] for r in readings)
    assert readings[0]["end_offset_sec"] - readings[0]["start_offset_sec"] == 2.5
    assert [s["state"] for s in of_type(messages, "speech")] == ["started", "ended"] * 2
    assert len(of_type(messages, "mood")) == len(readings)
    totals = messages[-1]["totals"]
    assert totals["segments"] == len(readings)
    assert totals["audio_sec"] == 7.0
    assert [m["seq"] for m in of_type(messages, "emotion")] == list(range(1, len(of_type(messages, "emotion")) + 1))


def test_every_final_reading_that_was_seen_is_in_the_log(server: Server) -> None:
    seen = finals(server.call("c-1", SPEECH.tobytes()))
    with server.http() as http:
        logged = http.get("/api/v1/emotions", params={"call_id": "c-1"}).json()
    assert [{**row, "type": "emotion"} for row in logged] == [{**row, "agent_id": "a-1"} for row in seen]


@pytest.mark.parametrize("frame_bytes", [1, 333, 3200, 262_144])
def test_however_the_audio_is_cut_into_frames_the_readings_are_identical(server: Server, frame_bytes: int) -> None:
    samples = SPEECH[:64_000] if frame_bytes == 1 else SPEECH
    pieces = server.call("c-cut", samples.tobytes(), frame_bytes=frame_bytes, config={"live": False})
    with server.http() as http:
        clip = http.post("/api/v1/analyze/stream?store=false&call_id=c-cut", content=samples.tobytes()).json()
    kept = ("segment_id", "start_offset_sec", "end_offset_sec", "trigger", "all_emotions_confidence", "quality")
    assert [[r[k] for k in kept] for r in finals(pieces)] == [[r[k] for k in kept] for r in clip["segments"]]
    assert len(clip["segments"]) >= 2


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_every_rate_and_mulaw_are_heard(server: Server, rate: int) -> None:
    samples = np.concatenate(
        [silence(0.4, sample_rate=rate), voice(1.6, sample_rate=rate), silence(1, sample_rate=rate)]
    )
    (reading,) = finals(server.call("c-1", samples.tobytes(), audio={"sample_rate": rate}))
    assert reading["start_offset_sec"] == pytest.approx(0.2, abs=0.1)


def test_the_loop_answers_while_the_model_is_slow(serve: Serve, tiny: Path) -> None:
    model = SlowModel.waiting(tiny)
    server = serve(model=model)
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        for number in range(20):
            began = time.perf_counter()
            ws.send(json.dumps({"type": "ping", "id": number}))
            assert said(ws, until="pong", timeout=1)[-1]["id"] == number
            ws.ping().wait(1)
            assert time.perf_counter() - began < 0.5
        with server.http(None) as http:
            assert http.get("/livez").status_code == 200
        model.go.set()
        ws.send('{"type":"stop"}')
        messages = said(ws)
    assert finals(messages)


def test_readings_of_a_call_stay_in_order_under_many_calls(server: Server) -> None:
    results: dict[str, list[dict[str, Any]]] = {}

    def one(number: int) -> None:
        token = server.token(agent_id=f"a-{number}")
        results[f"c-{number}"] = server.call(f"c-{number}", SPEECH.tobytes(), token=token)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 12
    for messages in results.values():
        starts = [r["start_offset_sec"] for r in finals(messages)]
        assert starts == sorted(starts)
        scored = messages[-1]["totals"]["segments"]
        dropped = len([w for w in of_type(messages, "warning") if w["code"] == "overloaded"])
        assert scored + dropped == 3


def test_a_segment_that_cannot_be_scored_is_told_and_the_call_goes_on(serve: Serve, tiny: Path) -> None:
    base = Model.load(tiny)
    server = serve(model=BrokenModel(base.sidecar, (tiny / "model.onnx").read_bytes()))
    messages = server.call("c-1", SPEECH.tobytes())
    assert messages[-1]["type"] == "stopped"
    assert messages[-1]["totals"]["dropped_sec"] == 2.5
    assert [r["trigger"] for r in finals(messages)] == ["speech_ended", "speech_ended"]


def test_without_live_nothing_is_shed_and_the_socket_is_read_more_slowly(serve: Serve, tiny: Path) -> None:
    model = SlowModel.waiting(tiny)
    server = serve(model=model)
    long = np.concatenate([SPEECH] * 12)
    with server.connect() as ws:
        ws.send(opening("c-1", config={"live": False}))
        ws.recv()
        sender = threading.Thread(
            target=lambda: [ws.send(long.tobytes()[i : i + 64_000]) for i in range(0, 2 * len(long), 64_000)]
        )
        sender.start()
        time.sleep(0.5)
        (live,) = server.service.live.all()
        assert live.totals.audio_sec < 40
        model.go.set()
        sender.join(20)
        ws.send('{"type":"stop"}')
        messages = said(ws)
    assert messages[-1]["totals"]["dropped_sec"] == 0
    assert messages[-1]["totals"]["segments"] == 36


def test_flush_pause_resume_and_discarded_are_answered_in_place(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH[:32_000].tobytes())
        ws.send('{"type":"flush"}')
        first = said(ws, until="flushed")
        assert finals(first)[-1]["trigger"] == "flush"
        ws.send('{"type":"pause","reason":"card"}')
        assert said(ws, until="paused")[-1] == {"type": "paused", "offset_sec": 2.0, "discarded_sec": 0.0}
        ws.send('{"type":"discarded","samples":80000}')
        ws.send('{"type":"resume"}')
        assert said(ws, until="resumed")[-1] == {"type": "resumed", "offset_sec": 7.0, "discarded_sec": 5.0}
        ws.send(voice(1.0).tobytes())
        ws.send('{"type":"stop"}')
        messages = said(ws)
    assert finals(messages)[-1]["start_offset_sec"] >= 7.0
    assert messages[-1]["totals"]["paused_sec"] == 5.0


def test_feedback_reaches_the_store(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send('{"type":"feedback","segment_id":"c-1:customer:000000000","correct":false,"emotion":"sad"}')
        ws.send('{"type":"feedback","segment_id":"c-9:customer:000000000","correct":true}')
        ws.send('{"type":"stop"}')
        assert [w["code"] for w in of_type(said(ws), "warning")] == ["foreign_segment"]
    assert server.service.writer.dropped == 0


def test_a_lost_connection_keeps_what_was_cut(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH[:60_000].tobytes())
        said(ws, until="mood")
        ws.socket.close()
    with server.http() as http:
        for _ in range(100):
            call = http.get("/api/v1/calls/c-1").json()
            if not call["live"]:
                break
            time.sleep(0.05)
        assert call["reason"] == "disconnected"
        time.sleep(0.2)
        assert len(http.get("/api/v1/emotions", params={"call_id": "c-1"}).json()) == 1


def test_a_silent_connection_is_closed_as_idle_but_silence_in_the_audio_is_not(serve: Serve) -> None:
    server = serve(idle_sec="1")
    with server.connect() as ws:
        ws.send(opening("c-1"))
        for _ in range(15):
            ws.send(bytes(3200))
            time.sleep(0.1)
        messages = said(ws)
    assert of_type(messages, "error")[-1]["code"] == "idle"
    assert of_type(messages, "error")[-1]["retryable"] is True
    assert ws.close_code == 4408


def test_stats_come_every_five_seconds(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(bytes(32_000))
        stats = said(ws, until="stats", timeout=8)[-1]
    assert stats["received_sec"] == 1.0
    assert stats["processed_sec"] == 1.0
    assert set(stats) == {
        "type",
        "received_sec",
        "processed_sec",
        "lag_ms",
        "queued",
        "dropped_sec",
        "short_sec",
        "discarded_agent_sec",
    }


def test_a_call_that_is_too_long_ends_with_its_readings(serve: Serve) -> None:
    server = serve(max_call_sec="3")
    messages = server.call("c-1", SPEECH.tobytes())
    assert finals(messages)
    assert messages[-1]["code"] == "call_too_long"


def test_a_client_that_stays_too_fast_is_slowed_and_then_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undervoice.limits.AHEAD_SEC", 2.0)
    monkeypatch.setattr("undervoice.limits.PATIENCE_SEC", 0.5)
    with server.connect() as ws:
        ws.send(opening("c-1"))
        began = time.perf_counter()
        with suppress(websockets.ConnectionClosed):
            while time.perf_counter() - began < 10:
                ws.send(bytes(32_000))
        assert 0.5 < time.perf_counter() - began < 10
        said(ws)
    assert ws.close_code == 4429


def test_a_store_that_is_down_delays_nobody(serve: Serve, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    server = serve(store=f"sqlite:///{blocked}/x.db")
    began = time.perf_counter()
    messages = server.call("c-1", SPEECH.tobytes())
    assert len(finals(messages)) == 3
    assert time.perf_counter() - began < 3
    assert max(r["latency_ms"] for r in finals(messages)) < 1000
    with server.http(None) as http:
        assert http.get("/health").json()["status"] == "degraded"
        assert http.get("/readyz").status_code == 200
    with server.http() as http:
        assert http.get("/api/v1/logs").status_code == 503


def closed(ws: ClientConnection) -> tuple[int | None, str | None]:
    """Return the close code and the code of the error before it."""
    errors = of_type(said(ws), "error")
    return ws.close_code, errors[-1]["code"] if errors else None


def test_what_the_policy_keeps_out_is_counted(serve: Serve) -> None:
    server = serve(consent="required")
    with server.connect() as ws:
        ws.send(opening("c-1"))
        assert of_type(said(ws), "error")[0]["code"] == "consent_required"
    both = np.repeat(SPEECH, 2).tobytes()
    audio = {"sample_rate": 16_000, "channels": ["customer", "agent"]}
    server.call("c-2", both, audio=audio, consent={"basis": "notice"})
    for _ in range(100):
        if not len(server.service.live):
            break
        time.sleep(0.02)
    with server.http(None) as http:
        lines = dict(line.rsplit(" ", 1) for line in http.get("/metrics").text.splitlines() if line[0] != "#")
    assert float(lines["undervoice_consent_refused_total"]) == 1
    assert float(lines["undervoice_discarded_agent_seconds_total"]) == pytest.approx(len(SPEECH) / 16_000, abs=0.02)
