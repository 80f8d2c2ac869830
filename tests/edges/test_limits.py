"""Shares over a real socket: who asks too much is told when to come back, and nobody else feels it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import websockets

from tests.adapters.keyserver import SignInKey, key_server, key_set
from tests.edges.test_api import code, wav
from tests.servers import Serve, Server, opening, said
from undervoice.auth import Tokens
from undervoice.rates import FAILURES_PER_SEC, Rates, Room

FAR = {"X-Forwarded-For": "203.0.113.5"}
"""An address that is not this machine's, as a trusted proxy names it."""


class Clock:
    """Time that passes when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def timed(server: Server, requests_per_sec: float = 5, upload_mb_per_min: float = 1) -> Clock:
    """Give a server shares that follow a clock of the test's own."""
    clock = Clock()
    object.__setattr__(server.service, "rates", Rates(requests_per_sec, upload_mb_per_min, clock))
    return clock


def statuses(http: httpx.Client, count: int, path: str = "/api/v1/model", **headers: str) -> list[int]:
    return [http.get(path, headers=headers).status_code for _ in range(count)]


def refused(response: httpx.Response, error: str) -> int:
    """Check a refusal and return after how many seconds it says to come back."""
    assert (response.status_code, code(response)) == (429, error)
    return int(response.headers["retry-after"])


def test_a_token_has_its_share_of_requests_and_gets_it_back(server: Server) -> None:
    clock = timed(server)
    with server.http() as one, server.http() as other:
        assert statuses(one, 11) == [200] * 10 + [429]
        assert refused(one.get("/api/v1/logs"), "too_many_requests") >= 1
        assert statuses(other, 1) == [200], "another token is not touched"
        clock.now = 1.0
        assert statuses(one, 6) == [200] * 5 + [429]


def test_an_address_has_its_share_whatever_tokens_it_brings(server: Server) -> None:
    clock = timed(server)
    found = []
    for _ in range(12):
        with server.http() as http:
            found += statuses(http, 1, **FAR)
    assert found == [200] * 10 + [429] * 2
    with server.http() as http:
        assert statuses(http, 1, **{"X-Forwarded-For": "203.0.113.6"}) == [200]
        assert statuses(http, 1) == [200], "this machine's own address has no limit"
        clock.now = 0.2
        assert statuses(http, 2, **FAR) == [200, 429]


def test_probes_pages_and_files_are_never_counted(server: Server) -> None:
    timed(server, requests_per_sec=0.001)
    with server.http() as http:
        for path in ("/livez", "/readyz", "/health", "/", "/widget/undervoice-meter.js", "/openapi.json"):
            assert statuses(http, 5, path, **FAR) == [200] * 5


def test_refused_tokens_are_limited_and_lock_nobody_out(server: Server) -> None:
    timed(server, requests_per_sec=1000)
    most = 2 * int(FAILURES_PER_SEC)
    with server.http(None) as nobody, server.http() as neighbour:
        assert statuses(nobody, most + 1, authorization="Bearer guess", **FAR) == [401] * most + [429]
        response = nobody.get("/api/v1/model", headers=FAR)
        assert refused(response, "too_many_failures") >= 1
        assert statuses(neighbour, 1, **FAR) == [200], "a good token from the same address"
    with pytest.raises(websockets.InvalidStatus) as refusal, server.connect("guess", headers=FAR):
        pass
    assert refusal.value.response.status_code == 429
    assert int(refusal.value.response.headers["retry-after"]) >= 1


