"""``undervoice bench``: what it expects is what a server scores, it stays on this machine, and it leaves nothing."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Finished, Running, call, environment
from undervoice.__main__ import parser
from undervoice.cli.bench_server import own_environment

Command = Callable[..., Finished]


def told(finished: Finished) -> dict[str, Any]:
    assert finished.stdout, finished.stderr
    figures: dict[str, Any] = json.loads(finished.stdout)
    return figures


# ---------------------------------------------------------------- a real load


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, Any]:
    """Six calls on a server that takes five."""
    env = environment(tmp_path_factory.mktemp("bench") / "state", model, UNDERVOICE_QUEUE_MS="5000")
    flags = ("--calls", 6, "--max-calls", 5, "--seconds", 6, "--over", 0.5, "--json")
    return told(call("bench", *flags, env=env))


def test_calls_are_held_and_those_that_the_server_refuses_are_counted(figures: dict[str, Any]) -> None:
    calls = {"asked": 6, "held": 5, "most_at_once": 5, "refused": {"503": 1}, "lost": {}}
    assert figures["calls"] == calls
    assert figures["audio"]["call_minutes"] == pytest.approx(0.5)
    assert 0.8 < figures["audio"]["speech_share"] <= 1.0


def test_every_segment_that_is_expected_is_scored(figures: dict[str, Any]) -> None:
    segments = figures["segments"]
    assert segments["expected"] >= 2 * 5  # six seconds of speech are two windows, and a rest
    assert segments["scored"] == segments["expected"]
    assert segments["models"] == {"tiny@1": segments["scored"]}
    assert segments["dropped_sec"] == 0
    assert figures["first_reading_ms"]["count"] >= 5


def test_latencies_and_what_the_server_takes_are_told(figures: dict[str, Any]) -> None:
    latency = figures["latency_ms"]
    assert latency["count"] == 2 * 5
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert figures["server"]["cpu_sec"] > 0
    assert figures["memory"]["active_mb"] >= figures["memory"]["process_mb"] > 10
    assert figures["generator"]["late_ms"]["count"] == 5 * 60


def test_clips_are_answered_by_a_server_that_runs_already(server: Running) -> None:
    url = f"http://127.0.0.1:{server.port}"
    figures = told(
        server.undervoice("bench", "--url", url, "--users", 3, "--clip-every", 0.5, "--seconds", 2, "--json")
    )
    assert figures["clips"]["sent"] >= 3 * 3
    assert figures["clips"]["answered"] == figures["clips"]["sent"]
    assert figures["clips"]["errors"] == {}
    assert figures["answer_ms"]["mean"] > 0
    assert figures["server"] is None  # nobody said which process it is


@pytest.mark.parametrize("url", ["wss://voice.example.com", "http://127.0.0.1.example.com:8000"])
def test_what_is_elsewhere_gets_no_load(undervoice: Command, url: str) -> None:
    finished = undervoice("bench", "--url", url, "--calls", 1, "--seconds", 1)
    assert finished.returncode == 2
    assert "not on this machine" in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "flags", ["--calls 5001", "--calls 0", "--seconds 601", "--users 1001", "--over 26", "--pid x"]
)
def test_load_is_bounded(flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["bench", *flags.split()])
    assert ended.value.code == 2
    assert flags.split()[0] in capsys.readouterr().err


@pytest.mark.parametrize("when", ["its server starts", "calls are held"])
def test_ctrl_c_leaves_no_server_and_no_folder(env: dict[str, str], tmp_path: Path, when: str) -> None:
    command = [sys.executable, "-m", "undervoice", "bench", "--calls", "2", "--seconds", "60", "--over", "0"]
    folder = tmp_path / "tmp"
    folder.mkdir()
    with subprocess.Popen(command, env=env | {"TMPDIR": str(folder)}, stderr=subprocess.PIPE, text=True) as process:
        assert _wait_for(lambda: _servers(folder))
        if when == "calls are held":
            assert _wait_for(lambda: _calls(folder))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == ""
    assert not _servers(folder)
    assert not list(folder.glob("undervoice-*"))


def _servers(folder: Path) -> list[str]:
    """Return the processes whose state lies in a folder."""
    mark = f"UNDERVOICE_STATE={folder}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (each / "environ").read_bytes():
                found.append(each.name)
        except OSError:
            continue
    return found


def _calls(folder: Path) -> list[str]:
    """Return the calls that the server in a folder has stored."""
    for path in folder.glob("*/undervoice.db"):
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
                return [row[0] for row in store.execute("SELECT call_id FROM calls")]
        except sqlite3.OperationalError:
            break  # it is not all there yet
    return []


def _wait_for(found: Callable[[], list[str]]) -> list[str]:
    end = time.monotonic() + 30
    while not (what := found()) and time.monotonic() < end:
        time.sleep(0.05)
    return what


def test_the_environment_hands_on_nothing_that_is_real(tmp_path: Path) -> None:
    real = {
        "UNDERVOICE_STORE": "firestore://real",
        "UNDERVOICE_STATE": "/real",
        "UNDERVOICE_WEBHOOKS": "https://real.example.com",
        "UNDERVOICE_AUDIT": "off",
        "UNDERVOICE_REDIS": "redis://real.example.com",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://real.example.com",
        "UNDERVOICE_MODEL": "compact",
        "UNDERVOICE_PORT": "8000",
    }
    made = own_environment(real, {"UNDERVOICE_THREADS": "1", "UNDERVOICE_STORE": "sqlite:////tmp/x.db"}, tmp_path)
    assert made["UNDERVOICE_STORE"] == "sqlite:////tmp/x.db"
    assert made["UNDERVOICE_STATE"] == str(tmp_path)
    assert made["UNDERVOICE_AUDIT"] == "off"
    assert made["UNDERVOICE_MODEL"] == "compact"
    assert made["UNDERVOICE_THREADS"] == "1"
    assert made["UNDERVOICE_PORT"] == "0"
    assert not [name for name, value in made.items() if "real" in value]
    assert "UNDERVOICE_STORE" not in own_environment(real, {}, tmp_path)
