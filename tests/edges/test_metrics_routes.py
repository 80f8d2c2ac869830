"""What supervisors look at all day, over a real socket: trends, the log, the search for calls; as JSON and as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.servers import Serve, Server, opening, said
from tests.store.records import alert, call, moment, segment
from undervoice import sheets
from undervoice.emotion import Emotion
from undervoice.errors import StoreDown
from undervoice.messages import Mood
from undervoice.store import LogQuery, Record
from undervoice.store.sqlite import SqliteStore

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")
FEW = 3 * sheets.ROWS + 7
"""Readings for some pages of an export."""


def save(folder: Path, *batches: list[Record]) -> None:
    """Store records as another server does."""

    async def fill() -> None:
        store = SqliteStore(str(folder / "kept.db"))
        for batch in batches:
            await store.save(batch)
        await store.close()

    asyncio.run(fill())


def filled(serve: Serve, tmp_path: Path, records: list[Record]) -> Server:
    """Return a server on a store that holds some records."""
    save(tmp_path, records)
    return serve(store=f"sqlite:///{tmp_path}/kept.db", retention_days="0", requests_per_sec="1000")


def sheet(response: httpx.Response) -> list[dict[str, str]]:
    """Return the rows of a CSV answer."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    assert response.headers["cache-control"] == "no-store"
    assert response.text.count("\r\n") == response.text.count("\n")
    return list(csv.DictReader(io.StringIO(response.text, newline=""), strict=True))


def audited(folder: Path) -> list[dict[str, Any]]:
    lines = [line for file in sorted((folder / "audit").glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line) for line in lines]


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize("path", ["/api/v1/logs", "/logs/"])
def test_the_log_is_exported_whole_with_all_that_the_json_tells(serve: Serve, tmp_path: Path, path: str) -> None:
    server = filled(serve, tmp_path, [segment(n, f"c-{n % 9}", at_sec=n, agent_id=f"a-{n % 2}") for n in range(FEW)])
    with server.http() as http:
        rows = sheet(http.get(f"{path}?format=csv"))
        assert len(rows) == FEW
        (newest,) = http.get("/api/v1/logs?limit=1").json()["items"]
        assert len(sheet(http.get(f"{path}?format=csv&limit=250"))) == 250
        assert len(sheet(http.get(f"{path}?agent_id=a-1", headers={"accept": "text/html, text/csv;q=0.9"}))) == FEW // 2
        as_json = http.get(f"{path}?format=json", headers={"accept": "text/csv"})
        assert as_json.headers["content-type"] == "application/json"
        assert sheet(http.get(f"{path}?format=csv&emotion=none")) == []
        assert http.get(f"{path}?format=xml").status_code == 400
    assert list(rows[0]) == [*sheets.LOG_COLUMNS, *Emotion]
    whole = newest | newest["quality"] | newest["all_emotions_confidence"]
    for column, cell in rows[0].items():
        expected = whole.get(column, 0.0 if column == "clipped" else "")
        assert cell == (str(expected).lower() if isinstance(expected, bool) else str(expected))
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_no_cell_is_a_formula_and_none_breaks_its_row(serve: Serve, tmp_path: Path) -> None:
    texts = [*FORMULAS, 'a "b", c', "two\nlines", "plain"]
    server = filled(serve, tmp_path, [segment(n, model=text, detected_emotion=text) for n, text in enumerate(texts)])
    with server.http() as http:
        rows = sheet_of_any_lines(http.get("/api/v1/logs?format=csv"))
        (day,) = sheet_of_any_lines(http.get("/api/v1/metrics/emotions?format=csv"))
    assert [row["model"] for row in reversed(rows)] == [f"'{text}" for text in FORMULAS] + texts[len(FORMULAS) :]
    assert all(row["level_dbfs"] == "-23.1" for row in rows), "a number is no formula"
    assert not [name for name in day if name.startswith(sheets.FORMULA)]


def sheet_of_any_lines(response: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.text, newline=""), strict=True))


