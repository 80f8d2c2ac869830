"""What is told of one call once it is over: its summary, what was said of it, and who looked at it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers import Serve, Server, of_type, opening, said
from tests.voices import sentence

SPEECH = sentence(0.4, 3.2, 1.0)


def test_whoever_has_read_stopped_finds_the_summary(server: Server) -> None:
    for number in range(3):
        call_id = f"c-{number}"
        with server.http("agent", agent_id="a-1") as http, server.connect() as ws:
            ws.send(opening(call_id))
            ws.send(SPEECH.tobytes())
            ws.send('{"type":"stop"}')
            said(ws, until="stopped")
            seen = http.get(f"/api/v1/calls/{call_id}").json()
            assert (seen["live"], seen["reason"]) == (False, "stop")
            assert set(seen["summary"]) >= {"peak", "ended_as", "course", "turned_sec", "helped"}
            assert call_id not in [one["call_id"] for one in http.get("/api/v1/calls?live=true").json()["items"]]


def test_what_an_agent_said_of_readings_and_hints_is_read_with_the_call(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "own.toml"
    rules.write_text('[heard]\nseverity = "info"\nmessage = "Heard."\nwhen = { snr_below_db = 99, speech_sec = 0.1 }\n')
    server = serve(rules=str(rules))
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        hint = said(ws, until="alert")[-1]
        word = {"rule": hint["rule"], "useful": True, "offset_sec": hint["offset_sec"]}
        ws.send(json.dumps({"type": "hint_feedback", **word}))
        ws.send(json.dumps({"type": "hint_feedback", **word, "offset_sec": 3599.5}))
        ws.send('{"type":"feedback","segment_id":"c-1:customer:000000000","correct":true}')
        ws.send('{"type":"stop"}')
        assert [w["code"] for w in of_type(said(ws), "warning")] == ["unknown_hint"]
    with server.http() as http:
        told = http.get("/api/v1/calls/c-1/feedback").json()
        assert [one["correct"] for one in told["items"]] == [True]
        assert [{name: one[name] for name in word} for one in told["hints"]] == [word]
        assert http.get("/api/v1/calls/c-9/feedback").status_code == 404
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        assert http.get("/api/v1/calls/c-1/feedback").status_code == 404
    with server.http("agent") as http:
        (rule,) = http.get("/api/v1/rules").json()["items"]
    assert (rule["rule"], rule["conditions"]) == ("heard", {"snr_below_db": 99.0, "speech_sec": 0.1})


def test_who_looked_at_a_call_is_told_also_once_it_is_erased(server: Server) -> None:
    server.call("c-1", SPEECH.tobytes())
    server.call("c-2", SPEECH.tobytes())
    with server.http() as http:
        http.get("/api/v1/calls/c-1")
        http.delete("/api/v1/calls/c-1")
        told = http.get("/api/v1/calls/c-1/audit").json()
        assert [line["action"] for line in told["items"]] == ["erase_call", "erase_call", "read_call"]
        assert [line.get("status", 0) for line in told["items"]] == [204, 0, 200]
        assert told["complete"]
        assert "c-2" not in http.get("/api/v1/calls/c-1/audit?limit=1").text
        again = http.get("/api/v1/calls/c-1/audit?limit=1").json()
        assert [line["action"] for line in again["items"]] == ["read_audit"]
        assert not again["complete"]


def test_a_reading_can_be_corrected_once_its_call_is_over(server: Server) -> None:
    server.call("c-1", SPEECH.tobytes(), token=server.token(agent_id="a-1"))
    path = "/api/v1/calls/c-1/feedback"
    with server.http("agent", agent_id="a-1") as agent, server.http() as supervisor:
        segment_id = agent.get("/api/v1/emotions?call_id=c-1").json()[0]["segment_id"]
        word = {"type": "feedback", "segment_id": segment_id, "correct": False}
        assert agent.post(path, json=word | {"emotion": "sad"}).status_code == 204
        assert agent.post(path, json=word | {"upset": False}).status_code == 204
        (kept,) = supervisor.get(path).json()["items"]
        assert {name: kept[name] for name in ("segment_id", "correct", "emotion", "upset", "agent_id")} == {
            "segment_id": segment_id, "correct": False, "emotion": None, "upset": False, "agent_id": "a-1",
        }  # fmt: skip
        for changed, code in (
            ({"emotion": "joyful"}, "unknown_emotion"),
            ({"segment_id": "c-2:customer:000000000"}, "foreign_segment"),
            ({"segment_id": "c-1:customer:999999840"}, "unknown_segment"),
            ({"correct": "perhaps"}, "bad_json"),
        ):
            assert agent.post(path, json=word | changed).json()["error"]["code"] == code
        assert len(supervisor.get(path).json()["items"]) == 1
        audited = supervisor.get("/api/v1/calls/c-1/audit").json()["items"]
        assert "correct_reading" in [line["action"] for line in audited]
