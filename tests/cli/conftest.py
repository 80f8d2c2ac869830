"""Real processes: the command as people run it, and a server that they can talk to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.tiny import write_tiny_model

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE_CALL = REPOSITORY / "widget" / "src" / "demo" / "sample-call.flac"
Finished = subprocess.CompletedProcess[str]


def environment(state: Path, model: Path, **variables: str) -> dict[str, str]:
    """Return an environment with no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNDERVOICE_")}
    return kept | {"UNDERVOICE_STATE": str(state), "UNDERVOICE_MODEL": str(model), "COLUMNS": "100"} | variables


def call(*args: object, env: dict[str, str], timeout: float = 60) -> Finished:
    """Run the command to its end."""
    command = [sys.executable, "-m", "undervoice", *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def lines(text: str) -> list[dict[str, object]]:
    """Return the JSON objects of an output, one a line."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def env(tmp_path: Path, model: Path) -> dict[str, str]:
    return environment(tmp_path / "state", model)


@pytest.fixture
def undervoice(env: dict[str, str]) -> Callable[..., Finished]:
    def run(*args: object, **variables: str) -> Finished:
        return call(*args, env=env | variables)

    return run


@dataclass(frozen=True)
class Running:
    """A server that answers, and the environment of the commands that belong to it."""

    page: str
    env: dict[str, str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.page).port or 0

    @property
    def token(self) -> str:
        """What it printed for the page."""
        return urlsplit(self.page).fragment.removeprefix("token=")

    def undervoice(self, *args: object, **variables: str) -> Finished:
        """Run a command against it."""
        return call(*args, env=self.env | variables)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("server") / "state"
    env = environment(state, model)
    command = [sys.executable, "-m", "undervoice", "serve", "--port", "0"]
    log = state.parent / "log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        assert process.stdout is not None
        page = process.stdout.readline().strip()
        assert page, log.read_text()
        running = Running(page, env)
        try:
            yield Running(page, env | {"UNDERVOICE_PORT": str(running.port)})
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
    assert process.returncode == 0, log.read_text()
    assert rest == "", "serve prints one line on standard output and no more"
