"""REST over a real socket: who may read what, clips in every wrapping, one error shape."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.servers import Serve, Server, finals
from tests.voices import sentence, silence, voice

SPEECH = sentence(0.4, 3.2, 1.0)
FORM_WITHOUT_AUDIO = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'


def wav(samples: np.ndarray = SPEECH, rate: int = 16_000, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind)
    return file.getvalue()


def code(response: httpx.Response) -> str:
    """Return an error's code; every error has the one shape."""
    body = response.json()
    assert set(body) == {"error", "detail"}
    assert set(body["error"]) == {"code", "message"}
    assert body["detail"] == body["error"]["message"]
    assert response.headers["content-type"] == "application/json"
    return str(body["error"]["code"])


@pytest.fixture
def filled(server: Server) -> Server:
    """A server with two calls of two agents."""
    for number in (1, 2):
        server.call(f"c-{number}", SPEECH.tobytes(), token=server.token(agent_id=f"a-{number}"))
    return server


# ---------------------------------------------------------------- clips


@pytest.mark.parametrize("wrapping", ["wav", "flac", "ogg", "raw", "multipart", "json"])
@pytest.mark.parametrize("path", ["/api/v1/analyze/stream", "/analyze/stream/"])
def test_a_clip_may_come_in_any_wrapping(server: Server, wrapping: str, path: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "wav": {"content": wav(), "headers": {"content-type": "audio/wav"}},
        "flac": {"content": wav(kind="FLAC"), "headers": {"content-type": "audio/flac"}},
        "ogg": {"content": wav(kind="OGG"), "headers": {"content-type": "audio/ogg"}},
        "raw": {"content": SPEECH.tobytes(), "headers": {"content-type": "application/octet-stream"}},
        "multipart": {"files": {"audio_file": ("call.bin", wav(), "text/plain")}, "data": {"agent_id": "a-9"}},
        "json": {"json": {"audio_data": base64.b64encode(wav()).decode()}},
    }
    with server.http() as http:
        response = http.post(path, **kinds[wrapping])
    assert response.status_code == 200, response.text
    result = response.json()
    assert len(result["segments"]) == 2
    assert result["call_id"].startswith("clip-")
    assert result["agent_id"] == ("a-9" if wrapping == "multipart" else None)
    assert sum(result["all_emotions_confidence"].values()) == pytest.approx(1, abs=1e-5)


def test_a_clip_gives_the_very_readings_of_the_stream_and_stands_in_the_log(server: Server) -> None:
    seen = finals(server.call("c-1", SPEECH.tobytes()))
    with server.http() as http:
        result = http.post("/api/v1/analyze/stream?call_id=c-2&agent_id=a-2", content=wav()).json()
        logged = http.get("/api/v1/emotions?audio_id=c-2").json()
        call = http.get("/api/v1/calls/c-2").json()
    moved = {"segment_id", "call_id", "latency_ms", "timestamp", "seq", "type"}
    assert [{k: v for k, v in r.items() if k not in moved} for r in result["segments"]] == [
        {k: v for k, v in r.items() if k not in moved} for r in seen
    ]
    assert [{**r, "agent_id": "a-2"} for r in result["segments"]] == logged
    assert (call["kind"], call["live"], call["totals"]["segments"]) == ("clip", False, 2)


def test_a_clip_may_stand_later_in_a_call_and_need_not_be_stored(server: Server) -> None:
    with server.http() as http:
        later = http.post("/api/v1/analyze/stream?call_id=c-1&start_offset_sec=60", content=wav()).json()
        http.post("/api/v1/analyze/stream?call_id=c-2&store=false", content=wav())
        assert http.get("/api/v1/emotions?call_id=c-2").status_code == 404
    assert later["segments"][0]["start_offset_sec"] >= 60
    assert later["segments"][0]["segment_id"].startswith("c-1:customer:0009")


def test_a_clip_that_names_no_call_has_the_id_of_its_audio(server: Server) -> None:
    with server.http() as http:
        one, other = (http.post("/api/v1/analyze/stream", content=wav()).json() for _ in range(2))
        assert one["call_id"] == other["call_id"]
        assert len(http.get(f"/api/v1/emotions?call_id={one['call_id']}").json()) == 2


