"""What a supervisor sees of the wall at one server, from beginning to end, with the time of everything."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.instances import Instance

LIVE = "/api/v1/live"


@dataclass
class Row:
    """A call as the wall told it."""

    came: list[float] = field(default_factory=list)
    """When it was told to have begun, monotonic seconds."""
    moods: list[float] = field(default_factory=list)
    ended: list[tuple[float, str]] = field(default_factory=list)
    """When it was told to have ended, and why."""


class Wall:
    """Reads the live feed of one server in a thread, and the list of live calls now and then."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.rows: dict[str, Row] = {}
        self.snapshots: list[set[str]] = []
        self.listed: list[tuple[float, set[str]]] = []
        """When the list of live calls was asked for, and what was on it."""
        self.began = time.monotonic()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._ask)]

    def __enter__(self) -> Wall:
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + 10
        while not self.snapshots:
            assert time.monotonic() < end
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _read(self) -> None:
        with self._instance.http() as http, http.stream("GET", LIVE) as answer:
            kind = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    self._take(kind, json.loads(line[6:]), time.monotonic())
                if self._over.is_set():
                    return

    def _take(self, kind: str, data: dict[str, Any], now: float) -> None:
        if kind == "snapshot":
            self.snapshots.append({item["call_id"] for item in data["items"]})
            return
        row = self.rows.setdefault(data["call_id"], Row())
        if kind == "call":
            row.came.append(now)
        elif kind == "mood":
            row.moods.append(now)
        elif kind == "ended":
            row.ended.append((now, data["reason"]))

    def _ask(self) -> None:
        with self._instance.http() as http:
            while not self._over.wait(0.25):
                asked = time.monotonic()
                try:
                    answer = http.get("/api/v1/calls", params={"live": "true", "limit": 200})
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200:
                    self.listed.append((asked, {call["call_id"] for call in answer.json()["items"]}))

    def longest_missing(self, call_id: str, since: float, until: float) -> float:
        """Return for how long a call was not on the list while it went on, in seconds."""
        missing_since, longest = None, 0.0
        for asked, ids in self.listed:
            if since <= asked <= until and call_id not in ids:
                missing_since = asked if missing_since is None else missing_since
            if missing_since is not None:
                longest = max(longest, asked - missing_since)
            if call_id in ids:
                missing_since = None
        return longest