def test_bytes_are_refused_before_they_are_read(server: Server) -> None:
    clock = timed(server, requests_per_sec=1000, upload_mb_per_min=1)
    big = bytes(600_000)
    with server.http() as http:
        assert code(http.post("/api/v1/analyze/stream", content=big)) == "no_speech"
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(
                f"POST /api/v1/analyze/stream HTTP/1.1\r\nhost: x\r\nauthorization: {http.headers['authorization']}\r\n"
                f"content-length: {len(big)}\r\n\r\n".encode()
            )
            assert line.recv(100).startswith(b"HTTP/1.1 429 ")
        chunks = iter([big[:300_000], big[300_000:]])  # no declared length: counted while it comes
        assert refused(http.post("/api/v1/analyze/stream", content=chunks), "too_many_bytes") >= 1
        with server.http() as other:
            assert code(other.post("/api/v1/analyze/stream", content=big)) == "no_speech"
        clock.now = 60.0
        assert code(http.post("/api/v1/analyze/stream", content=big)) == "no_speech"


def test_an_address_has_its_share_of_bytes(server: Server) -> None:
    timed(server, requests_per_sec=1000, upload_mb_per_min=1)
    found = []
    for _ in range(3):
        with server.http() as http:
            found.append(http.post("/api/v1/analyze/stream", content=bytes(400_000), headers=FAR).status_code)
    assert found == [422, 422, 429]


def test_a_recording_that_is_small_for_its_length_counts_as_what_it_holds(server: Server) -> None:
    timed(server, requests_per_sec=1000, upload_mb_per_min=1)
    minute = wav(np.zeros(60 * 16_000, np.int16), kind="FLAC")
    assert len(minute) < 20_000
    with server.http() as http:
        found = [http.post("/api/v1/analyze/stream", content=minute).status_code for _ in range(2)]
        assert found == [422, 429]


def test_uploads_hold_so_much_room_at_a_time_and_give_it_back(server: Server) -> None:
    room = Room(1_000_000)
    object.__setattr__(server.service, "room", room)
    with server.http() as http:
        response = http.post("/api/v1/analyze/stream", content=bytes(600_000))
        assert refused(response, "too_many_uploads") >= 1
        for _ in range(3):
            assert code(http.post("/api/v1/analyze/stream", content=bytes(400_000))) == "no_speech"
        room.hold("others", 450_000)
        room.hold("more", 450_000)
        response = http.post("/api/v1/analyze/stream", content=bytes(400_000))
        assert (response.status_code, code(response)) == (503, "full")
        assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", ["/api/v1/analyze/stream", "/api/v1/tokens"])
@pytest.mark.parametrize("pause_sec", [0.05, None], ids=["a byte at a time", "not at all"])
def test_a_body_that_hardly_comes_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str, pause_sec: float | None
) -> None:
    monkeypatch.setattr("undervoice.answers.STILL_SEC", 0.5)
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
        f"authorization: Bearer {server.token('integrator')}\r\n\r\n"
    )
    began = time.monotonic()
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head.encode())
        answer = drip(line, pause_sec)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"slow_body" in answer
    assert time.monotonic() - began < 5


def drip(line: socket.socket, pause_sec: float | None) -> bytes:
    """Send a byte now and then until the server has had enough, and return what it says."""
    line.settimeout(pause_sec or 5)
    answer = b""
    while True:
        if pause_sec and not answer:
            line.sendall(b"x")
        try:
            part = line.recv(4096)
        except TimeoutError:
            continue
        if not part:
            return answer
        answer += part


def test_a_body_that_keeps_coming_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undervoice.answers.STILL_SEC", 0.5)
    pieces = [bytes(20_000)] * 8

    def slowly() -> Any:
        for piece in pieces:
            time.sleep(0.15)
            yield piece

    with server.http() as http:
        assert code(http.post("/api/v1/analyze/stream", content=slowly())) == "no_speech"


def connection(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /"],
    ids=["nothing", "half a head", "half of the next head"],
)  # fmt: skip
def test_a_connection_that_never_says_what_it_wants_is_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("undervoice.sockets.HEAD_SEC", 0.4)
    began = time.monotonic()
    with connection(server) as line:
        line.sendall(sent)
        line.settimeout(0.1)
        while time.monotonic() - began < 4:
            with contextlib.suppress(TimeoutError, BrokenPipeError):
                if line.recv(4096) == b"":
                    break
                continue
            with contextlib.suppress(OSError):
                line.sendall(b"x" if sent else b"")
    assert 0.3 < time.monotonic() - began < 3


