"""Whatever comes, each has its answer, and no other call is touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import websockets

from tests.edges.test_stream import closed
from tests.servers import Serve, Server, finals, of_type, opening, said
from tests.voices import sentence
from undervoice.auth import Tokens
from undervoice.emotion import Scores, Segment
from undervoice.model import Model

SPEECH = sentence(0.4, 1.5, 0.9)


class Unhurried(Model):
    """A model that takes far longer than it was found to take when it was loaded."""

    pause_sec = 0.0

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        time.sleep(self.pause_sec)
        return super().score(segments)


@pytest.fixture
def bystander(server: Server) -> Iterator[Server]:
    """The server, with a call going on that must end as if nothing had happened."""
    with server.connect(server.token(agent_id="bystander")) as ws:
        ws.send(opening("c-bystander"))
        ws.send(SPEECH[:20_000].tobytes())
        yield server
        ws.send(SPEECH[20_000:].tobytes())
        ws.send('{"type":"stop"}')
        messages = said(ws)
    assert messages[-1]["type"] == "stopped"
    assert len(finals(messages)) == 1


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (b"\0\0" * 100, "bad_start"),
        ("no json", "bad_start"),
        ("[1,2]", "bad_start"),
        ('"text"', "bad_start"),
        ('{"type":"ping"}', "bad_start"),
        ('{"type":"unheard_of"}', "bad_start"),
        ('{"type":"start"}', "bad_start"),
        ('{"type":"start","call_id":"c"}', "bad_start"),
        (opening("c", audio={"sample_rate": 11_025}), "unsupported_audio"),
        (opening("c", audio={"encoding": "opus"}), "bad_start"),
        (opening("c", audio={"channels": ["agent"]}), "agent_only"),
        (opening("a" * 10_000), "bad_start"),
        (opening("c\n1"), "bad_start"),
        (opening("c\n"), "bad_start"),
        (opening("\x00"), "bad_start"),
        (opening("a/b"), "bad_start"),
        (opening(".."), "bad_start"),
        (opening("__x__"), "bad_start"),
        (opening("c", agent_id="../a-1"), "bad_start"),
        (opening("c", metadata=[1]), "bad_start"),
    ],
)
def test_a_first_frame_that_is_no_usable_start_closes_with_4400(
    bystander: Server, first: bytes | str, error: str
) -> None:
    with bystander.connect() as ws:
        ws.send(first)
        assert closed(ws) == (4400, error)


def test_a_start_that_never_comes_closes_with_4400(serve: Serve) -> None:
    with serve(start_sec="1").connect() as ws:
        assert closed(ws) == (4400, "start_timeout")


def test_during_a_call_bad_messages_are_warnings(bystander: Server) -> None:
    with bystander.connect() as ws:
        ws.send(opening("c-1"))
        for frame in ("no json", "[]", '{"type":"dance"}', '{"type":"dance"}', '{"type":"discarded","samples":-1}'):
            ws.send(frame)
        ws.send(opening("c-2"))
        ws.send('{"type":"ping","id":1,"mood":"fine"}')
        ws.send(b"\x01")  # half a sample is carried
        ws.send(SPEECH.tobytes()[1:])
        ws.send('{"type":"stop"}')
        messages = said(ws)
    codes = [w["code"] for w in of_type(messages, "warning")]
    assert codes.count("unknown_type") == 1
    assert set(codes) == {"bad_message", "unknown_type", "already_started", "unknown_field"}
    assert messages[-1]["type"] == "stopped"
    assert len(finals(messages)) == 1


def test_a_frame_over_the_limit_closes_with_1009(bystander: Server) -> None:
    for frame in (bytes(5_000_000), "x" * 300_000):
        with bystander.connect() as ws:
            ws.send(opening(f"c-{type(frame).__name__}"))
            ws.recv()
            with pytest.raises(websockets.ConnectionClosed):  # noqa: PT012
                ws.send(frame)
                while True:
                    ws.recv(5)
        assert ws.close_code == 1009


def test_ten_minutes_of_silence_are_no_error_and_no_reading(bystander: Server) -> None:
    messages = bystander.call("c-1", bytes(2 * 16_000 * 600), frame_bytes=262_144, config={"live": False})
    assert {m["type"] for m in messages} - {"stats"} == {"started", "checkpoint", "alert", "stopped"}
    assert {alert["rule"] for alert in of_type(messages, "alert")} == {"silence"}
    assert messages[-1]["totals"]["audio_sec"] == 600


def test_an_odd_number_of_bytes_ends_well(bystander: Server) -> None:
    messages = bystander.call("c-1", SPEECH.tobytes() + b"\x01")
    assert len(finals(messages)) == 1


def test_a_call_that_exists_closes_with_4409(bystander: Server) -> None:
    bystander.call("c-1", b"")
    for call_id in ("c-1", "c-bystander"):
        with bystander.connect() as ws:
            ws.send(opening(call_id))
            assert closed(ws) == (4409, "call_exists")


def test_a_call_in_the_store_exists_after_a_restart_too(serve: Serve) -> None:
    serve().call("c-1", b"")
    time.sleep(0.3)
    with serve().connect() as ws:
        ws.send(opening("c-1"))
        assert closed(ws) == (4409, "call_exists")


def test_a_checkpoint_is_not_taken_from_anybody(bystander: Server) -> None:
    with bystander.connect() as ws:
        ws.send(opening("c-1", resume={"checkpoint": "forged"}))
        assert closed(ws) == (4400, "bad_checkpoint")


# ---------------------------------------------------------------- who may


def refused(server: Server, token: str, **options: object) -> int:
    with pytest.raises(websockets.InvalidStatus) as error, server.connect(token, **options):
        pass
    body = json.loads(error.value.response.body)
    assert body["error"]["message"] == body["detail"]
    return error.value.response.status_code


def test_a_wrong_or_expired_token_is_refused_before_the_upgrade(bystander: Server) -> None:
    assert refused(bystander, "nonsense") == 401
    assert refused(bystander, Tokens("x" * 40).issue("agent", agent_id="a-1").token) == 401
    expired = bystander.token(agent_id="a-1", ttl_sec=1)
    time.sleep(6.5)  # past the leeway for clocks
    assert refused(bystander, expired) == 401


def test_a_supervisor_streams_nothing(bystander: Server) -> None:
    assert refused(bystander, bystander.token("supervisor")) == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused_before_the_upgrade(bystander: Server, origin: str) -> None:
    assert refused(bystander, bystander.token(), origin=origin) == 403


def test_its_own_and_the_listed_origins_are_let_in_and_the_token_is_not_echoed(serve: Serve) -> None:
    server = serve(origins="https://desk.example")
    for origin in (server.url, "https://desk.example"):
        offered = ["undervoice.v1", f"bearer.{server.token()}"]
        with server.connect(headers={"Authorization": ""}, origin=origin, subprotocols=offered) as ws:
            assert ws.subprotocol == "undervoice.v1"


def test_without_an_origin_the_token_comes_in_a_header(bystander: Server) -> None:
    from websockets.sync.client import connect

    url = bystander.url.replace("http", "ws") + "/api/v1/stream"
    with (
        pytest.raises(websockets.InvalidStatus) as error,
        connect(url, subprotocols=["undervoice.v1", f"bearer.{bystander.token()}"]),  # type: ignore[list-item]
    ):
        pass
    assert error.value.response.status_code == 401


def test_an_agent_starts_own_calls_only(bystander: Server) -> None:
    with bystander.connect(bystander.token(agent_id="a-1")) as ws:
        ws.send(opening("c-1", agent_id="a-2"))
        assert closed(ws) == (4403, "foreign_call")
    with bystander.connect(bystander.token(agent_id="a-1", call_id="c-2")) as ws:
        ws.send(opening("c-3"))
        assert closed(ws) == (4403, "foreign_call")
    assert finals(bystander.call("c-4", SPEECH.tobytes(), token=bystander.token("integrator"), agent_id="a-2"))


def test_a_token_that_expires_between_upgrade_and_start_is_refused(bystander: Server) -> None:
    with bystander.connect(bystander.token(agent_id="a-1", ttl_sec=1)) as ws:
        time.sleep(1.2)
        ws.send(opening("c-1"))
        assert closed(ws) == (4401, "token_expired")


def test_without_the_required_consent_the_call_closes_with_4403(serve: Serve) -> None:
    server = serve(consent="required")
    with server.connect() as ws:
        ws.send(opening("c-1"))
        assert closed(ws) == (4403, "consent_required")
    assert server.call("c-2", b"", consent={"basis": "notice"})[-1]["type"] == "stopped"


def test_a_token_has_its_share_of_connections(bystander: Server) -> None:
    token = bystander.token(agent_id="a-1")
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(bystander.connect(token))
        assert refused(bystander, token) == 429


def test_a_full_server_says_when_to_come_back(serve: Serve) -> None:
    server = serve(max_calls="1")
    with server.connect(), pytest.raises(websockets.InvalidStatus) as error, server.connect():
        pass
    assert error.value.response.status_code == 503
    assert int(error.value.response.headers["retry-after"]) > 0
    with server.connect(), server.http(None) as http:
        assert http.get("/readyz").status_code == 503


def test_a_server_that_comes_late_lets_nobody_else_in_and_keeps_whom_it_has(serve: Serve, tiny: Path) -> None:
    model = Unhurried.load(tiny)
    server = serve(model)
    model.pause_sec = 0.5
    with ExitStack() as held:
        inside = [held.enter_context(server.connect()) for _ in range(4)]
        for number, ws in enumerate(inside):
            ws.send(opening(f"c-{number}"))
            ws.send(SPEECH[:28_000].tobytes())  # less than what counts as catching up
            ws.send('{"type":"flush"}')
        assert all(finals(said(ws, until="flushed")) for ws in inside)
        with pytest.raises(websockets.InvalidStatus) as error, server.connect():
            pass
        assert error.value.response.status_code == 503
        assert json.loads(error.value.response.body)["error"]["code"] == "full"
        assert int(error.value.response.headers["retry-after"]) > 0
        for ws in inside:
            ws.send('{"type":"stop"}')
        totals = [said(ws)[-1]["totals"] for ws in inside]
    assert [(each["segments"], each["dropped_sec"]) for each in totals] == [(1, 0.0)] * 4


def test_an_address_has_its_share_of_sockets_without_start_and_of_starts(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undervoice.limits.WAITING", 2)
    monkeypatch.setattr("undervoice.limits.STARTS_PER_SEC", 1.0)
    server = serve()
    far = {"X-Forwarded-For": "203.0.113.5"}  # as a trusted proxy names a client
    token = server.token("integrator")
    with server.connect(token, headers=far) as first, server.connect(token, headers=far) as second:
        assert refused(server, token, headers=far) == 429
        first.send(opening("c-1"))
        assert said(first, until="started")[-1]["type"] == "started"
        second.send(opening("c-2"))
        assert closed(second) == (4429, "too_many_starts")
    with server.connect(token) as near:
        near.send(opening("c-3"))
        assert said(near, until="started")[-1]["type"] == "started"
