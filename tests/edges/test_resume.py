"""A call outlives its connection, its server, and whoever it was that held it."""

from __future__ import annotations

import itertools
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.sync.client import ClientConnection

from tests.servers import Serve, Server, finals, of_type, opening, said
from tests.voices import sentence, silence

SPEECH = sentence(0.5, 3.4, 1.0, 0.9, 1.2, 4.2, 1.5)
PCM = SPEECH.tobytes()
HALF = 16_000 * 2 * 6


def begin(ws: ClientConnection, call_id: str, **fields: Any) -> list[dict[str, Any]]:
    """Open a call and return what comes up to its first checkpoint."""
    ws.send(opening(call_id, **fields))
    return said(ws, "checkpoint")


def send(ws: ClientConnection, pcm: bytes) -> None:
    for at in range(0, len(pcm), 3200):
        ws.send(pcm[at : at + 3200])


def heard_until_pong(ws: ClientConnection, mark: int) -> list[dict[str, Any]]:
    """Flush, so that all readings are out, and return everything up to there."""
    ws.send(json.dumps({"type": "ping", "id": mark}))
    return said(ws, "pong")


def resume(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"checkpoint": of_type(messages, "checkpoint")[-1]["token"]}


def go_on(server: Server, call_id: str, before: list[dict[str, Any]], pcm: bytes, **start: Any) -> list[dict[str, Any]]:
    """Continue a call from its newest checkpoint to its end."""
    with server.connect(start.pop("token", None)) as ws:
        ws.send(opening(call_id, resume=resume(before), **start))
        (started,) = said(ws, "started")
        send(ws, pcm[2 * started["resume_from_sample"] :])
        ws.send('{"type":"stop"}')
        return [started, *said(ws)]


def lose(ws: ClientConnection) -> None:
    """Lose the connection without a word."""
    ws.socket.shutdown(socket.SHUT_RDWR)


def cut(server: Server, call_id: str, pcm: bytes, **start: Any) -> list[dict[str, Any]]:
    """Start a call whose connection is lost in the middle, and return what its client had heard by then."""
    with server.connect(start.pop("token", None)) as ws:
        messages = begin(ws, call_id, **start)
        send(ws, pcm)
        messages += heard_until_pong(ws, 1)
        while not finals(messages):
            messages += said(ws, "checkpoint")
        lose(ws)
    return messages


