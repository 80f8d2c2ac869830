"""A day in small at the most talkative level: no token, voice or word of a customer is in any log."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.sync.client import connect

from tests.adapters.keyserver import SignInKey, key_set
from tests.edges.running import serving
from tests.edges.test_api import wav
from tests.servers import opening, said
from tests.voices import sentence
from undervoice.auth import Tokens
from undervoice.terms import NAME_PATTERN, SUBPROTOCOL

SECRET, OLDER, FOREIGN = (f"{name}-secret-that-nobody-may-read" for name in ("present", "previous", "foreign"))
MARKER = "XmarkerX"
"""Stands in everything that a client may say."""
SPEECH = sentence(0.4, 1.5, 1.0)
NASTY = (
    f"{MARKER}\n2026-01-01 00:00:00,000 ERROR undervoice FORGED",
    f"{MARKER}\r\nFORGED",
    f"\x1b[2K\x1b[1A{MARKER}",
    f"{MARKER}\u2028FORGED\u2029\x85FORGED",
    f"{MARKER}%s%n%(name)s{{0}}",
    f"\u202e{MARKER}\x00",
)


@dataclass
class Day:
    """A running ``undervoice serve`` and everything secret that it was sent."""

    url: str
    tokens: list[str] = field(default_factory=list)

    def token(self, role: str = "agent", secret: str = SECRET, **who: Any) -> str:
        """Return a token that must not be logged."""
        who = who or ({"agent_id": "a-1"} if role == "agent" else {})
        self.tokens.append(Tokens(secret).issue(role, **who).token)  # type: ignore[arg-type]
        return self.tokens[-1]

    def http(self, token: str | None) -> httpx.Client:
        headers = {"user-agent": MARKER, "referer": f"https://{MARKER}.example/"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def socket(self, token: str, *, subprotocol: bool = False) -> Any:
        address = self.url.replace("http", "ws") + f"/api/v1/stream?q={MARKER}"
        if subprotocol:
            offered: Any = [SUBPROTOCOL, f"bearer.{token}"]
            return connect(address, subprotocols=offered, origin=self.url, max_size=None)  # type: ignore[arg-type]
        headers = {"authorization": f"Bearer {token}", "user-agent": MARKER}
        return connect(address, subprotocols=[SUBPROTOCOL], additional_headers=headers, max_size=None)  # type: ignore[list-item]


def calls(day: Day) -> None:
    """Live calls, well and badly behaved."""
    for number, subprotocol in enumerate((True, False)):
        with day.socket(day.token(), subprotocol=subprotocol) as ws:
            ws.send(
                opening(f"c-{number}", metadata={"queue": MARKER}, consent={"basis": "notice", "notice_id": MARKER})
            )
            ws.send(SPEECH.tobytes())
            for text in (MARKER, *NASTY):
                ws.send(_json(type="transcript", start_offset_sec=0.1, end_offset_sec=0.5, text=text))
                ws.send(_json(type=text, text=text))
                ws.send(text.replace("\x00", ""))
            ws.send(_json(type="pause", reason=MARKER))
            ws.send(_json(type="feedback", segment_id=f"c-{number}:customer:000000000", correct=False, emotion=MARKER))
            ws.send('{"type":"stop"}')
            said(ws)
    for number, first in enumerate((MARKER, _json(type="start", call_id=MARKER), b"\0\1", *map(opening, NASTY))):
        with day.socket(day.token(agent_id=f"a-{number}")) as ws:
            ws.send(first)
            said(ws)
    with day.socket(day.token()) as ws:  # lost in the middle of the speech
        ws.send(opening("c-lost"))
        ws.send(SPEECH.tobytes()[:30_000])
        ws.socket.shutdown(socket.SHUT_RDWR)
    for frame in (b"\xff\xfe" + MARKER.encode(), b"x" * 5_000_000):
        with day.socket(day.token()) as ws, contextlib.suppress(websockets.ConnectionClosed):
            ws.send(opening(f"c-{len(frame)}"))
            ws.send(frame, text=len(frame) < 100)
            said(ws)


def strangers(day: Day) -> None:
    """Tokens that are refused, over the socket and REST."""
    expired = Tokens(SECRET).issue("agent", agent_id="a-1", ttl_sec=1).token
    bad = [day.token(secret=FOREIGN), SignInKey("other").sign(), f"{MARKER}.{MARKER}.{MARKER}", expired[:-6] + "abcdef"]
    day.tokens += bad[1:]
    for token in bad:
        for subprotocol in (True, False):
            with pytest.raises(websockets.InvalidStatus), day.socket(token, subprotocol=subprotocol):
                pass
        with day.http(token) as http:
            assert http.get(f"/api/v1/logs?token={token}").status_code == 401


def requests(day: Day) -> None:
    """REST, from clips to nonsense."""
    marked: dict[str, Any] = {"audio_file": (f"{MARKER}.wav", wav(SPEECH), MARKER)}
    with day.http(day.token("supervisor")) as http:
        for body in (
            {"content": wav(SPEECH)},
            {"json": {"audio_data": base64.b64encode(SPEECH.tobytes()).decode()}},
            {"files": marked, "data": {"agent_id": NASTY[0]}},
            {"files": marked},
            {"content": SPEECH.tobytes()[:3001], "headers": {"content-type": "audio/flac"}},
            {"content": MARKER.encode(), "headers": {"content-type": "application/json"}},
            {"content": MARKER.encode(), "headers": {"content-type": f"multipart/form-data; boundary={MARKER}"}},
            {"content": wav(SPEECH)[:60]},
        ):
            http.post("/api/v1/analyze/stream", **body)  # type: ignore[arg-type]
        for text in (MARKER, *NASTY):
            for path in ("/api/v1/emotions", "/api/v1/logs", "/api/v1/calls"):
                for name in ("call_id", "cursor", "agent_id", "since", "emotion", "limit", text):
                    assert http.get(path, params={name: text}).status_code < 500
            http.get(httpx.URL(day.url + "/api/v1/calls/").join(_quoted(text)))
            http.get(httpx.URL(day.url + "/widget/").join(_quoted(text)))
    with day.http(day.token("integrator")) as http:
        day.tokens.append(http.post("/api/v1/tokens", json={"agent_id": "a-5"}).json()["token"])
        http.post("/api/v1/tokens", json={"agent_id": NASTY[0]})
        http.post("/api/v1/tokens", content=MARKER)


def _json(**fields: Any) -> str:
    return json.dumps(fields)


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def noise(day: Day) -> None:
    """What is no HTTP, or hardly."""
    host, port = day.url.removeprefix("http://").split(":")
    token = day.token()
    for head in (
        f"{MARKER}\r\n\r\n",
        f"GET /{MARKER} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nbad header {MARKER}\r\n\r\n",
        f"GET /api/v1/stream HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        f"authorization: Bearer {token}\r\nsec-websocket-key: {MARKER}\r\n\r\n",
        f"POST /api/v1/tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
        f"transfer-encoding: chunked\r\n\r\n{MARKER}\r\n",
    ):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(head.encode())
            line.settimeout(2)
            with contextlib.suppress(OSError):
                line.recv(4096)


def traces(day: Day) -> dict[str, str]:
    """Return everything that must stand in no log, by what it is."""
    pcm = SPEECH.tobytes()
    found = {"marker": MARKER, "forged line": "FORGED", "secret": SECRET, "older": OLDER, "foreign": FOREIGN}
    for number, token in enumerate(day.tokens):
        for place, part in enumerate(token.split(".")):
            if place and part != MARKER:
                found[f"token {number}, part {place}"] = part
    for at in range(20_000, len(pcm) - 64, len(pcm) // 50):
        at -= at % 6
        piece = pcm[at : at + 24]
        if len(set(piece)) > 12:  # not mere silence
            found |= {f"audio {at} in hex": piece.hex(), f"audio {at} quoted": repr(piece)[2:-1]}
            found[f"audio {at} in base64"] = base64.b64encode(piece).decode()[:-4]
    return found


SHAPES = {
    "text": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) [\w.]+ \S",
    "json": r'\{"time":"[\d-]{10}T[\d:]{8}\.\d{3}Z","level":"(debug|info|warning|error)"'
    r',"logger":"[\w.]+","message":"\S',
}


def without_call(line: str) -> str:
    """Return a line of JSON without the id of the call that it is about, which alone of all is the client's word."""
    told = json.loads(line)
    call_id = told.pop("call_id", "c")
    assert re.fullmatch(NAME_PATTERN, call_id)
    assert set(told) <= {"time", "level", "logger", "message", "code", "error", "session_id"}
    assert ("session_id" in told) == told["message"].startswith("call ends")
    return json.dumps(told)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_whole_day_leaves_no_token_voice_or_word_in_any_log(tmp_path: Path, tiny: Path, form: str) -> None:
    (tmp_path / "keys").write_bytes(key_set(SignInKey("r-1")))
    (tmp_path / "revoked").write_text("nobody\n")
    settings = {"secret": SECRET, "previous_secret": OLDER, "log_level": "debug"}
    settings["log_format"] = form
    settings |= {"jwks": str(tmp_path / "keys"), "revoked": str(tmp_path / "revoked")}
    with serving(tmp_path, tiny, **settings) as running:
        day = Day(running.url)
        calls(day)
        strangers(day)
        requests(day)
        noise(day)
    logs = (tmp_path / "stderr").read_bytes()
    # The first line is meant for whoever starts the server on their own machine: the page and its token.
    lines = logs.decode().split("\n")[:-1]
    bare = lines if form == "text" else [without_call(line) for line in lines]
    told = "\n".join(bare) + (tmp_path / "stdout").read_text().partition("\n")[2]
    assert {what for what, text in traces(day).items() if text in told} == set()
    assert SPEECH.tobytes()[20_000:20_032] not in logs
    assert len(lines) > 10
    assert any("call ends" in line for line in lines)
    for line in lines:
        assert re.match(SHAPES[form], line), line
        assert line.isprintable()
    assert not re.search(r"ERROR|Traceback", told), [line for line in lines if "ERROR" in line]