def test_the_rest_of_a_refused_body_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undervoice.sockets.HEAD_SEC", 0.4)
    with connection(server) as line:
        line.sendall(b"POST /api/v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n")
        assert line.recv(20).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"eset|roken"):  # noqa: PT012
            for _ in range(40):
                line.sendall(b"x")
                time.sleep(0.1)


def test_quick_requests_over_one_connection_are_all_answered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undervoice.sockets.HEAD_SEC", 0.4)
    with server.http() as http:
        for _ in range(8):
            assert http.get("/livez").status_code == 200
            time.sleep(0.1)
    server.call("c-1")
    with server.connect() as ws:
        ws.send(opening("c-2"))
        time.sleep(0.6)
        ws.send('{"type":"ping","id":1}')
        assert said(ws, until="pong")


def test_whoever_leaves_in_the_middle_of_a_body_is_no_fault_of_ours(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    token = server.token("integrator")
    for rest in ("content-length: 1000\r\n\r\nxx", "transfer-encoding: chunked\r\n\r\nno chunk\r\n"):
        for path, bearer in (("tokens", token), ("analyze/stream", token), ("logs", token), ("tokens", "guess")):
            with connection(server) as line:
                head = f"POST /api/v1/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n"
                line.sendall((head + rest).encode())
                time.sleep(0.02)
    with server.http() as http:
        assert http.get("/livez").status_code == 200
    time.sleep(0.2)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


# ---------------------------------------------------------------- keys and revocation, in a running server


def test_a_token_of_the_sign_in_opens_calls_and_rest_once_its_keys_are_fetched(serve: Serve) -> None:
    key = SignInKey("r-1")
    with key_server() as keys:
        keys.hand_out(key)
        server = serve(jwks=keys.url, issuer="https://id.example")
        token = key.sign(iss="https://id.example")
        with server.connect(token) as ws:
            ws.send(opening("c-1"))
            assert said(ws, until="started")[-1]["type"] == "started"
        with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}) as http:
            assert [call["call_id"] for call in http.get("/api/v1/calls?live=false").json()["items"]] in ([], ["c-1"])
        with server.http() as http:
            assert http.get("/api/v1/model").status_code == 200
        assert keys.asked == 1


def test_a_dead_key_server_keeps_no_token_of_our_own_out(serve: Serve) -> None:
    server = serve(jwks="http://127.0.0.1:1/keys")
    assert server.call("c-1")[-1]["type"] == "stopped"
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {SignInKey('r-1').sign()}"}) as http:
        assert code(http.get("/api/v1/model")) == "token_invalid"


def test_a_token_of_the_previous_secret_is_let_in(serve: Serve) -> None:
    server = serve(secret="n" * 40, previous_secret="o" * 40, jwks="")
    token = Tokens("o" * 40).issue("supervisor").token
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}) as http:
        assert http.get("/api/v1/logs").status_code == 200


def test_a_revoked_token_is_refused_everywhere_from_then_on(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.touch()
    keys = tmp_path / "keys"
    keys.write_bytes(key_set(SignInKey("r-1")))
    server = serve(revoked=str(file), jwks=str(keys))
    token = server.token(agent_id="a-1")
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}) as http:
        assert http.get("/api/v1/logs").status_code == 200
        bearer = server.service.tokens.verify(token)
        file.write_text(bearer.token_id + "\n")
        response = http.get("/api/v1/logs")
        assert (response.status_code, code(response)) == (401, "token_revoked")
    with pytest.raises(websockets.InvalidStatus) as refusal, server.connect(token):
        pass
    assert json.loads(refusal.value.response.body)["error"]["code"] == "token_revoked"
    assert server.service.tokens.is_revoked(bearer)
