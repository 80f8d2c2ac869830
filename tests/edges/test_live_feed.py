"""The wall's feed over a real socket: everything that a row shows, at once, to many, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.edges.test_api import SPEECH, code
from tests.edges.test_erase import written
from tests.edges.test_probes import eventually
from tests.servers import Serve, Server, opening, said
from undervoice import eventstream
from undervoice.feed import READERS_A_TOKEN
from undervoice.telling import MOOD_SEC
from undervoice.wall import LiveCall

LIVE = "/api/v1/live"
T = TypeVar("T")


@dataclass
class Event:
    """One server-sent event."""

    kind: str
    id: str
    data: dict[str, Any]


def events_of(lines: Iterator[str]) -> Iterator[Event | str]:
    """Yield events, and comments as they stand, by the rules of the HTML standard."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield line
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


class Watcher:
    """Reads the feed as a supervisor's page does."""

    def __init__(self, server: Server, token: str | None = None, last: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token or server.token('supervisor')}"}
        headers |= {"last-event-id": last} if last else {}
        self._stack = contextlib.ExitStack()
        client = self._stack.enter_context(httpx.Client(base_url=server.url, headers=headers, timeout=20))
        self.response = self._stack.enter_context(client.stream("GET", LIVE))
        self._events = events_of(self.response.iter_lines()) if self.response.status_code == 200 else iter(())

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def next(self) -> Event:
        """Return the next event."""
        return next(event for event in self._events if isinstance(event, Event))

    def until(self, kind: str) -> list[Event]:
        """Return the events up to one of a kind."""
        found = [self.next()]
        while found[-1].kind != kind:
            found.append(self.next())
        return found

    def comment(self) -> str:
        """Return the next comment."""
        return next(event for event in self._events if isinstance(event, str))

    def over(self) -> Event:
        """Return the last event, behind which nothing comes."""
        last = self.until("error")[-1]
        assert list(self._events) == []
        return last


def on_loop(server: Server, work: Callable[[], Awaitable[T]]) -> T:
    """Do something in the server's own loop."""
    (loop,) = {task.get_loop() for task in server.service.writer._tasks}

    async def do() -> T:
        return await work()

    return asyncio.run_coroutine_threadsafe(do(), loop).result(30)


def tell(server: Server, number: int) -> None:
    """Tell of so many calls at once."""

    async def work() -> None:
        for n in range(number):
            server.service.live.feed.tell("mood", LiveCall(call_id=f"c-{n}"), f"c-{n}")

    on_loop(server, work)


# ---------------------------------------------------------------- what is told


def test_a_call_is_on_the_wall_from_its_start_to_its_end_with_all_its_row_shows(server: Server) -> None:
    with Watcher(server) as wall:
        first = wall.next()
        assert (first.kind, first.data) == ("snapshot", {"items": []})
        messages = server.call("c-1", SPEECH.tobytes(), token=server.token(agent_id="a-1"))
        told = wall.until("ended")
    assert [event.kind for event in told][:2] == ["call", "mood"]
    assert {event.data["call_id"] for event in told} == {"c-1"}
    moods = [message for message in messages if message["type"] == "mood"]
    for event in told:
        assert set(event.data) == set(LiveCall.__struct_fields__)
        assert (event.data["agent_id"], event.data["started_at"]) == ("a-1", told[0].data["started_at"])
    last = told[-1].data
    assert (last["reason"], last["ended_at"] is not None) == ("stop", True)
    for field in ("priority", "state", "since_sec", "upset_score", "upset_sec", "trend"):
        assert last[field] == moods[-1][field]


def test_a_new_reading_is_on_the_wall_within_a_second(server: Server) -> None:
    with Watcher(server) as wall, server.connect() as ws:
        wall.next()
        ws.send(opening("c-1"))
        wall.until("call")
        time.sleep(MOOD_SEC)
        ws.send(SPEECH.tobytes())
        said(ws, until="mood")
        heard = time.monotonic()
        wall.until("mood")
        assert time.monotonic() - heard < 1