def test_metrics_are_exported_with_a_column_for_each_label(serve: Serve, tmp_path: Path) -> None:
    server = filled(serve, tmp_path, [segment(n, at_sec=86_400.0 * n, detected_emotion=label)
                                      for n, label in enumerate(["sad", "angry", "bored"])])  # fmt: skip
    with server.http() as http:
        for interval, name in (("daily", "date"), ("hourly", "hour"), ("agent", "agent_id")):
            told = http.get(f"/api/v1/metrics/emotions?interval={interval}").json()
            rows = sheet(http.get(f"/metrics/emotions?interval={interval}&format=csv"))
            assert [row[name] for row in rows] == [row[name] for row in told]
            assert [int(row["total_segments"]) for row in rows] == [row["total_segments"] for row in told]
            for row, said in zip(rows, told, strict=True):
                assert {label: int(row[label]) for label in said["emotion_distribution"]} == said[
                    "emotion_distribution"
                ]
                assert row["enough"] == "false"
        assert list(rows[0]) == ["agent_id", *sheets.METRICS_COLUMNS, *Emotion, "bored"]
        assert sheet(http.get("/api/v1/metrics/emotions?format=csv&agent_id=nobody")) == []


def test_an_export_shows_no_more_than_its_bearer_may_see_and_is_audited(serve: Serve, tmp_path: Path) -> None:
    server = filled(serve, tmp_path, [segment(n, f"c-{n % 2}", agent_id=f"a-{n % 2}") for n in range(8)])
    accept = {"accept": "text/csv"}
    with server.http("agent", agent_id="a-1") as http:
        assert {row["agent_id"] for row in sheet(http.get("/api/v1/logs", headers=accept))} == {"a-1"}
        assert http.get("/api/v1/logs?agent_id=a-0", headers=accept).status_code == 403
        assert http.get("/api/v1/metrics/emotions", headers=accept).json()["error"]["code"]
    with server.http("agent", call_id="c-0") as http:
        assert {row["call_id"] for row in sheet(http.get("/api/v1/logs", headers=accept))} == {"c-0"}
    with server.http("integrator") as http:
        assert http.get("/api/v1/logs", headers=accept).status_code == 403
    time.sleep(0.5)
    noted = [(line["role"], line["status"], line["filters"]) for line in audited(tmp_path) if line["status"] == 200]
    assert noted == [("agent", 200, {"format": "csv"})] * 2


def test_a_long_export_is_read_as_its_client_takes_it(serve: Serve, tmp_path: Path) -> None:
    """Pages without end stop where a client stops reading: a socket's buffers are all that is held."""
    server = filled(serve, tmp_path, [segment(n, f"c-{n}") for n in range(sheets.ROWS)])
    pages, asked = 600, 0
    real = server.service.store.logs

    async def logs(query: LogQuery) -> Any:
        nonlocal asked
        asked += 1
        page = await real(msgspec.structs.replace(query, cursor=None))
        return msgspec.structs.replace(page, next_cursor="more" if asked < pages else None)

    server.service.store.logs = logs  # type: ignore[method-assign]
    with server.http() as http, http.stream("GET", "/api/v1/logs?format=csv") as response:
        assert "content-length" not in response.headers
        parts = response.iter_raw()
        lines = next(parts).count(b"\n")
        before = -1
        while before != asked:  # until nobody reads on any more
            before = asked
            time.sleep(0.5)
        assert 0 < asked < pages / 2
        lines += sum(part.count(b"\r\n") for part in parts)
    assert asked == pages
    assert lines == pytest.approx(pages * sheets.ROWS + 1, abs=pages)  # a line's end may be cut by a part's


def test_an_outage_in_the_middle_does_not_pass_for_the_end(serve: Serve, tmp_path: Path) -> None:
    server = filled(serve, tmp_path, [segment(n, f"c-{n}") for n in range(FEW)])
    real, pages = server.service.store.logs, iter(range(9))

    async def logs(query: LogQuery) -> Any:
        if next(pages) == 2:
            raise StoreDown("gone")
        return await real(query)

    server.service.store.logs = logs  # type: ignore[method-assign]
    with server.http() as http:
        with pytest.raises(httpx.RemoteProtocolError):
            http.get("/api/v1/logs?format=csv")
        server.service.store.logs = real  # type: ignore[method-assign]
        assert len(sheet(http.get("/api/v1/logs?format=csv"))) == FEW