@pytest.mark.parametrize(
    ("body", "kind", "status", "error"),
    [
        (b"", "audio/wav", 400, "empty_audio"),
        (b"", "application/octet-stream", 400, "empty_audio"),
        (b"this is text", "text/plain", 415, "unsupported_audio"),
        (b"this is text", "audio/wav", 400, "undecodable_audio"),
        (b"RIFF\0\0", "audio/wav", 400, "undecodable_audio"),
        (wav(silence(2.0)), "audio/wav", 422, "no_speech"),
        (wav(voice(1.0), 4000), "audio/wav", 415, "unsupported_audio"),
        (b"[]", "application/json", 400, "audio_missing"),
        (b"{", "application/json", 400, "bad_json"),
        (b"[" * 50_000, "application/json", 400, "audio_missing"),
        (b'{"x":' + b"[" * 50_000, "application/json", 400, "bad_json"),
        (b'{"audio_data":7}', "application/json", 400, "audio_missing"),
        (b'{"audio_data":"\xff"}', "application/json", 400, "bad_json"),
        (b'{"audio_data":"AAAA","call_id":"../x"}', "application/json", 400, "bad_parameter"),
        (b'{"audio_data":"AAAA","store":["perhaps"]}', "application/json", 400, "bad_parameter"),
        (b'{"audio_data":"???"}', "application/json", 400, "bad_base64"),
        (b'{"audio_data":""}', "application/json", 400, "empty_audio"),
        (b"nonsense", "multipart/form-data; boundary=x", 400, None),
        (b"nonsense", "multipart/form-data", 400, None),
        (FORM_WITHOUT_AUDIO, "multipart/form-data; boundary=x", 400, "audio_missing"),
    ],
)  # fmt: skip
def test_a_clip_that_cannot_be_heard_gets_a_clear_error(
    server: Server, body: bytes, kind: str, status: int, error: str | None
) -> None:
    with server.http() as http:
        response = http.post("/api/v1/analyze/stream", content=body, headers={"content-type": kind})
    assert response.status_code == status
    assert code(response) == (error or code(response))


@pytest.mark.parametrize(
    "query",
    ["call_id=..", "call_id=a/b", "call_id=__x__", "start_offset_sec=-1", "start_offset_sec=nan", "store=perhaps"],
)
def test_a_parameter_that_does_not_fit_is_named(server: Server, query: str) -> None:
    with server.http() as http:
        response = http.post(f"/api/v1/analyze/stream?{query}", content=wav())
    assert (response.status_code, code(response)) == (400, "bad_parameter")
    assert query.partition("=")[0] in response.json()["detail"]


def test_a_clip_over_the_limit_is_refused(serve: Serve) -> None:
    server = serve(max_clip_bytes="100000")
    big = SPEECH.tobytes()
    with server.http() as http:
        for request in (
            {"content": big},
            {"content": iter([big[:70_000], big[70_000:]])},  # no declared length
            {"json": {"audio_data": base64.b64encode(big).decode()}},
            {"files": {"audio_file": big + big}},
        ):
            response = http.post("/api/v1/analyze/stream", **request)  # type: ignore[arg-type]
            assert (response.status_code, code(response)) == (413, "too_large")


def test_an_agent_adds_clips_to_own_calls_only(filled: Server) -> None:
    with filled.http("agent", agent_id="a-1") as http:
        assert http.post("/api/v1/analyze/stream?call_id=c-1", content=wav()).status_code == 200
        assert http.post("/api/v1/analyze/stream?call_id=c-new", content=wav()).json()["agent_id"] == "a-1"
        for query in ("call_id=c-2", "agent_id=a-2"):
            assert http.post(f"/api/v1/analyze/stream?{query}", content=wav()).status_code == 403
    with filled.http("agent", agent_id="a-1") as one, filled.http("agent", agent_id="a-2") as other:
        first = one.post("/api/v1/analyze/stream", content=wav()).json()
        assert other.post("/api/v1/analyze/stream", content=wav()).status_code == 200
        assert len(one.get(f"/emotions?call_id={first['call_id']}").json()) == 2
        assert other.get(f"/emotions?call_id={first['call_id']}").status_code == 404


# ---------------------------------------------------------------- reading back


