"""The published documents say what the running service does."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest
import soundfile
from openapi_spec_validator import validate

from tests.servers import Server, opening, said
from tests.voices import sentence

SPEECH = sentence(0.4, 12.0, 1.0)
PAGES = ("/supervisor",)
"""What is for people, not for programs."""


def check(instance: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    """Hold an answer against a schema, whose references lead into the document."""
    jsonschema.validate(instance, {**schema, "components": document["components"]})


def test_the_openapi_document_is_valid_and_names_every_route(server: Server) -> None:
    with server.http(None) as http:
        document = http.get("/openapi.json").json()
    validate(document)
    served = {
        (route.path, method.lower())
        for route in server_routes(server)
        for method in route.methods - {"HEAD"}
        if not route.path.endswith(("/", ".json")) and route.path not in PAGES
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == served


def server_routes(server: Server) -> list[Any]:
    from starlette.routing import Route

    from undervoice.app import _routes

    return [route for route in _routes(server.service) if isinstance(route, Route)]


def said_to(path: str, segment_id: str) -> dict[str, Any]:
    """Return what a POST sends."""
    if path.endswith("tokens"):
        return {"json": {"agent_id": "a-1"}}
    if path.endswith("feedback"):
        return {"json": {"segment_id": segment_id, "correct": True}}
    file = io.BytesIO()
    soundfile.write(file, SPEECH, 16_000, format="WAV")
    return {"content": file.getvalue(), "headers": {"content-type": "audio/wav"}}


def test_every_answer_fits_the_openapi_document(server: Server) -> None:
    for name in ("c-1", "c-erased"):
        server.call(name, SPEECH.tobytes(), token=server.token(agent_id="a-1"))
    with server.http() as http, server.http("integrator") as integrator:
        document = http.get("/openapi.json").json()
        (first, *_) = http.get("/api/v1/emotions?call_id=c-1").json()
        assert integrator.post("/api/v1/queue", json={"call_id": "c-1"}).status_code == 200
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                client = integrator if path.endswith("tokens") else http
                if path.endswith("/live"):  # has no end of its own: test_live_feed.py looks at it
                    continue
                erased = method == "delete" and "calls" in path
                where = path.replace("{call_id}", "c-erased" if erased else "c-1")
                where += "?call_id=c-1" if path.endswith("/emotions") else ""
                body = said_to(path, first["segment_id"]) if method == "post" else {}
                response = client.request(
                    method, where.replace("/metrics/emotions?call_id=c-1", "/metrics/emotions"), **body
                )
                (done,) = [status for status in operation["responses"] if status.startswith("2")]
                assert str(response.status_code) == done, (path, response.text)
                if content := operation["responses"][done].get("content"):
                    kind = response.headers["content-type"].partition(";")[0]
                    assert kind in content
                    if "text/csv" in content:
                        table = client.request(method, where, headers={"accept": "text/csv"})
                        assert table.headers["content-type"].startswith("text/csv")
                    told = response.json() if kind == "application/json" else response.text
                    check(told, content[kind]["schema"], document)
                else:
                    assert response.content == b""
        error = http.get("/api/v1/calls/none")
        schema = document["paths"]["/api/v1/calls/{call_id}"]["get"]["responses"]["404"]
        check(error.json(), schema["content"]["application/json"]["schema"], document)


def test_every_message_of_a_call_fits_the_asyncapi_document(server: Server) -> None:
    with server.http(None) as http:
        document = http.get("/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    with server.connect() as ws:
        ws.send(opening("c-1", config={"segment_ms": 99_999}))
        for frame in ('{"type":"ping","id":1}', '{"type":"what"}', '{"type":"pause"}', '{"type":"resume"}'):
            ws.send(frame)
        ws.send(SPEECH.tobytes()[:262_144])
        ws.send(SPEECH.tobytes()[262_144:])
        ws.send('{"type":"flush"}')
        ws.send('{"type":"stop"}')
        messages = said(ws)
    with server.connect(server.token(agent_id="a-9")) as ws:
        ws.send("nonsense")
        messages += said(ws)
    names = {
        name.removeprefix("#/channels/stream/messages/") for name in refs(document["operations"]["send"]["messages"])
    }
    by_tag = {document["components"]["messages"][name]["name"]: name for name in names}
    for message in messages:
        schema = document["components"]["messages"][by_tag[message["type"]]]["payload"]
        check(message, schema, document)
    assert {m["type"] for m in messages} >= {"started", "speech", "emotion", "mood", "paused", "resumed", "flushed"}
    assert {m["type"] for m in messages} >= {"pong", "warning", "error", "stopped"}


def refs(items: list[dict[str, str]]) -> list[str]:
    return [item["$ref"] for item in items]


@pytest.mark.parametrize("name", ["/openapi.json", "/asyncapi.json"])
def test_every_reference_leads_somewhere(server: Server, name: str) -> None:
    with server.http(None) as http:
        text = http.get(name).text
    document = json.loads(text)
    for piece in text.split('"$ref":"#/')[1:]:
        here: Any = document
        for step in piece.split('"')[0].split("/"):
            here = here[step]