def test_the_document_tells_of_csv(server: Server) -> None:
    with server.http(None) as http:
        paths = http.get("/openapi.json").json()["paths"]
    reads = {path: routes["get"]["responses"] for path, routes in paths.items() if "get" in routes}
    both = {path for path, answers in reads.items() if "text/csv" in answers["200"].get("content", {})}
    assert both == {"/api/v1/logs", "/api/v1/metrics/emotions", "/logs", "/metrics/emotions"}


# ---------------------------------------------------------------- following, searching


def test_the_log_is_followed_by_asking_for_what_is_new(serve: Serve, tmp_path: Path) -> None:
    server = filled(serve, tmp_path, [segment(n) for n in range(3)])
    with server.http() as http:
        page = http.get("/api/v1/logs?limit=2").json()
        assert [item["seq"] for item in page["items"]] == [2, 1]
        save(tmp_path, [segment(0, "c-late", at_sec=-9.0)])
        new = http.get("/api/v1/logs", params={"follow": page["follow"]}).json()
        assert [item["call_id"] for item in new["items"]] == ["c-late"]
        follow = new["follow"]
        assert http.get("/api/v1/logs", params={"follow": follow}).json()["items"] == []
        for more in ({"since": moment(0)}, {"until": moment(0)}, {"cursor": page["next_cursor"]}, {"format": "csv"}):
            assert http.get("/api/v1/logs", params={"follow": follow} | more).status_code == 400
        assert http.get("/api/v1/logs?follow=x").json()["error"]["code"] == "bad_cursor"
    with server.http("agent", agent_id="a-9") as http:
        assert http.get("/api/v1/logs", params={"follow": page["follow"]}).json()["items"] == []


def test_calls_are_searched_by_when_and_how_they_felt(serve: Serve, tmp_path: Path) -> None:
    moods = [Mood("upset", 0.0, 0.7, 10.0 * n, 0.0, 50.0 + n) for n in range(4)]
    records: list[Record] = [call(f"c-{n}", at_sec=60.0 * n, live=False, mood=mood) for n, mood in enumerate(moods)]
    server = filled(serve, tmp_path, [*records, alert(call_id="c-1")])
    with server.http() as http:

        def found(query: str) -> list[str]:
            page = http.get(f"/api/v1/calls?{query}").json()
            return [item["call_id"] for item in page["items"]]

        assert found("min_upset_sec=10&min_priority=52") == ["c-3", "c-2"]
        assert found("alerts=true") == ["c-1"]
        assert found("alerts=false&limit=1") == ["c-3"]
        assert found(f"since={moment(60)}&until={moment(180)}") == ["c-2", "c-1"]
        assert found("live=true&min_priority=1") == []
        for wrong in ("min_upset_sec=-1", "min_priority=nan", "alerts=perhaps", "since=yesterday"):
            assert http.get(f"/api/v1/calls?{wrong}").status_code == 400


def test_calls_that_go_on_are_searched_the_same_way(server: Server) -> None:
    with server.connect() as ws, server.http() as http:
        ws.send(opening("c-1"))
        said(ws, until="started")
        assert [item["call_id"] for item in http.get("/api/v1/calls?live=true").json()["items"]] == ["c-1"]
        for other in ("alerts=true", "min_upset_sec=1", f"until={moment(0)}", "agent_id=a-2", "min_priority=999"):
            assert http.get(f"/api/v1/calls?live=true&{other}").json()["items"] == []


def test_metrics_are_asked_while_calls_are_stored(serve: Serve, tmp_path: Path) -> None:
    """Each answer is of one moment: what it says by day, by hour and by agent never contradicts itself."""
    server = filled(serve, tmp_path, [segment(0)])
    hours = [[segment(n % 30, f"c-{n}", at_sec=3600.0 * (n % 30), agent_id=f"a-{n % 3}")] for n in range(300)]
    writing = threading.Thread(target=save, args=(tmp_path, *hours))
    writing.start()
    with server.http() as http:
        while writing.is_alive():
            for interval in ("daily", "hourly", "agent"):
                for row in http.get(f"/api/v1/metrics/emotions?interval={interval}").json():
                    assert sum(row["emotion_distribution"].values()) == row["total_segments"] >= row["calls"] >= 1
    writing.join()