def test_the_log_is_newest_first_and_pages_to_its_end(filled: Server) -> None:
    with filled.http() as http:
        page = http.get("/api/v1/logs?limit=3").json()
        assert len(page["items"]) == 3
        rest = http.get("/api/v1/logs", params={"limit": 3, "cursor": page["next_cursor"]}).json()
        rows = page["items"] + rest["items"]
        assert rest["next_cursor"] is None
        assert len({row["segment_id"] for row in rows}) == len(rows) == 4
        assert [row["timestamp"] for row in rows] == sorted((row["timestamp"] for row in rows), reverse=True)
        assert http.get("/logs/?limit=2").json() == rows[:2]
        assert http.get("/api/v1/logs?agent_id=a-2").json()["items"] == [r for r in rows if r["agent_id"] == "a-2"]
        assert http.get("/api/v1/logs?emotion=no-such").json()["items"] == []
        since = rows[1]["timestamp"]
        assert len(http.get("/api/v1/logs", params={"since": since}).json()["items"]) == 2
        assert len(http.get("/api/v1/logs", params={"until": since}).json()["items"]) == 2


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=501", "since=yesterday", "cursor=???", "agent_id=../x", "until=99999-01-01"],
)
def test_a_query_that_does_not_fit_is_refused(filled: Server, query: str) -> None:
    with filled.http() as http:
        response = http.get(f"/api/v1/logs?{query}")
    assert response.status_code == 400
    assert code(response) in ("bad_parameter", "bad_cursor")


def test_calls_tell_how_they_went(filled: Server) -> None:
    with filled.http() as http:
        assert [call["call_id"] for call in http.get("/api/v1/calls").json()["items"]] == ["c-2", "c-1"]
        call = http.get("/api/v1/calls/c-1").json()
        assert http.get("/api/v1/calls?live=true").json()["items"] == []
        assert http.get("/api/v1/calls/nobody").status_code == 404
    assert (call["agent_id"], call["live"], call["reason"]) == ("a-1", False, "stop")
    assert call["mood"]["state"] in ("calm", "tense", "upset", "recovering")
    assert sum(call["summary"]["emotion_distribution"].values()) == call["totals"]["segments"] == 2


def test_a_live_call_is_seen_while_it_lasts(server: Server) -> None:
    with server.connect(server.token(agent_id="a-1")) as ws, server.http() as http:
        from tests.servers import opening

        ws.send(opening("c-1"))
        ws.recv()
        assert [call["call_id"] for call in http.get("/api/v1/calls?live=true").json()["items"]] == ["c-1"]
        assert http.get("/api/v1/calls?live=true&agent_id=a-2").json()["items"] == []
        with server.http("agent", agent_id="a-2") as other:
            assert other.get("/api/v1/calls?live=true").json()["items"] == []
            assert other.get("/api/v1/calls/c-1").status_code == 404


def test_metrics_count_what_was_felt(filled: Server) -> None:
    with filled.http() as http:
        (day,) = http.get("/api/v1/metrics/emotions").json()
        agents = http.get("/metrics/emotions/?interval=agent").json()
        assert http.get("/api/v1/metrics/emotions?interval=weekly").status_code == 400
        assert http.get("/api/v1/metrics/emotions?tz=Nowhere/Land").status_code == 400
    assert (day["total_segments"], day["calls"], day["enough"]) == (4, 2, False)
    assert sum(day["emotion_distribution"].values()) == 4
    assert {row["agent_id"]: row["total_segments"] for row in agents} == {"a-1": 2, "a-2": 2}


# ---------------------------------------------------------------- who may what

ROUTES = {
    "GET /emotions?call_id=c-1": {"agent": 200, "other": 404, "supervisor": 200, "integrator": 403},
    "GET /logs": {"agent": 200, "other": 200, "supervisor": 200, "integrator": 403},
    "GET /logs?agent_id=a-1": {"agent": 200, "other": 403, "supervisor": 200, "integrator": 403},
    "GET /calls": {"agent": 200, "other": 200, "supervisor": 200, "integrator": 403},
    "GET /calls/c-1": {"agent": 200, "other": 404, "supervisor": 200, "integrator": 403},
    "GET /metrics/emotions": {"agent": 403, "other": 403, "supervisor": 200, "integrator": 403},
    "GET /model": {"agent": 200, "other": 200, "supervisor": 200, "integrator": 200},
    "POST /tokens": {"agent": 403, "other": 403, "supervisor": 403, "integrator": 200},
    "POST /analyze/stream?call_id=c-1": {"agent": 200, "other": 403, "supervisor": 200, "integrator": 200},
}


