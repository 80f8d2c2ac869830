"""Erasing a call over a real socket, and what the audit log tells of it and of every read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.edges.test_api import SPEECH, code, wav
from tests.servers import Serve, Server, opening, said
from undervoice.chains import HeadKeys, inspect, replicas


@pytest.fixture
def filled(server: Server) -> Server:
    """A server with two calls of two agents."""
    for number in (1, 2):
        server.call(f"c-{number}", SPEECH.tobytes(), token=server.token(agent_id=f"a-{number}"))
    return server


def audited(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the one chain that the server wrote."""
    files = sorted((folder / "audit").glob("*.jsonl"))
    assert len(files) == 1
    return [json.loads(line) for line in files[0].read_text().splitlines()]


def written(folder: Path, server: Server) -> list[dict[str, Any]]:
    """Return what stands in the log once all that was noted is written."""
    end = time.monotonic() + 5
    while not server.service.audit._idle.is_set():
        assert time.monotonic() < end
        time.sleep(0.01)
    return audited(folder)


def test_an_erased_call_is_gone_everywhere(filled: Server) -> None:
    with filled.http() as http:
        before = http.get("/api/v1/metrics/emotions").json()
        response = http.delete("/api/v1/calls/c-2")
        assert (response.status_code, response.content) == (204, b"")
        for path in ("/api/v1/calls/c-2", "/api/v1/emotions?call_id=c-2"):
            assert code(http.get(path)) == "unknown_call"
        assert [call["call_id"] for call in http.get("/api/v1/calls").json()["items"]] == ["c-1"]
        assert {row["call_id"] for row in http.get("/api/v1/logs").json()["items"]} == {"c-1"}
        (day,) = http.get("/api/v1/metrics/emotions").json()
        assert (day["calls"], day["total_segments"]) == (1, before[0]["total_segments"] / 2)
        again = http.delete("/api/v1/calls/c-2")
        assert (again.status_code, code(again)) == (404, "unknown_call")


def test_what_comes_of_an_erased_call_later_is_not_stored(filled: Server) -> None:
    with filled.http() as http:
        http.delete("/api/v1/calls/c-2/")
        assert http.post("/api/v1/analyze/stream?call_id=c-2", content=wav()).status_code == 200
        assert http.get("/api/v1/emotions?call_id=c-2").status_code == 404
        assert http.get("/api/v1/metrics/emotions").json()[0]["calls"] == 1


def test_a_running_call_ends_when_it_is_erased(server: Server) -> None:
    with server.connect() as ws, server.http() as http:
        ws.send(opening("c-1"))
        ws.recv()
        ws.send(SPEECH.tobytes())
        said(ws, until="emotion")
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        last = said(ws)[-1]
        assert (last["type"], last["code"]) == ("error", "call_erased")
        assert ws.close_code == 4403
        assert http.get("/api/v1/calls/c-1").status_code == 404
        assert http.get("/api/v1/emotions?call_id=c-1").status_code == 404


@pytest.mark.parametrize("name", ["nobody", "__x__", "..%2f..", "%00", "a" * 200])
def test_a_call_that_never_was_is_unknown(server: Server, name: str) -> None:
    with server.http() as http:
        response = http.delete(f"/api/v1/calls/{name}")
    assert response.status_code == 404
    assert code(response) in ("unknown_call", "not_found")


def test_supervisors_alone_erase(filled: Server) -> None:
    for role in ("agent", "integrator"):
        with filled.http(role, agent_id="a-1") as http:
            assert code(http.delete("/api/v1/calls/c-1")) == "wrong_role"
    with filled.http(None) as http:
        assert http.delete("/api/v1/calls/c-1").status_code == 401
    with filled.http() as http:
        assert http.get("/api/v1/calls/c-1").status_code == 200


