"""A business's own labels instead of the seven, from the socket to the figures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import soundfile

from tests.servers import Serve, Server, finals, of_type, opening, said
from tests.tiny import write_tiny_model
from undervoice.model import Model

LABELS = ("calm_voice", "frustrated", "confused")
CALL = Path(__file__).parents[2] / "widget" / "src" / "demo" / "sample-call.flac"


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Server:
    weights = {"frustrated": 1.0, "confused": 0.5}
    return serve(model=Model.load(write_tiny_model(tmp_path / "own", labels=LABELS, upset_weights=weights)))


@pytest.fixture
def pcm() -> bytes:
    samples, rate = soundfile.read(CALL, dtype="int16")
    assert rate == 16_000
    return samples.astype("<i2").tobytes()


def test_a_real_call_is_read_in_the_labels_of_the_model(server: Server, pcm: bytes) -> None:
    messages = server.call("c-1", pcm, config={"live": False})
    assert messages[0]["model"]["labels"] == list(LABELS)
    readings = finals(messages)
    assert len(readings) > 5
    for reading in readings:
        shares = reading["all_emotions_confidence"]
        assert tuple(shares) == LABELS
        assert reading["detected_emotion"] == max(shares, key=shares.__getitem__)
        assert reading["upset_score"] == pytest.approx(shares["frustrated"] + shares["confused"] / 2, abs=1e-5)
        assert reading["arousal"] == pytest.approx(0.5, abs=1e-5)
    assert of_type(messages, "mood")


def test_logs_metrics_and_the_summary_count_those_labels(server: Server, pcm: bytes) -> None:
    counted = Counter(r["detected_emotion"] for r in finals(server.call("c-1", pcm, config={"live": False})))
    with server.http() as http:
        for label in LABELS:
            items = http.get(f"/api/v1/logs?limit=100&emotion={label}").json()["items"]
            assert [item["detected_emotion"] for item in items] == [label] * counted[label]
        (day,) = http.get("/api/v1/metrics/emotions").json()
        assert day["emotion_distribution"] == counted
        assert http.get("/api/v1/calls/c-1").json()["summary"]["emotion_distribution"] == counted
        clip = http.post("/api/v1/analyze/stream?store=false", content=CALL.read_bytes()).json()
    assert tuple(clip["all_emotions_confidence"]) == LABELS


def test_feedback_speaks_of_those_labels_too(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        for emotion in ("frustrated", "angry"):
            word = '{"type":"feedback","segment_id":"c-1:customer:000000000","correct":false,"emotion":"%s"}'
            ws.send(word % emotion)
        ws.send('{"type":"stop"}')
        (warning,) = of_type(said(ws), "warning")
    assert (warning["code"], warning["ref"]) == ("unknown_emotion", "angry")
    assert all(label in warning["message"] for label in LABELS)
