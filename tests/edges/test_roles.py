"""Who may do what, as a table (protocol §1): each route, each kind of token, an own and a foreign call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import websockets

from tests.edges.test_api import wav
from tests.servers import Server, opening, said
from tests.voices import sentence
from undervoice.api import EARLIER, OPERATIONS
from undervoice.auth import Tokens

SPEECH = sentence(0.4, 1.5, 1.0)
BEARERS: dict[str, dict[str, Any] | None] = {
    "nobody": None,
    "owner": {"role": "agent", "agent_id": "a-1"},
    "other": {"role": "agent", "agent_id": "a-2"},
    "by call": {"role": "agent", "call_id": "c-1"},
    "by other call": {"role": "agent", "call_id": "c-2"},
    "owner, other call": {"role": "agent", "agent_id": "a-1", "call_id": "c-2"},
    "supervisor": {"role": "supervisor"},
    "integrator": {"role": "integrator"},
}
"""Who asks. The call in question is c-1, which a-1 held; c-2 is a-2's."""

# sees: answered, with something of c-1; blind: answered, with nothing of it; done: answered; else the status.
TABLE = """
route                              | nobody | owner | other | by call | by other call | owner, other call | supervisor | integrator
GET /emotions?call_id=c-1          | 401    | sees  | 404   | sees    | 404           | 404               | sees       | 403
GET /emotions?audio_id=c-1         | 401    | sees  | 404   | sees    | 404           | 404               | sees       | 403
GET /logs                          | 401    | sees  | blind | sees    | blind         | blind             | sees       | 403
GET /logs?agent_id=a-1             | 401    | sees  | 403   | sees    | blind         | blind             | sees       | 403
GET /calls                         | 401    | sees  | blind | sees    | blind         | blind             | sees       | 403
GET /calls?agent_id=a-1            | 401    | sees  | 403   | 403     | 403           | blind             | sees       | 403
GET /calls/{call_id}               | 401    | sees  | 404   | sees    | 404           | 404               | sees       | 403
GET /calls/{call_id}/feedback      | 401    | 403   | 403   | 403     | 403           | 403               | sees       | 403
POST /calls/{call_id}/feedback     | 401    | done  | 404   | done    | 404           | 404               | done       | 403
GET /calls/{call_id}/audit         | 401    | 403   | 403   | 403     | 403           | 403               | sees       | 403
GET /metrics/emotions              | 401    | 403   | 403   | 403     | 403           | 403               | done       | 403
GET /model                         | 401    | done  | done  | done    | done          | done              | done       | done
GET /queue                         | 401    | 403   | 403   | 403     | 403           | 403               | sees       | 403
POST /queue?call_id=c-1            | 401    | 403   | 403   | 403     | 403           | 403               | done       | done
DELETE /queue/{call_id}            | 401    | 403   | 403   | 403     | 403           | 403               | done       | 403
GET /rules                         | 401    | done  | done  | done    | done          | done              | done       | 403
GET /live                          | 401    | 403   | 403   | 403     | 403           | 403               | done       | 403
POST /tokens                       | 401    | 403   | 403   | 403     | 403           | 403               | 403        | done
POST /analyze/stream?call_id=c-1   | 401    | done  | 403   | done    | 403           | 403               | done       | done
POST /analyze/stream?agent_id=a-1  | 401    | done  | 403   | 403     | 403           | done              | done       | done
DELETE /calls/{call_id}            | 401    | 403   | 403   | 403     | 403           | 403               | done       | 403
"""  # noqa: E501


def rows() -> dict[str, dict[str, str]]:
    """Return the table as route -> bearer -> what comes of it."""
    head, *lines = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
    assert head[1:] == list(BEARERS)
    return {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}


def served(route: str) -> list[str]:
    """Return the prefixes under which a route is served."""
    method, _, target = route.partition(" ")
    path = target.partition("?")[0]
    return [
        prefix
        for prefix, operations in (("/api/v1", OPERATIONS), ("", EARLIER))
        if any((row.method, row.path) == (method, path) for row in operations)
    ]


def outcome(response: httpx.Response, route: str) -> str:
    """Return what a bearer got."""
    if response.status_code >= 300:
        body = response.json()
        assert body["detail"] == body["error"]["message"]
        assert "c-1" not in response.text, "an error tells nothing"
        return str(response.status_code)
    if not route.startswith(("GET /emotions", "GET /logs", "GET /calls", "GET /queue")):
        return "done"
    return "sees" if '"c-1"' in response.text else "blind"


def ask(server: Server, who: str, route: str, prefix: str = "/api/v1", call_id: str = "c-1") -> httpx.Response:
    """Send one request of a row."""
    method, _, target = route.partition(" ")
    bearer = BEARERS[who]
    body: dict[str, Any] = {}
    if method == "POST":
        body = {"json": {"agent_id": "a-5"}} if "tokens" in target else {"content": wav(SPEECH)}
    if target.endswith("feedback") and method == "POST":
        with server.http() as http:
            heard = http.get("/api/v1/emotions", params={"call_id": call_id}).json()
        body = {"json": {"type": "feedback", "segment_id": heard[0]["segment_id"], "correct": True}}
    with server.http(None) if bearer is None else server.http(**bearer) as http:
        if target == "/live":  # has no end of its own
            with http.stream(method, prefix + target) as response:
                if response.status_code != 200:
                    response.read()
                return response
        return http.request(method, prefix + target.replace("{call_id}", call_id).replace("c-1", call_id), **body)


@pytest.fixture
def filled(server: Server) -> Server:
    """A server with two calls of two agents."""
    for number in (1, 2):
        server.call(f"c-{number}", SPEECH.tobytes(), token=server.token(agent_id=f"a-{number}"))
    with server.http("integrator") as http:
        assert http.post("/api/v1/queue", json={"call_id": "c-1"}).status_code == 200
    return server