def test_who_comes_later_sees_the_calls_that_run_first(server: Server) -> None:
    with server.connect() as ws:
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        said(ws, until="mood")
        with Watcher(server) as wall:
            snapshot = wall.next()
            assert snapshot.kind == "snapshot"
            (row,) = snapshot.data["items"]
            assert (row["call_id"], row["state"] is not None) == ("c-1", True)
            ws.send('{"type":"stop"}')
            assert wall.until("ended")[-1].data["call_id"] == "c-1"


def test_who_was_away_gets_what_was_missed_and_nothing_twice(server: Server) -> None:
    with Watcher(server) as wall:
        wall.next()
        server.call("c-1", SPEECH.tobytes())
        seen = wall.until("ended")
    server.call("c-2", SPEECH.tobytes())
    for place in (0, len(seen) - 1):
        with Watcher(server, last=seen[place].id) as wall:
            again = wall.until("ended") if place < len(seen) - 1 else []
            assert [(one.id, one.kind) for one in again] == [(one.id, one.kind) for one in seen[place + 1 :]]
            assert {one.data["call_id"] for one in wall.until("ended")} == {"c-2"}


@pytest.mark.parametrize("last", ["", "nonsense", "0-1", "{name}-99999999", "{name}-", "{name}--1", "x" * 9000])
def test_who_names_no_event_that_is_kept_gets_a_snapshot(server: Server, last: str) -> None:
    name = server.service.live.feed._name
    with Watcher(server, last=last.format(name=name)) as wall:
        assert wall.response.status_code in (200, 400, 431)
        if wall.response.status_code == 200:
            assert wall.next().kind == "snapshot"


def test_who_was_away_for_too_long_gets_a_snapshot(server: Server) -> None:
    with Watcher(server) as wall:
        wall.next()
        tell(server, 1)
        last = wall.next().id
    tell(server, server.service.live.feed._events.maxlen or 0)
    with Watcher(server, last=last) as wall:
        assert wall.next().kind != "snapshot", "all that followed is kept still"
    tell(server, 1)
    with Watcher(server, last=last) as wall:
        assert wall.next().kind == "snapshot"


def test_an_erased_call_leaves_the_wall_and_is_not_told_again(server: Server) -> None:
    with Watcher(server) as wall, server.connect() as ws, server.http() as http:
        snapshot = wall.next()
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        said(ws, until="mood")
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        ended = wall.until("ended")[-1].data
        assert (ended["call_id"], ended["reason"], ended["priority"], ended["started_at"]) == (
            "c-1",
            "call_erased",
            0,
            None,
        )
    with Watcher(server, last=snapshot.id) as wall:
        assert wall.next().kind == "ended"
    server.call("c-2", SPEECH.tobytes())
    with server.http() as http:
        http.delete("/api/v1/calls/c-2")
    with Watcher(server, last=snapshot.id) as wall:
        wall.until("ended")
        tell(server, 1)
        assert wall.next().data["call_id"] == "c-0"


def test_a_call_that_moves_to_a_new_connection_does_not_end_on_the_wall(server: Server) -> None:
    token = server.token(agent_id="a-1")
    with Watcher(server) as wall, server.connect(token) as old:
        wall.next()
        old.send(opening("c-1"))
        old.send(SPEECH.tobytes())
        old.send(bytes(2 * 16_000 * 6))
        checkpoint = said(old, until="checkpoint")[-1]["token"]
        with server.connect(token) as new:
            new.send(opening("c-1", resume={"checkpoint": checkpoint}))
            said(new, until="started")
            said(old)
            new.send('{"type":"stop"}')
            told = wall.until("ended")
    assert [event.kind for event in told].count("call") == 2
    assert told[-1].data["reason"] == "stop"


# ---------------------------------------------------------------- how the line lives and ends


def test_the_answer_tells_proxies_not_to_hold_it_back(server: Server) -> None:
    with Watcher(server) as wall:
        assert wall.response.headers["content-type"].startswith("text/event-stream")
        assert wall.response.headers["x-accel-buffering"] == "no"
        assert wall.response.headers["cache-control"] == "no-store, no-transform"
        assert "content-length" not in wall.response.headers
        assert wall.response.headers["x-content-type-options"] == "nosniff"


def test_its_head_alone_may_be_asked_for(server: Server) -> None:
    with server.http() as http:
        response = http.head(LIVE)
    assert (response.status_code, response.content) == (200, b"")
    eventually(lambda: len(server.service.live.feed) == 0)  # the seat is given back behind the answer