def scored(messages: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {reading["segment_id"]: reading["all_emotions_confidence"] for reading in finals(messages)}


def test_a_new_call_has_its_first_checkpoint_at_once(server: Server) -> None:
    with server.connect() as ws:
        messages = begin(ws, "c-1")
    assert [message["type"] for message in messages] == ["started", "checkpoint"]
    assert messages[-1]["sample"] == 0
    assert len(messages[-1]["token"]) <= 2048


def test_every_final_is_followed_by_a_checkpoint_at_its_end_or_later(server: Server) -> None:
    messages = server.call("c-1", PCM)
    assert len(finals(messages)) >= 4
    for reading in finals(messages):
        after = messages[messages.index(reading) :]
        assert of_type(after, "checkpoint")[0]["sample"] >= round(reading["end_offset_sec"] * 16_000)


def test_silence_is_marked_every_five_seconds(server: Server) -> None:
    messages = server.call("c-1", silence(17.0).tobytes())
    samples = [message["sample"] for message in of_type(messages, "checkpoint")]
    assert samples == sorted(samples)
    assert len(samples) == 4
    assert all(80_000 <= later - earlier < 81_000 for earlier, later in itertools.pairwise(samples))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_lost_call_goes_on_and_ends_as_if_nothing_had_happened(serve: Serve, elsewhere: bool) -> None:
    first = serve()
    second = serve() if elsewhere else first
    whole = scored(first.call("c-whole", PCM))
    before = cut(first, "c-cut", PCM[:HALF])
    after = go_on(second, "c-cut", before, PCM)
    assert after[0]["resume_from_sample"] > 0
    assert after[0]["timestamp"] == before[0]["timestamp"]
    seen = {**scored(after), **scored(before)}
    assert sorted(name.replace("c-cut", "c-whole") for name in seen) == sorted(whole)
    for name, scores in seen.items():
        assert scores == pytest.approx(whole[name.replace("c-cut", "c-whole")], abs=1e-5)
    with second.http() as http:
        rows = http.get("/api/v1/emotions", params={"call_id": "c-cut"}).json()
        assert sorted(row["segment_id"] for row in rows) == sorted(seen)
        ended, undisturbed = (http.get(f"/api/v1/calls/{call_id}").json() for call_id in ("c-cut", "c-whole"))
    assert (ended["live"], ended["reason"]) == (False, "stop")
    assert ended["totals"] == undisturbed["totals"]
    assert ended["mood"] == pytest.approx(undisturbed["mood"], abs=1e-3)
    assert ended["summary"]["emotion_distribution"] == undisturbed["summary"]["emotion_distribution"]


def test_a_newcomer_with_a_checkpoint_wins_over_a_connection_that_nobody_has_missed(server: Server) -> None:
    with server.connect() as old:
        before = begin(old, "c-1")
        send(old, PCM[:HALF])
        before += heard_until_pong(old, 1)
        after = go_on(server, "c-1", before, PCM)
        rest = said(old)
        assert of_type(rest, "error")[-1]["code"] == "superseded"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            old.recv(1)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409
    assert after[-1]["type"] == "stopped"
    with server.http() as http:
        call = http.get("/api/v1/calls/c-1").json()
        assert (call["live"], call["reason"]) == (False, "stop")
        rows = http.get("/api/v1/emotions", params={"call_id": "c-1"}).json()
    assert len({row["segment_id"] for row in rows}) == len(rows) == call["totals"]["segments"]


def refused(server: Server, call_id: str, token: str | None = None, **start: Any) -> tuple[str, int]:
    """Return the error's code and the close code of a start that is refused."""
    with server.connect(token) as ws:
        ws.send(opening(call_id, **start))
        errors = of_type(said(ws), "error")
        assert ws.protocol.close_rcvd is not None
        return errors[-1]["code"], ws.protocol.close_rcvd.code


def test_what_is_no_checkpoint_of_this_call_continues_nothing(server: Server) -> None:
    before = cut(server, "c-1", PCM[:HALF])
    mine = resume(before)
    forged = {"checkpoint": "A" + mine["checkpoint"][1:] if mine["checkpoint"][0] != "A" else "B"}
    assert refused(server, "c-new", resume=mine) == ("bad_checkpoint", 4400)
    assert refused(server, "c-new", resume=forged) == ("bad_checkpoint", 4400)
    assert refused(server, "c-1", resume=forged) == ("call_exists", 4409)
    assert refused(server, "c-1") == ("call_exists", 4409)
    other = server.token("agent", agent_id="a-2")
    assert refused(server, "c-1", other, resume=mine)[1] in (4400, 4409)


def test_a_call_that_broke_off_before_its_first_reading_may_start_again(server: Server) -> None:
    with server.connect() as ws:
        begin(ws, "c-1")
        lose(ws)
    deadline = time.monotonic() + 10
    while len(server.service.live) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert refused(server, "c-1", server.token("agent", agent_id="a-2")) == ("call_exists", 4409)
    assert server.call("c-1", PCM)[-1]["type"] == "stopped"
    assert refused(server, "c-1") == ("call_exists", 4409)


def test_an_erased_call_ends_and_never_comes_back(server: Server) -> None:
    with server.connect() as ws, server.http() as http:
        before = begin(ws, "c-1")
        send(ws, PCM[:HALF])
        before += heard_until_pong(ws, 1)
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        assert of_type(said(ws), "error")[-1]["code"] == "call_erased"
        assert http.get("/api/v1/calls/c-1").status_code == 404
        assert refused(server, "c-1", resume=resume(before)) == ("call_erased", 4403)
        assert refused(server, "c-1") == ("call_erased", 4403)
        assert http.get("/api/v1/emotions", params={"call_id": "c-1"}).status_code == 404


def test_a_token_that_is_revoked_ends_its_running_calls(serve: Serve, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("")
    server = serve(revoked=str(revoked), idle_sec="4")
    token, other = server.token(agent_id="a-1"), server.token(agent_id="a-2")
    with server.connect(token) as ws, server.connect(other) as untouched:
        begin(ws, "c-1")
        begin(untouched, "c-2")
        revoked.write_text(server.tokens.verify(token).token_id + "\n")
        errors = of_type(said(ws), "error")
        assert errors[-1]["code"] == "token_revoked"
        untouched.send('{"type":"stop"}')
        assert said(untouched)[-1]["type"] == "stopped"


def test_a_token_that_is_revoked_before_the_start_begins_nothing(serve: Serve, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("")
    server = serve(revoked=str(revoked))
    token = server.token(agent_id="a-1")
    with server.connect(token) as ws:
        revoked.write_text(server.tokens.verify(token).token_id + "\n")
        ws.send(opening("c-1"))
        assert of_type(said(ws), "error")[-1]["code"] == "token_revoked"


def test_the_agents_voice_is_scored_only_where_the_operator_says_so(serve: Serve, server: Server) -> None:
    audio = {"sample_rate": 16_000, "channels": ["agent"]}
    assert refused(server, "c-agent", audio=audio) == ("agent_only", 4400)
    allowed = serve(subjects="customer,agent")
    readings = finals(allowed.call("c-agent", PCM, audio=audio))
    assert readings
    assert {reading["channel"] for reading in readings} == {"agent"}
    assert all(reading["segment_id"].startswith("c-agent:agent:") for reading in readings)
