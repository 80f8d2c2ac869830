"""A server with some days of demonstration calls behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.browser.pictures import wanted
from tests.browser.processes import serving

MIN_CALLS = 3
"""So that some figures rest on enough calls, and some do not."""


@dataclass
class Past:
    """A running server whose store is filled."""

    url: str
    token: str
    """A supervisor's."""
    agent_token: str

    def http(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=20)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a route answers to the same token as the board's."""
        with self.http() as http:
            return http.get(path, params=query).raise_for_status().json()

    def calls(self, **query: Any) -> list[dict[str, Any]]:
        """Return calls, the newest first."""
        found: list[dict[str, Any]] = self.get("/calls", limit=200, **query)["items"]
        return found


@contextmanager
def remembering(folder: Path) -> Iterator[Past]:
    """Run a server that remembers nine days, the shortest range and more; for pictures a month."""
    environment = {"UNDERVOICE_STATE": str(folder), "UNDERVOICE_STORE": f"sqlite:///{folder}/log.db"}
    size = ("--days", "30", "--calls", "60") if wanted() else ("--days", "9", "--calls", "6")
    _run(environment, "demo-data", *size, "--model", "compact")
    token = _run(environment, "token", "--role", "supervisor")
    few = {} if wanted() else {"min_calls": str(MIN_CALLS)}
    with serving(folder, model="compact", **few) as service:
        yield Past(service.url, token, service.token)


def _run(environment: dict[str, str], *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "undervoice", *command],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.strip()
