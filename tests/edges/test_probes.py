"""What operators and machines ask: does it run, may calls come, how does it stand, and who may know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.edges.test_api import SPEECH, code
from tests.servers import Serve, Server, finals
from tests.store.ledgers import left_by_the_dead
from tests.store.records import segment
from undervoice import __version__
from undervoice.store.standing import OutboxState
from undervoice.store.writer import Writer

TOKEN = "a token for scrapers only, long enough"
FAR = {"X-Forwarded-For": "203.0.113.5"}
"""What a proxy on this machine says of a client elsewhere."""


def figures(response: httpx.Response) -> dict[str, float]:
    """Return each figure's value; the format is checked by Prometheus's own parser."""
    assert response.status_code == 200, response.text
    families = text_string_to_metric_families(response.text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_figures_follow_what_happens(server: Server) -> None:
    with server.http(None) as http:
        before = figures(http.get("/metrics"))
        readings = finals(server.call("c-1", SPEECH.tobytes()))
        server.service.metrics.discarded_agent(2.5)
        server.service.metrics.consent_refused()
        for _ in range(100):  # the call's socket is let go a moment after its close
            if not len(server.service.connections):
                break
            time.sleep(0.02)
        after = figures(http.get("/metrics"))
        with server.connect():
            during = figures(http.get("/metrics"))
    assert all(name.startswith("undervoice_") for name in after)
    counted = {name: value for name, value in before.items() if name.endswith("_total") and "_process_" not in name}
    assert set(counted.values()) == {0}
    assert after["undervoice_segments_scored_total"] >= len(readings) > 0
    assert after["undervoice_writer_saved_total"] > len(readings)
    assert after["undervoice_discarded_agent_seconds_total"] == 2.5
    assert after["undervoice_consent_refused_total"] == 1
    assert after["undervoice_outbox_limit_bytes"] == 1024**3
    assert after["undervoice_store_down"] == after["undervoice_outbox_failing"] == 0
    assert (after["undervoice_connections"], during["undervoice_connections"]) == (0, 1)


def test_what_runs_is_named_and_each_figure_has_its_kind_and_help(server: Server) -> None:
    with server.http(None) as http:
        response = http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    (build,) = families["undervoice_build_info"].samples
    assert build.labels["version"] == __version__
    assert build.labels["models"] == server.service.lineup.chosen.tag
    assert all(family.documentation.endswith(".") for family in families.values())
    kinds = {family.type for family in families.values()}
    assert kinds == {"gauge", "counter", "histogram"}


def test_two_servers_have_figures_of_their_own(serve: Serve) -> None:
    one, two = serve(), serve()
    one.service.metrics.consent_refused()
    with one.http(None) as http:
        assert figures(http.get("/metrics"))["undervoice_consent_refused_total"] == 1
    with two.http(None) as http:
        assert figures(http.get("/metrics"))["undervoice_consent_refused_total"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        FAR,
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.5"},
        {"X-Real-IP": "203.0.113.5"},
        {"Forwarded": "for=127.0.0.1"},
    ],
)
def test_a_request_from_elsewhere_does_not_pass_as_near(serve: Serve, headers: dict[str, str]) -> None:
    closed, open_to_token = serve(), serve(metrics_token=TOKEN)
    with closed.http(None) as http:
        response = http.get("/metrics", headers=headers)
        assert (response.status_code, code(response)) == (403, "metrics_local")
    with open_to_token.http(None) as http:
        response = http.get("/metrics", headers=headers)
        assert (response.status_code, code(response)) == (401, "token_missing")
        assert response.headers["www-authenticate"] == "Bearer"
        for wrong in (TOKEN[:-1], TOKEN + "x", "é", open_to_token.token("supervisor")):
            response = http.get("/metrics", headers=headers | {"Authorization": f"Bearer {wrong}".encode()})
            assert (response.status_code, code(response)) == (401, "token_invalid")
        assert figures(http.get("/metrics", headers=headers | {"Authorization": f"Bearer {TOKEN}"}))
    assert TOKEN not in repr(open_to_token.service)


def test_readiness_and_health_say_that_the_server_is_being_stopped(server: Server) -> None:
    server.service.drain.begun = True
    with server.http(None) as http:
        ready, health = http.get("/readyz"), http.get("/health")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert (health.status_code, health.json()["status"]) == (200, "draining")
        assert http.get("/livez").json()["status"] == "ok"


def standing(**fields: Any) -> Callable[[Writer], OutboxState]:
    return lambda writer: OutboxState(limit_bytes=100, limit_sec=100.0, **fields)


@pytest.mark.parametrize(
    ("state", "check"),
    [
        (standing(bytes=79, oldest_sec=49.9), None),
        (standing(bytes=80), "filling"),
        (standing(oldest_sec=50.0), "old"),
        (standing(error="disk I/O error"), "failing"),
        (standing(error="database or disk is full", full=True), "full"),
    ],
)
def test_an_outbox_that_fills_is_told_of_and_keeps_no_call_out(
    server: Server, monkeypatch: pytest.MonkeyPatch, state: Callable[[Writer], OutboxState], check: str | None
) -> None:
    monkeypatch.setattr(Writer, "outbox", property(state))
    with server.http(None) as http:
        ready, health = http.get("/readyz"), http.get("/health")
    assert ready.status_code == 200
    assert ready.json()["status"] == health.json()["status"] == ("degraded" if check else "ok")
    assert ready.json()["checks"].get("outbox") == check
    assert health.json()["checks"]["outbox"] == (check or "ok")


def test_a_place_where_no_outbox_can_be_keeps_no_server_from_serving(serve: Serve, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    server = serve(outbox=f"{blocked}/outbox.db")
    readings = finals(server.call("c-1", SPEECH.tobytes()))
    assert readings
    with server.http(None) as http:
        assert http.get("/readyz").json()["checks"] == {"outbox": "failing"}
        told = figures(http.get("/metrics"))
        assert told["undervoice_outbox_failing"] == 1
        assert told["undervoice_outbox_unkept_total"] > 0
        assert "file" not in http.get("/health").text
    with server.http() as http:
        assert len(http.get("/api/v1/emotions?call_id=c-1").json()) == len(readings)


def test_what_an_earlier_server_could_not_store_is_stored_by_this_one(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "outbox.db"
    now = datetime.now(UTC).isoformat()  # what is older than the retention time is not stored
    asyncio.run(left_by_the_dead(path, [segment(n, timestamp=now) for n in range(3)]))
    server = serve(outbox=str(path))
    with server.http() as http:
        eventually(lambda: len(http.get("/api/v1/emotions?call_id=c-1").json()) == 3)
    with server.http(None) as http:
        eventually(lambda: figures(http.get("/metrics"))["undervoice_outbox_records"] == 0)


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