@pytest.mark.parametrize("route", ROUTES)
def test_each_role_may_do_what_the_protocol_says(filled: Server, route: str) -> None:
    method, path = route.split(" ")
    body = {"json": {"agent_id": "a-5"}} if path == "/tokens" else {"content": wav()} if method == "POST" else {}
    who = {"agent": ("agent", {"agent_id": "a-1"}), "other": ("agent", {"agent_id": "a-2"})}
    for name, status in ROUTES[route].items():
        role, named = who.get(name, (name, {}))
        with filled.http(role, **named) as http:
            response = http.request(method, f"/api/v1{path}", **body)  # type: ignore[arg-type]
        assert response.status_code == status, (name, response.text)
        assert status == 200 or code(response)
    with filled.http(None) as http:
        response = http.request(method, f"/api/v1{path}", **body)  # type: ignore[arg-type]
        assert (response.status_code, code(response)) == (401, "token_missing")
        assert response.headers["www-authenticate"] == "Bearer"


def test_an_agent_sees_own_rows_alone(filled: Server) -> None:
    with filled.http("agent", agent_id="a-1") as http:
        assert {row["call_id"] for row in http.get("/api/v1/logs").json()["items"]} == {"c-1"}
        assert {row["call_id"] for row in http.get("/logs").json()} == {"c-1"}
        assert [call["call_id"] for call in http.get("/api/v1/calls").json()["items"]] == ["c-1"]


def test_a_token_for_one_call_sees_that_call_alone(filled: Server) -> None:
    with filled.http("agent", agent_id="a-1", call_id="c-2") as http:
        assert {row["call_id"] for row in http.get("/api/v1/logs").json()["items"]} == {"c-2"}
        assert [call["call_id"] for call in http.get("/api/v1/calls").json()["items"]] == ["c-2"]
        assert http.get("/api/v1/emotions?call_id=c-1").status_code == 404
        assert http.get("/api/v1/calls/c-1").status_code == 404


def test_an_integrator_hands_out_agent_tokens_and_nothing_above(filled: Server) -> None:
    with filled.http("integrator") as http:
        answer = http.post("/api/v1/tokens", json={"agent_id": "a-1", "call_id": "c-7", "ttl_sec": 60}).json()
        assert filled.tokens.verify(answer["token"]).call_id == "c-7"
        for wanted in ({"role": "supervisor"}, {"role": "integrator"}):
            assert http.post("/api/v1/tokens", json=wanted).status_code == 403
        for wanted in ({}, {"agent_id": "../x"}, {"agent_id": "a", "ttl_sec": 0}, {"role": "king"}, [], "x"):  # type: ignore[assignment]
            assert http.post("/api/v1/tokens", json=wanted).status_code == 400
        assert http.post("/api/v1/tokens", content=b" " * 100_000).status_code == 413


# ---------------------------------------------------------------- the rest


def test_unknown_routes_and_methods_have_the_one_shape(server: Server) -> None:
    with server.http() as http:
        assert code(http.get("/nothing")) == "not_found"
        response = http.delete("/api/v1/logs")
        assert (response.status_code, code(response)) == (405, "method_not_allowed")
        assert "GET" in response.headers["allow"]


def test_probes_need_no_token(server: Server) -> None:
    with server.http(None) as http:
        health = http.get("/health").json()
        assert (health["status"], health["checks"]["store"]) == ("ok", "ok")
        assert http.get("/livez").status_code == http.get("/readyz").status_code == 200


def test_the_page_is_served_under_a_strict_policy_and_the_widget_to_every_origin(server: Server) -> None:
    with server.http(None) as http:
        page = http.get("/")
        module = http.get("/widget/undervoice-meter.js")
        assert http.get("/widget/../../pyproject.toml").status_code == 404
        assert http.get("/widget/%2e%2e/%2e%2e/pyproject.toml").status_code == 404
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["permissions-policy"] == "microphone=(self), display-capture=(self)"
    assert module.headers["access-control-allow-origin"] == "*"
    assert module.headers["cross-origin-resource-policy"] == "cross-origin"
    assert module.headers["content-type"].startswith("text/javascript")
    assert page.headers["x-content-type-options"] == module.headers["x-content-type-options"] == "nosniff"


def test_listed_origins_may_read_answers(serve: Serve) -> None:
    server = serve(origins="https://desk.example")
    with server.http() as http:
        let_in = http.get("/api/v1/logs", headers={"origin": "https://desk.example"})
        other = http.get("/api/v1/logs", headers={"origin": "https://evil.example"})
    assert let_in.headers["access-control-allow-origin"] == "https://desk.example"
    assert let_in.headers["access-control-expose-headers"].lower() == "retry-after"
    assert "access-control-allow-origin" not in other.headers


def test_a_fault_of_ours_tells_no_details(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr(type(server.service.store), "logs", fail)
    with server.http() as http:
        response = http.get("/api/v1/logs")
    assert (response.status_code, code(response)) == (500, "internal")
    assert "secret" not in response.text
