"""The queue over a real socket: who comes first, by how many anybody can be passed, what is left of a caller."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.edges.test_api import SPEECH, code, wav
from tests.edges.test_erase import written
from tests.servers import Serve, Server, of_type, opening, said
from tests.voices import silence, voice
from undervoice.triage import LEAST_SERVICES, Weights

HARD = "This is horrible. I am furious, you are useless and I hate it!"
KIND = "Thank you so much, that is wonderful, you are great!"


def clip(number: int) -> bytes:
    """Return a recording like no other's."""
    return wav(voice(1.5, pitch_hz=120 + 9 * number))


def queue(http: httpx.Client, **query: Any) -> dict[str, Any]:
    response = http.get("/api/v1/queue", params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def join(http: httpx.Client, **request: Any) -> dict[str, Any]:
    response = http.post("/api/v1/queue", **request)
    assert response.status_code == 200, response.text
    caller: dict[str, Any] = response.json()
    return caller


def test_who_waits_is_listed_by_priority_with_what_it_is_made_of(server: Server) -> None:
    with server.http() as http:
        for number in range(6):
            text = {"text": (HARD, KIND)[number % 2]} if number < 4 else {}
            join(http, files={"audio_file": ("a.wav", clip(number))}, data={"call_id": f"c-{number}", **text})
        page = queue(http)
    items = page["items"]
    assert (page["waiting"], page["next_cursor"], page["bound"]) == (6, None, Weights().bound)
    assert page["weights"] == {"upset": 100, "arousal": 20, "words": 20, "step": 5}
    assert [item["position"] for item in items] == list(range(1, 7))
    for item in items:
        felt = 100 * item["upset_score"] + 20 * item["arousal"]
        assert item["score"] == pytest.approx(felt + item["words"], abs=0.051)
        assert item["priority"] == pytest.approx(item["score"] + item["age"], abs=0.01)
        assert item["age"] == 5 * (6 - item["arrival"])
        assert 0 <= item["may_pass"] <= page["bound"]
    assert [item["priority"] for item in items] == sorted((item["priority"] for item in items), reverse=True)
    words = {item["call_id"]: item["words"] for item in items}
    assert words["c-0"] > 10 > 0 > -10 > words["c-1"]
    assert words["c-4"] == 0


def test_a_caller_may_come_in_any_wrapping(server: Server) -> None:
    encoded = base64.b64encode(wav()).decode()
    with server.http("integrator") as http:
        bare = join(http, content=wav(), headers={"content-type": "audio/wav"})
        form = join(http, files={"audio_file": ("a.wav", wav())}, data={"text": HARD})
        json = join(http, json={"audio_data": encoded, "text": HARD})
    assert bare["call_id"] == form["call_id"] == json["call_id"], "the same recording is the same caller"
    assert bare["call_id"].startswith("clip-")
    assert bare["arrival"] == json["arrival"] == 1
    assert bare["words"] == 0 < form["words"] == json["words"]
    assert bare["detected_emotion"] == json["detected_emotion"]
    assert (bare["source"], bare["position"]) == ("clip", 1)


def test_a_clip_is_heard_as_analyze_hears_it(server: Server) -> None:
    with server.http() as http:
        heard = http.post("/api/v1/analyze/stream?call_id=c-1", content=wav()).json()
        caller = join(http, content=wav(), params={"call_id": "c-1"})
    for field in ("upset_score", "arousal", "detected_emotion", "confidence_score", "uncertain"):
        assert caller[field] == heard[field]


def test_a_known_call_waits_as_it_sounded_last(server: Server) -> None:
    server.call("c-1", SPEECH.tobytes())
    with server.http() as http, server.http("integrator") as integrator:
        mood = http.get("/api/v1/calls/c-1").json()["mood"]
        by_json = join(integrator, json={"call_id": "c-1", "text": HARD})
        by_query = join(integrator, params={"call_id": "c-1"})
        http.post("/api/v1/analyze/stream?call_id=c-clip", content=wav())
        of_clip = join(http, json={"call_id": "c-clip"})
        assert code(http.post("/api/v1/queue", json={"call_id": "c-never"})) == "unknown_call"
    for caller in (by_json, by_query):
        assert (caller["source"], caller["mood"]) == ("call", mood["state"])
        assert (caller["upset_score"], caller["arousal"]) == (mood["upset_score"], mood["arousal"])
        assert mood["priority"] == pytest.approx(caller["score"] - caller["words"], abs=0.11)
    assert by_json["words"] > 0
    assert by_json["arrival"] == by_query["arrival"]
    assert of_clip["mood"] is None
    assert of_clip["upset_score"] > 0


def test_a_call_that_runs_may_wait(server: Server) -> None:
    with server.connect() as ws, server.http() as http:
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        ws.send('{"type":"flush"}')
        mood = of_type(said(ws, until="flushed"), "mood")[-1]
        caller = join(http, json={"call_id": "c-1"})
        assert (caller["upset_score"], caller["mood"]) == (mood["upset_score"], mood["state"])


def test_who_is_served_or_hangs_up_waits_no_more(server: Server) -> None:
    with server.http() as http:
        for number in range(3):
            join(http, content=clip(number), params={"call_id": f"c-{number}"})
        assert http.delete("/api/v1/queue/c-0").status_code == 204
        assert http.delete("/api/v1/queue/c-2?reason=removed").status_code == 204
        assert [item["call_id"] for item in queue(http)["items"]] == ["c-1"]
        assert queue(http)["services"] == 1, "who hung up was not served"
        for gone in ("c-0", "c-9", "..%2f..", "a" * 300):
            assert http.delete(f"/api/v1/queue/{gone}").status_code == 404
        assert code(http.delete("/api/v1/queue/c-1?reason=tired")) == "bad_parameter"


def test_no_time_is_told_before_enough_services_were_seen(server: Server) -> None:
    with server.http() as http:
        for number in range(LEAST_SERVICES + 3):
            join(http, content=clip(number), params={"call_id": f"c-{number}"})
        for number in range(LEAST_SERVICES + 1):
            page = queue(http)
            assert page["service_sec"] is None
            assert {item["wait_sec"] for item in page["items"]} == {None}
            http.delete(f"/api/v1/queue/c-{number}")
        page = queue(http)
        assert page["service_sec"] >= 0
        for item in page["items"]:
            assert item["wait_sec"] == pytest.approx(item["position"] * page["service_sec"], abs=0.1)
            assert item["longest_wait_sec"] >= item["wait_sec"]


def test_only_the_front_is_listed_where_so_asked(server: Server) -> None:
    with server.http() as http:
        for number in range(3):
            join(http, content=clip(number), params={"call_id": f"c-{number}"})
        whole, front = queue(http), queue(http, limit=2)
        assert [item["call_id"] for item in front["items"]] == [item["call_id"] for item in whole["items"]][:2]
        assert front["waiting"] == 3
        assert code(http.get("/api/v1/queue?limit=0")) == "bad_parameter"


def test_weights_and_step_are_settings(serve: Serve) -> None:
    server = serve(upset_weight="0", arousal_weight="0", words_weight="50", age_step="10")
    with server.http() as http:
        join(http, json={"audio_data": base64.b64encode(clip(0)).decode(), "text": HARD, "call_id": "c-hard"})
        join(http, content=clip(1), params={"call_id": "c-1"})
        page = queue(http)
        assert (page["bound"], page["weights"]["step"]) == (9, 10)
        first, second = page["items"]
        assert 10 < first["words"] == first["score"] <= 50
        assert (first["age"], second["score"]) == (10, 0)
        server.call("c-live", SPEECH.tobytes())
        assert http.get("/api/v1/calls/c-live").json()["mood"]["priority"] == 0


@pytest.mark.parametrize(
    ("request_", "status", "expected"),
    [
        ({"content": b""}, 400, "audio_missing"),
        ({"json": {}}, 400, "audio_missing"),
        ({"json": {"text": "hello"}}, 400, "audio_missing"),
        ({"json": {"call_id": "c-1", "text": 7}}, 400, "bad_parameter"),
        ({"json": {"call_id": "c-1", "text": "x" * 4097}}, 400, "bad_parameter"),
        ({"json": {"call_id": "../x"}}, 400, "bad_parameter"),
        ({"params": {"call_id": "c-1", "text": "hello"}}, 400, "text_in_address"),
        ({"content": wav(silence(2.0))}, 422, "no_speech"),
        ({"content": b"RIFFxxxx", "headers": {"content-type": "audio/wav"}}, 400, "undecodable_audio"),
    ],
)
def test_what_is_no_caller_is_refused(server: Server, request_: dict[str, Any], status: int, expected: str) -> None:
    with server.http("integrator") as http:
        response = http.post("/api/v1/queue", **request_)
    assert (response.status_code, code(response)) == (status, expected)
    with server.http() as http:
        assert queue(http)["waiting"] == 0


def test_the_queue_outlives_its_server(serve: Serve) -> None:
    with serve().http() as http:
        for number in range(3):
            join(http, content=clip(number), params={"call_id": f"c-{number}"})
        before = [item["call_id"] for item in queue(http)["items"]]
    with serve().http() as http:
        assert [item["call_id"] for item in queue(http)["items"]] == before
        assert join(http, content=clip(3), params={"call_id": "c-3"})["arrival"] == 4


def test_an_erased_call_waits_no_more_and_never_again(server: Server) -> None:
    with server.http() as http:
        join(http, content=clip(0), params={"call_id": "c-0"})
        assert http.delete("/api/v1/calls/c-0").status_code == 204
        assert queue(http)["waiting"] == 0
        response = http.post("/api/v1/queue?call_id=c-0", content=clip(0))
        assert (response.status_code, code(response)) == (403, "call_erased")
        assert queue(http)["waiting"] == 0


def test_what_was_said_is_neither_stored_nor_logged(server: Server, tmp_path: Path, capfd: Any) -> None:
    secret_word = "furiousaardvark"
    with server.http("integrator") as http:
        caller = join(http, json={"audio_data": base64.b64encode(wav()).decode(), "text": f"{secret_word} {HARD}"})
        assert caller["words"] > 0
        assert secret_word not in str(caller)
        http.post("/api/v1/queue", params={"text": secret_word})
        http.post("/api/v1/queue", json={"call_id": "c-9", "text": secret_word})
    written(tmp_path, server)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".jsonl" for path in files)
    assert [path.name for path in files if secret_word.encode() in path.read_bytes()] == []
    assert secret_word not in "".join(capfd.readouterr())


def test_the_audit_log_tells_who_looked_and_who_let_in_and_out(server: Server, tmp_path: Path) -> None:
    with server.http("integrator") as http:
        join(http, content=clip(0), params={"call_id": "c-0"})
        http.get("/api/v1/queue")
    with server.http() as http:
        queue(http, limit=5)
        http.delete("/api/v1/queue/c-0?reason=removed")
    lines = [(one["action"], one["role"], one.get("call_id"), one["status"]) for one in written(tmp_path, server)]
    assert lines == [
        ("join_queue", "integrator", "c-0", 200),
        ("read_queue", "integrator", None, 403),
        ("read_queue", "supervisor", None, 200),
        ("leave_queue", "supervisor", "c-0", 204),
    ]