def test_every_read_is_in_the_log_with_who_what_and_how_it_ended(filled: Server, tmp_path: Path) -> None:
    token = filled.token(agent_id="a-1")
    who = filled.tokens.verify(token)
    with filled.http("agent", agent_id="a-1") as http:
        http.headers["authorization"] = f"Bearer {token}"
        http.get("/api/v1/calls/c-1")
        http.get("/api/v1/calls/c-2")
        http.get("/emotions?audio_id=c-1")
        http.get("/api/v1/logs?agent_id=a-2&limit=3")
        http.get("/api/v1/metrics/emotions?interval=agent")
        http.get("/api/v1/logs?limit=" + "9" * 5000)
        http.get("/api/v1/model")
    lines = written(tmp_path, filled)
    assert {(line["role"], line["subject"], line["token_id"]) for line in lines} == {("agent", "a-1", who.token_id)}
    told = [(line["action"], line["route"], line.get("call_id"), line["status"], line.get("code")) for line in lines]
    assert told == [
        ("read_call", "/api/v1/calls/{call_id}", "c-1", 200, None),
        ("read_call", "/api/v1/calls/{call_id}", "c-2", 404, "unknown_call"),
        ("read_emotions", "/emotions", "c-1", 200, None),
        ("read_logs", "/api/v1/logs", None, 403, "foreign_call"),
        ("read_metrics", "/api/v1/metrics/emotions", None, 403, "wrong_role"),
        ("read_logs", "/api/v1/logs", None, 400, "bad_parameter"),
    ]
    assert lines[3]["agent_id"] == "a-2"
    assert lines[3]["filters"] == {"limit": 3}
    assert token not in next((tmp_path / "audit").glob("*.jsonl")).read_text()


def test_an_erasure_stands_in_the_log_before_and_after(filled: Server, tmp_path: Path) -> None:
    with filled.http() as http:
        http.delete("/api/v1/calls/c-1")
        http.delete("/api/v1/calls/c-1")
    lines = written(tmp_path, filled)
    assert [(line["action"], line["call_id"], line.get("status", 0)) for line in lines] == [
        ("erase_call", "c-1", 0),
        ("erase_call", "c-1", 204),
        ("erase_call", "c-1", 0),
        ("erase_call", "c-1", 404),
    ]


def test_a_token_that_is_handed_out_is_named_in_the_log_by_its_id(filled: Server, tmp_path: Path) -> None:
    with filled.http("integrator") as http:
        token = http.post("/api/v1/tokens", json={"agent_id": "a-1", "call_id": "c-7"}).json()["token"]
        http.post("/api/v1/tokens", json={"role": "supervisor"})
    issued, refused = written(tmp_path, filled)
    assert (issued["call_id"], issued["agent_id"], issued["status"]) == ("c-7", "a-1", 200)
    assert issued["filters"]["token_id"] == filled.tokens.verify(token).token_id
    assert (refused["status"], refused["code"]) == (403, "wrong_role")


def test_who_has_no_token_does_not_fill_the_log(filled: Server, tmp_path: Path) -> None:
    with filled.http(None) as http:
        http.get("/api/v1/logs")
        http.delete("/api/v1/calls/c-1")
    with filled.http() as http:
        http.get("/api/v1/logs")
    assert [line["status"] for line in written(tmp_path, filled)] == [200]


def test_without_a_log_nothing_is_erased_but_all_is_read(serve: Serve, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    server = serve(audit=str(blocked))
    server.call("c-1", SPEECH.tobytes())
    with server.http() as http:
        response = http.delete("/api/v1/calls/c-1")
        assert (response.status_code, code(response)) == (503, "audit_down")
        assert "undervoice_audit_failing 1.0" in http.get("/metrics").text
        assert "retry-after" in response.headers
        assert http.get("/api/v1/calls/c-1").status_code == 200
        blocked.unlink()
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        assert http.get("/api/v1/calls/c-1").status_code == 404
        assert "undervoice_audit_failing 0.0" in http.get("/metrics").text


def test_the_log_may_be_switched_off(serve: Serve, tmp_path: Path) -> None:
    server = serve(audit="off")
    server.call("c-1", SPEECH.tobytes())
    with server.http() as http:
        assert http.delete("/api/v1/calls/c-1").status_code == 204
    assert not (tmp_path / "audit").exists()


def test_a_whole_log_is_intact_and_signed_to_its_end(filled: Server, tmp_path: Path) -> None:
    with filled.http() as http:
        for _ in range(30):
            http.get("/api/v1/calls")
    written(tmp_path, filled)
    (replica,) = replicas(tmp_path / "audit")
    found = inspect(tmp_path / "audit", replica, HeadKeys((tmp_path / "secret").read_text().strip()))
    assert (found.broken, found.lines, found.unsigned) == (None, 30, 0)