def test_a_comment_keeps_a_quiet_line_alive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "COMMENT_SEC", 0.2)
    with Watcher(server) as wall:
        began = time.monotonic()
        assert [wall.comment() for _ in range(3)] == [":", ":", ":"]
        assert time.monotonic() - began >= 0.5


def test_it_ends_with_the_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "CHECK_SEC", 0.1)
    with Watcher(server, server.tokens.issue("supervisor", ttl_sec=1).token) as wall:
        last = wall.over()
    assert (last.data["code"], last.data["retryable"]) == ("token_expired", False)


def test_it_ends_when_the_token_is_revoked(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "CHECK_SEC", 0.1)
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    server = serve(revoked=str(revoked))
    token = server.token("supervisor")
    with Watcher(server, token) as wall, Watcher(server) as other:
        wall.next()
        other.next()
        revoked.write_text(server.tokens.verify(token).token_id + "\n")
        assert wall.over().data["code"] == "token_revoked"
        tell(server, 1)
        assert other.next().kind == "mood"
    with Watcher(server, token) as wall:
        assert wall.response.status_code == 401


def test_it_ends_when_the_server_is_stopped(server: Server) -> None:
    with Watcher(server) as wall:
        wall.next()
        on_loop(server, server.service.drain.run)
        last = wall.over()
        assert (last.data["code"], last.data["retryable"]) == ("draining", True)
    with server.http() as http:
        response = http.get(LIVE)
    assert (response.status_code, code(response)) == (503, "draining")
    assert "retry-after" in response.headers


def test_a_token_reads_so_often_and_no_more(server: Server) -> None:
    token = server.token("supervisor")
    with contextlib.ExitStack() as stack:
        walls = [stack.enter_context(Watcher(server, token)) for _ in range(READERS_A_TOKEN)]
        with Watcher(server, token) as refused:
            assert refused.response.status_code == 429
            refused.response.read()
            assert code(refused.response) == "too_many_streams"
        with Watcher(server) as other:
            assert other.next().kind == "snapshot"
        walls[0].__exit__()
        end = time.monotonic() + 10
        while len(server.service.live.feed) >= READERS_A_TOKEN:
            assert time.monotonic() < end
            time.sleep(0.02)
        with Watcher(server, token) as again:
            assert again.response.status_code == 200


def test_seats_are_given_back(server: Server) -> None:
    for _ in range(3):
        with Watcher(server) as wall:
            wall.next()
    end = time.monotonic() + 10
    while len(server.service.live.feed):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_is_noted_once_where_it_begins(server: Server, tmp_path: Path) -> None:
    with Watcher(server) as wall:
        wall.next()
        tell(server, 3)
        wall.next()
        (line,) = written(tmp_path, server)
    assert (line["action"], line["route"], line["status"]) == ("watch_live", LIVE, 200)
    assert len(written(tmp_path, server)) == 1


def test_a_reader_that_does_not_read_is_dropped_and_told_and_holds_up_nobody(server: Server) -> None:
    """It takes nothing while more is told than the feed and the sockets between hold."""
    with socket.socket() as slow, Watcher(server) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = server.url.removeprefix("http://").split(":")
        slow.connect((host, int(port)))
        head = f"GET {LIVE} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.token('supervisor')}\r\n\r\n"
        slow.sendall(head.encode())
        quick.next()
        rounds, size = 30, 1000
        for _ in range(rounds):
            tell(server, size)
            for n in range(size):
                assert quick.next().data["call_id"] == f"c-{n}"
        assert server.call("c-1", SPEECH.tobytes())[-1]["type"] == "stopped"
        assert quick.until("ended")[-1].data["call_id"] == "c-1"
        said_to_slow = b""
        slow.settimeout(20)
        while b"0\r\n\r\n" not in said_to_slow[-5:]:
            said_to_slow += slow.recv(1 << 20)
    (told,) = [line for line in said_to_slow.split(b"\n") if b'"code":"too_slow"' in line]
    assert json.loads(told.removeprefix(b"data: "))["retryable"]
    assert said_to_slow.count(b"event: mood") < rounds * size
