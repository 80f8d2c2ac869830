"""Each stage of a reading's way has its figures, in few and known series, whatever clients say."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.edges.test_api import wav
from tests.servers import Serve, Server, finals, of_type, opening, said
from tests.tiny import write_tiny_model
from tests.voices import sentence
from undervoice.drift import LEAST, QUANTILES
from undervoice.emotion import Emotion
from undervoice.errors import StoreDown
from undervoice.model import Model

SPEECH = sentence(0.4, 6.0, 1.0)
MARKER = "XmarkerX"


def scrape(server: Server) -> list[Sample]:
    with server.http(None) as http:
        text = http.get("/metrics").text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def figure(samples: list[Sample], name: str, **labels: str) -> float:
    """Return the sum of all samples of a name with these labels."""
    return sum(
        sample.value
        for sample in samples
        if sample.name == f"undervoice_{name}" and labels.items() <= sample.labels.items()
    )


def quiet(server: Server) -> None:
    """Wait until every socket is closed, everything is stored, and the loop's pulse was felt."""
    deadline = time.monotonic() + 10
    service = server.service
    while len(service.connections) or service.writer.depth or not service.stages.loop.count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_call_leaves_a_figure_at_every_stage(server: Server) -> None:
    told = server.call("c-1", SPEECH.tobytes(), config={"live": True})
    quiet(server)
    emotions = of_type(told, "emotion")
    samples = scrape(server)
    for final in (True, False):
        of_kind = [reading for reading in emotions if reading["final"] == final]
        assert figure(samples, "reading_lag_seconds_count", final=str(final).lower()) == len(of_kind) > 0
        longest = sum(reading["latency_ms"] for reading in of_kind) / 1000
        assert figure(samples, "reading_lag_seconds_sum", final=str(final).lower()) >= longest * 0.99
    scored = figure(samples, "segments_scored_total")
    tag = server.service.lineup.chosen.tag
    assert scored >= len(emotions)
    assert figure(samples, "queue_wait_seconds_count") == scored
    assert figure(samples, "batch_segments_sum") == scored
    assert figure(samples, "scoring_seconds_count", model=tag) == scored
    assert figure(samples, "scoring_seconds_sum", model=tag) > 0
    assert figure(samples, "outbox_commit_seconds_count") > 0
    assert figure(samples, "store_save_seconds_count") > 0
    assert figure(samples, "loop_lag_seconds_count") > 0
    assert figure(samples, "audio_bytes_total") == SPEECH.nbytes
    assert figure(samples, "audio_seconds_total") == pytest.approx(SPEECH.nbytes / 32_000)
    assert figure(samples, "process_resident_memory_bytes") > 0


def test_a_call_that_is_not_live_says_nothing_of_lags(server: Server) -> None:
    readings = finals(server.call("c-1", SPEECH.tobytes(), config={"live": False}))
    samples = scrape(server)
    assert figure(samples, "emotions_total") == len(readings) > 0
    assert figure(samples, "reading_lag_seconds_count") == 0


def test_what_was_felt_and_heard_is_counted_once_for_calls_and_clips(server: Server) -> None:
    readings = finals(server.call("c-1", SPEECH.tobytes()))
    with server.http("agent", agent_id="a-1") as http:
        readings += http.post("/api/v1/analyze/stream", content=wav(SPEECH)).json()["segments"]
    samples = scrape(server)
    tag = server.service.lineup.chosen.tag
    for emotion in Emotion:
        counted = figure(samples, "emotions_total", model=tag, emotion=emotion)
        assert counted == sum(reading["detected_emotion"] == emotion for reading in readings)
    assert figure(samples, "uncertain_total") == sum(reading["uncertain"] for reading in readings)
    for name, field in (("level_dbfs", "level_dbfs"), ("snr_db", "snr_db")):
        for bucket in (sample for sample in samples if sample.name == f"undervoice_{name}_bucket"):
            below = [reading for reading in readings if reading["quality"][field] <= float(bucket.labels["le"])]
            assert bucket.value == len(below)