def test_every_route_is_in_the_table() -> None:
    told = {(route.partition(" ")[0], route.partition(" ")[2].partition("?")[0]) for route in rows()}
    assert {(row.method, row.path) for row in (*OPERATIONS, *EARLIER)} <= told
    for row in (*OPERATIONS, *EARLIER):
        roles = {"agent": "owner", "supervisor": "supervisor", "integrator": "integrator"}
        for route, expected in rows().items():
            if route.partition("?")[0] == f"{row.method} {row.path}":
                let_in = {role for role, who in roles.items() if expected[who] != "403"}
                assert let_in == set(row.roles), (route, "its row in OPERATIONS says otherwise")


def test_each_bearer_gets_what_the_table_says_on_each_route(filled: Server) -> None:
    found: dict[str, dict[str, str]] = {}
    expected: dict[str, dict[str, str]] = {}
    for route, row in rows().items():
        for prefix in served(route):
            expected[prefix + route] = row
            found[prefix + route] = {who: outcome(ask(filled, who, route, prefix), route) for who in BEARERS}
    assert len(found) > len(OPERATIONS)
    assert found == expected


def test_nobody_learns_whether_a_foreign_call_exists(filled: Server) -> None:
    """Asked about a foreign call and about one that never was, the answers are the same to the last byte."""
    for route, row in rows().items():
        method, _, target = route.partition(" ")
        if method == "POST" or "c-1" not in target.replace("{call_id}", "c-1") or not served(route):
            continue
        for who in BEARERS:
            if row[who] in ("sees", "done"):
                continue
            foreign, unknown = (ask(filled, who, route, call_id=call_id) for call_id in ("c-1", "c-9"))
            assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content), (route, who)
            assert {n: v for n, v in foreign.headers.items() if n != "date"} == {
                n: v for n, v in unknown.headers.items() if n != "date"
            }


# ---------------------------------------------------------------- the stream

STREAM = """
start             | nobody | owner | other | by call | by other call | owner, other call | supervisor | integrator
c-7               | 401    | live  | live  | 4403    | 4403          | 4403              | 403        | live
c-7 for a-1       | 401    | live  | 4403  | 4403    | 4403          | 4403              | 403        | live
c-1               | 401    | 4409  | 4409  | 4409    | 4403          | 4403              | 403        | 4409
c-2               | 401    | 4409  | 4409  | 4403    | 4409          | 4409              | 403        | 4409
"""


def begin(server: Server, who: str, call_id: str, **start: Any) -> str:
    """Try to start a call; return ``live``, the close code, or the status before the upgrade."""
    bearer = BEARERS[who]
    token = server.token(**bearer) if bearer else None
    try:
        with server.connect(token or "x", **({} if token else {"headers": {"Authorization": ""}})) as ws:
            ws.send(opening(call_id, **start))
            if said(ws, until="started")[-1]["type"] == "started":
                ws.send('{"type":"stop"}')
                said(ws)
                return "live"
        return str(ws.close_code)
    except websockets.InvalidStatus as error:
        return str(error.response.status_code)


def test_each_bearer_streams_what_the_table_says(filled: Server) -> None:
    head, *lines = [[cell.strip() for cell in line.split("|")] for line in STREAM.strip().splitlines()]
    expected = {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}
    found: dict[str, dict[str, str]] = {}
    for number, row in enumerate(expected):
        call_id, _, agent_id = row.partition(" for ")
        start = {"agent_id": agent_id} if agent_id else {}
        found[row] = {
            who: begin(filled, who, f"c-7-{number}-{place}" if call_id == "c-7" else call_id, **start)
            for place, who in enumerate(BEARERS)
        }
    assert found == expected


def test_a_call_is_continued_by_whom_it_belongs_to_alone(server: Server) -> None:
    with server.connect(server.token(agent_id="a-1")) as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        ws.send(bytes(2 * 16_000 * 6))
        token = said(ws, until="checkpoint")[-1]["token"]
    resume = {"resume": {"checkpoint": token}}
    assert begin(server, "other", "c-1", **resume) == "4409", "for anybody else it is no checkpoint"
    assert begin(server, "other", "c-1", agent_id="a-1", **resume) == "4403"
    assert begin(server, "by other call", "c-1", **resume) == "4403"
    assert begin(server, "owner, other call", "c-1", **resume) == "4403"
    assert begin(server, "supervisor", "c-1", **resume) == "403"
    assert begin(server, "nobody", "c-1", **resume) == "401"
    assert begin(server, "owner", "c-1", **resume) == "live"


# ---------------------------------------------------------------- no token is good for ever


def answers(server: Server, token: str) -> set[tuple[int, str]]:
    """Return how every route that needs a token answers to this one."""
    found: set[tuple[int, str]] = set()
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}) as http:
        for row in OPERATIONS:
            response = http.request(row.method, "/api/v1" + row.path.replace("{call_id}", "c-1"))
            found.add((response.status_code, response.json()["error"]["code"] if response.status_code > 299 else ""))
    with pytest.raises(websockets.InvalidStatus) as error, server.connect(token):
        pass
    found.add((error.value.response.status_code, json.loads(error.value.response.body)["error"]["code"]))
    return found


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda server, token: token[:-8] + "AAAAAAAA", "token_invalid"),
        (lambda server, token: Tokens("x" * 40).issue("supervisor").token, "token_invalid"),
        (lambda server, token: "nonsense", "token_invalid"),
    ],
    ids=["changed", "of another server", "nonsense"],
)
def test_a_bad_token_is_refused_everywhere(server: Server, spoil: Callable[[Server, str], str], code: str) -> None:
    assert answers(server, spoil(server, server.token("supervisor"))) == {(401, code)}
