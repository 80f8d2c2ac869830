"""Ids, queries, cursors and paths: whatever a client writes there stays a word, and opens nothing else."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.servers import Server
from tests.voices import sentence
from undervoice.store.cursors import encode_cursor
from undervoice.terms import NAME_PATTERN

SPEECH = sentence(0.4, 1.5, 1.0)
words = st.text(max_size=40) | st.sampled_from(
    [
        "c-1",
        "' OR '1'='1",
        "c-1'; DROP TABLE segments; --",
        '" OR ""="',
        "c-1/../c-2",
        "__x__",
        "..",
        "%",
        "_-_",
        "*",
        "{$ne: null}",
        "c-1\x00",
        "c-1\n",
        "\ud83d\ude00",
        "c\u202e1",
        "a" * 5000,
        "-0",
        "1e999",
        "9" * 400,
        "NaN",
        "0x10",
        "9999-12-31T23:59:59+23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00Z' OR 1",
    ]
)
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def filled(server: Server) -> Server:
    """A server with two calls of two agents, that counts no requests."""
    object.__setattr__(server.service, "rates", type(server.service.rates)(1e9, 1e9))
    for number in (1, 2):
        server.call(f"c-{number}", SPEECH.tobytes(), token=server.token(agent_id=f"a-{number}"))
    return server


class Line:
    """One connection that sends paths as they are, where other clients would tidy them up."""

    def __init__(self, server: Server, token: str | None) -> None:
        self._line = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def get(self, target: str) -> tuple[int, bytes]:
        """Return status and body."""
        self._line.request("GET", target, headers=self._headers)
        response = self._line.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        """Hang up."""
        self._line.close()


@contextmanager
def line(server: Server, role: str | None = "agent") -> Iterator[Line]:
    """Open a connection with a token of agent a-1, or of another role, or none."""
    opened = Line(server, server.token(role) if role else None)
    try:
        yield opened
    finally:
        opened.close()


def rows(body: bytes) -> list[dict[str, Any]]:
    answer = json.loads(body)
    found = answer["items"] if isinstance(answer, dict) and "items" in answer else answer
    return found if isinstance(found, list) else [found]


def test_a_word_in_the_path_names_one_call_or_none(filled: Server) -> None:
    with line(filled, "supervisor") as supervisor:

        @often
        @given(words)
        def check(word: str) -> None:
            status, body = supervisor.get("/api/v1/calls/" + quote(word, safe="", errors="replace"))
            assert status == (200 if word in ("c-1", "c-2") else 404) or (word.strip("/") == "" and status == 200)
            if word:
                assert all(row["call_id"] == word for row in rows(body) if status == 200)

        check()


def test_a_word_in_a_query_finds_own_rows_or_is_refused(filled: Server) -> None:
    names = st.sampled_from(["call_id", "audio_id", "limit", "cursor", "agent_id", "emotion", "since", "until", "live"])
    paths = st.sampled_from(["emotions", "logs", "calls"])
    with line(filled) as agent:

        @often
        @given(paths, st.dictionaries(names | words, words, max_size=3))
        @example("logs", {"emotion": "%"})
        @example("logs", {"agent_id": "a-1' OR '1'='1"})
        def check(path: str, query: dict[str, str]) -> None:
            status, body = agent.get(f"/api/v1/{path}?" + urlencode(query, errors="replace"))
            assert status in (200, 400, 403, 404)
            if status == 200:
                assert {row["agent_id"] for row in rows(body)} <= {"a-1"}
                if "emotion" in query and path == "logs" and query["emotion"]:
                    assert {row["detected_emotion"] for row in rows(body)} <= {query["emotion"]}

        check()


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


places = st.tuples(words | st.just("2999-01-01T00:00:00.000000Z"), words)


written = st.tuples(st.just("2999-01-01T00:00:00.000000Z"), st.text(max_size=20))


def test_a_forged_cursor_shows_own_rows_or_nothing(filled: Server) -> None:
    with line(filled) as agent:

        @often
        @given(st.sampled_from(["logs", "calls"]), words | places.map(list).map(forged) | written.map(encode_cursor))
        @example("logs", encode_cursor(("2999-01-01T00:00:00.000000Z", "~")))
        @example("logs", encode_cursor(("2999-01-01T00:00:00.000000Z", "' OR 1=1 --")))
        def check(path: str, cursor: str) -> None:
            status, body = agent.get(f"/api/v1/{path}?" + urlencode({"cursor": cursor}, errors="replace"))
            assert status in (200, 400)
            if status == 200:
                assert {row["agent_id"] for row in rows(body)} <= {"a-1"}

        check()


STEPS = (
    ".. %2e%2e ..%2f %2f ..%5c ..\\ %00 / // . %252e%252e etc passwd ~root %c0%ae%c0%ae %ff "
    "demo index.html undervoice-meter.js server pyproject.toml package.json"
)
steps = st.sampled_from(["", *STEPS.split()])


def test_no_path_leads_out_of_the_widgets_folder(filled: Server) -> None:
    folder = filled.service.widget_folder
    inside = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with line(filled, None) as anyone:

        @often
        @given(st.lists(steps, max_size=8))
        @example(["..", "..", "pyproject.toml"])
        @example(["..%2f..%2fpyproject.toml"])
        @example(["..", "package.json"])
        @example(["/etc/passwd"])
        @example(["%00"])
        @example(["undervoice-meter.js%00.html"])
        @example(["x" * 5000])
        def check(parts: list[str]) -> None:
            status, body = anyone.get("/widget/" + "/".join(parts))
            assert status in (200, 404)
            assert status == 404 or body in inside

        check()


@given(st.from_regex(NAME_PATTERN))
def test_whatever_may_be_an_id_may_be_a_document_key(name: str) -> None:
    """Firestore: no slash, not a dot or two, not between double underscores, at most 1,500 bytes, UTF-8."""
    assert "/" not in name
    assert name not in (".", "..")
    assert not re.fullmatch(r"__.*__", name)
    assert len(name.encode()) <= 128
    assert name.isprintable()