def test_requests_and_handshakes_are_counted_by_route_and_never_by_what_a_client_says(server: Server) -> None:
    before = {(sample.name, *sample.labels) for sample in scrape(server)}
    with server.http() as http:
        for path in ("/api/v1/logs", "/api/v1/logs/", f"/api/v1/calls/{MARKER}", f"/{MARKER}", f"/widget/{MARKER}.js"):
            http.get(path)
        http.request(MARKER.upper(), "/api/v1/logs")
    server.call("c-1", agent_id=None, metadata={"queue": MARKER})
    for number in range(20):
        with server.connect() as ws:
            ws.send(opening(f"{MARKER}-{number}"))
            said(ws, "started")
    with httpx.Client(base_url=server.url) as stranger:
        stranger.get("/api/v1/stream", headers={"upgrade": "websocket", "connection": "upgrade"})
        for number in range(5):
            stranger.get(f"/api/v1/emotions?x={number}")
    quiet(server)
    samples = scrape(server)
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in samples
        if sample.name == "undervoice_http_answer_seconds_count"
    }
    assert counted["/api/v1/logs", "2xx"] == 2
    assert counted["/api/v1/logs", "4xx"] == 1
    assert counted["/api/v1/calls/{call_id}", "4xx"] == 1
    assert counted["none", "4xx"] >= 1
    assert counted["/widget", "4xx"] == 1
    assert counted["/api/v1/stream", "1xx"] == 21
    assert counted["/api/v1/emotions", "4xx"] == 5
    assert not [sample for sample in samples if MARKER.lower() in str(sample.labels).lower()]
    names = {sample.name for sample in samples}
    assert {(sample.name, *sample.labels) for sample in samples} >= before
    assert len([sample for sample in samples if "route" not in sample.labels]) < 250
    assert all(re.fullmatch(r"undervoice_[a-z_]+", name) for name in names)


def test_a_store_that_is_down_is_counted_and_timed(server: Server) -> None:
    real, tries = server.service.store.save, iter(range(99))

    async def save(records: object) -> None:
        if next(tries) < 2:
            raise StoreDown("gone")
        await real(records)  # type: ignore[arg-type]

    server.service.store.save = save  # type: ignore[method-assign]
    server.call("c-1", SPEECH.tobytes())
    quiet(server)
    samples = scrape(server)
    assert figure(samples, "store_failures_total") == 2
    assert figure(samples, "store_save_seconds_count") > 2
    assert figure(samples, "store_down") == 0


def test_drift_is_told_once_there_is_enough_and_only_of_models_that_have_a_reference(
    serve: Serve, tmp_path: Path
) -> None:
    reference = {
        "made_from": "studio",
        "segments": 10,
        "emotions": {"happy": 1.0},
        "uncertain": 0.0,
        "level_dbfs": [-60.0] * QUANTILES,
        "snr_db": [60.0] * QUANTILES,
    }
    with_one = serve(model=Model.load(write_tiny_model(tmp_path / "with", reference=reference)))
    without = serve()
    for server, told in ((with_one, 1), (without, 0)):
        names = [sample.name for sample in scrape(server)]
        assert "undervoice_drift_emotions" not in names, "nothing was heard yet"
        assert names.count("undervoice_drift_readings") == told
    (final, *_) = finals(with_one.call("c-1", SPEECH.tobytes()))
    level, ratio = final["quality"]["level_dbfs"], final["quality"]["snr_db"]
    stages = with_one.service.stages
    heard = stages.heard[with_one.service.lineup.chosen.tag]
    assert heard.drift is not None
    while heard.drift.heard < LEAST:
        heard.drift.hear("sad", level, ratio)
    samples = scrape(with_one)
    assert figure(samples, "drift_emotions") > 0.9
    assert abs(figure(samples, "drift_level_db") - (level + 60)) < 1
    assert abs(figure(samples, "drift_snr_db") - (60 - ratio)) < 1


def test_figures_may_be_asked_for_while_everything_changes(server: Server) -> None:
    """They are put together in another thread than the one that counts."""
    done = threading.Event()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            while not done.is_set():
                scrape(server)
        except BaseException as error:
            failed.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for number in range(4):
        server.call(f"c-{number}", SPEECH.tobytes())
    done.set()
    for thread in asking:
        thread.join()
    assert not failed
