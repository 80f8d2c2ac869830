"""Traces as a collector gets them: a real one, that takes OTLP over HTTP, of a real server."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Serve, Server, finals, opening, said
from tests.voices import sentence
from undervoice.errors import BadSettings
from undervoice.settings import load_settings

otlp = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

SPEECH = sentence(0.4, 3.0, 1.0).tobytes()
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
FREE_TEXT = "vendor=XmarkerX"


class Collector:
    """What came, as it came and as spans."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    @property
    def spans(self) -> list[Any]:
        found = []
        for body in list(self.bodies):
            request = otlp.ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                assert attributes(resource.resource)["service.name"] == "undervoice"
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def sent(server: Server) -> None:
    """Have the server hand over what it has; it goes on tracing no more."""
    server.service.tracing.close()


def until(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def call(server: Server, call_id: str, **headers: str) -> list[dict[str, Any]]:
    """Stream one call, and wait until the server is done with it."""
    with server.connect(headers=headers) as ws:
        ws.send(opening(call_id))
        for at in range(0, len(SPEECH), 32_000):
            ws.send(SPEECH[at : at + 32_000])
        ws.send('{"type":"stop"}')
        told = said(ws)
    until(lambda: not len(server.service.connections))
    return told


def test_a_call_is_a_span_and_each_final_reading_a_trace_that_is_linked_to_it(serve: Serve) -> None:
    with collecting() as collector:
        server = serve(otlp=collector.url, otlp_percent="100")
        readings = finals(call(server, "c-1", traceparent=TRACEPARENT, tracestate=FREE_TEXT))
        assert readings
        sent(server)
        (whole,) = collector.named("call")
        assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(whole)["undervoice.call_id"] == "c-1"
        assert attributes(whole)["undervoice.reason"] == "stop"
        told = collector.named("reading")
        assert len(told) == len(readings)
        for span in told:
            assert span.trace_id != whole.trace_id
            assert [(link.trace_id, link.span_id) for link in span.links] == [(whole.trace_id, whole.span_id)]
            assert attributes(span)["undervoice.model"] == server.service.lineup.chosen.tag
            parts = [part for part in collector.spans if part.parent_span_id == span.span_id]
            assert [part.name for part in parts] == ["queue", "score", "outbox", "send"]
            assert attributes(parts[1])["undervoice.batch"] >= 1
            moments = [moment for part in parts for moment in (part.start_time_unix_nano, part.end_time_unix_nano)]
            assert moments == sorted(moments), "one after the other"
            assert span.start_time_unix_nano <= moments[0]
            assert moments[-1] <= span.end_time_unix_nano
            assert abs(span.end_time_unix_nano - time.time_ns()) < 60e9


def test_no_span_tells_what_was_said_felt_or_shown(serve: Serve) -> None:
    with collecting() as collector:
        server = serve(otlp=collector.url, otlp_percent="100")
        token = server.token()
        with server.connect(token, headers={"tracestate": FREE_TEXT, "traceparent": TRACEPARENT}) as ws:
            ws.send(opening("c-1", metadata={"queue": "XmarkerX"}))
            ws.send(SPEECH)
            ws.send('{"type":"transcript","start_offset_sec":0.1,"end_offset_sec":0.5,"text":"XmarkerX"}')
            ws.send('{"type":"stop"}')
            detected = {reading["detected_emotion"] for reading in finals(said(ws))}
        with server.http() as http:
            for path in ("/api/v1/calls/XmarkerX", "/XmarkerX", "/api/v1/logs?agent_id=XmarkerX"):
                http.get(path, headers={"tracestate": FREE_TEXT, "traceparent": TRACEPARENT})
            http.request("XMARKERX", "/api/v1/logs")
        until(lambda: not len(server.service.connections))
        sent(server)
        raw = b"".join(collector.bodies)
        assert collector.named("reading")
        for text in ("XmarkerX", "XMARKERX", *token.split("."), *detected):
            assert text.encode() not in raw, text
        assert SPEECH[20_000:20_032] not in raw


def test_a_request_is_a_span_by_its_route_and_belongs_to_the_trace_it_came_with(serve: Serve) -> None:
    with collecting() as collector:
        server = serve(otlp=collector.url, otlp_percent="100")
        with server.http() as http:
            http.get("/api/v1/calls/c-7", headers={"traceparent": TRACEPARENT})
            http.get("/api/v1/logs", headers={"traceparent": "00-nonsense-01"})
            http.get("/nowhere")
            http.get("/readyz")
        with server.http(None) as http:
            http.get("/api/v1/logs", headers={"traceparent": TRACEPARENT})
        sent(server)
        (one,) = collector.named("GET /api/v1/calls/{call_id}")
        assert (one.trace_id.hex(), one.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(one) == {
            "http.request.method": "GET",
            "http.response.status_code": 404,
            "http.route": "/api/v1/calls/{call_id}",
        }
        logs = {attributes(span)["http.response.status_code"]: span for span in collector.named("GET /api/v1/logs")}
        assert set(logs) == {200, 401}
        assert not logs[200].parent_span_id, "what is no traceparent is none"
        assert logs[401].trace_id.hex() != TRACE, "who is refused has no say"
        assert len(collector.named("GET")) == 1
        assert not [span for span in collector.spans if "readyz" in span.name]


def test_only_the_share_that_is_asked_for_is_traced_and_all_of_a_call_or_nothing(serve: Serve) -> None:
    with collecting() as collector:
        server = serve(otlp=collector.url, otlp_percent="0")
        call(server, "c-1")
        call(server, "c-2", traceparent=TRACEPARENT)
        sent(server)
        (traced,) = collector.named("call")
        assert attributes(traced)["undervoice.call_id"] == "c-2"
        linked = {link.span_id for span in collector.named("reading") for link in span.links}
        assert linked == {traced.span_id}


def test_a_collector_that_is_gone_delays_neither_calls_nor_the_end(serve: Serve, caplog: Any) -> None:
    caplog.set_level(logging.CRITICAL, "opentelemetry")
    server = serve(otlp="http://127.0.0.1:9", otlp_percent="100")
    assert finals(call(server, "c-1"))
    began = time.monotonic()
    sent(server)
    assert time.monotonic() - began < 5


def test_without_a_collector_the_library_is_not_even_loaded(tmp_path: Path, tiny: Path) -> None:
    script = (
        "import sys\nfrom undervoice.app import create_app\nfrom undervoice.settings import load_settings\n"
        f"create_app(load_settings({{'UNDERVOICE_STATE': {str(tmp_path)!r}, 'UNDERVOICE_MODEL': {str(tiny)!r}}}))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
        "import os; os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-uc", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_standards_own_variable_counts_where_ours_is_absent() -> None:
    theirs = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    assert load_settings({}).otlp is None
    assert load_settings(theirs).otlp == "http://collector:4318/"
    assert load_settings(theirs | {"UNDERVOICE_OTLP": "https://other:4318"}).otlp == "https://other:4318"
    for wrong in ("collector:4318", "http://user:word@collector:4318", "http://collector:4318/?key=x"):
        with pytest.raises(BadSettings, match="UNDERVOICE_OTLP"):
            load_settings({"UNDERVOICE_OTLP": wrong})
