"""The commands that talk to a running server: serve, stream, logs."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import SAMPLE_CALL, Running, lines
from tests.faults.instances import Instance
from undervoice.auth import Tokens


@pytest.fixture
def short_call(tmp_path: Path) -> Path:
    """The first six seconds of the sample call, in stereo and at a rate that is not served."""
    audio, rate = soundfile.read(SAMPLE_CALL, dtype="float32", frames=6 * 16_000)
    held = np.repeat(audio, 2)[: 12 * 16_000]  # the same pitch at twice the rate, good enough to be speech
    path = tmp_path / "My call (1).wav"
    soundfile.write(path, np.stack([held, np.zeros_like(held)], axis=1), 22_050)
    assert rate == 16_000
    return path


def test_serve_prints_the_page_with_a_token_that_works(server: Running) -> None:
    assert server.page.startswith(f"http://127.0.0.1:{server.port}/#token=")
    with urllib.request.urlopen(server.page, timeout=5) as page:
        assert page.status == 200
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/model", headers={"Authorization": f"Bearer {server.token}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.headers.get("server") is None
        assert json.load(answer)["name"] == "tiny"


def test_serve_may_open_as_many_files_as_the_system_allows(server: Running) -> None:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    mine = [pid for pid in pids if _parent(pid) == os.getpid() and "serve" in _command(pid)]
    limits = [Path(f"/proc/{pid}/limits").read_text() for pid in mine]
    rows = [line.split() for text in limits for line in text.splitlines() if line.startswith("Max open files")]
    assert rows
    assert all(row[3] == row[4] for row in rows)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_streamed_call_is_in_the_log(server: Running) -> None:
    finished = server.undervoice("stream", "--fast", "--json", "--call-id", "c-log", SAMPLE_CALL)
    assert finished.returncode == 0, finished.stderr
    messages = lines(finished.stdout)
    assert messages[0]["type"] == "started"
    assert messages[-1]["type"] == "stopped"
    finals = [m for m in messages if m["type"] == "emotion" and m["final"]]
    logged = _logged(server, "c-log", len(finals))
    assert [m["segment_id"] for m in logged] == [m["segment_id"] for m in finals]
    assert [m["detected_emotion"] for m in logged] == [m["detected_emotion"] for m in finals]


def _logged(server: Running, call_id: str, wanted: int) -> list[dict[str, object]]:
    """Return a call's stored segments, once they are all there: storing follows telling."""
    found: list[dict[str, object]] = []
    for _ in range(20):
        rows = lines(server.undervoice("logs", "--json", "--limit", 1000).stdout)
        found = [row for row in rows if row["call_id"] == call_id]
        if len(found) == wanted:
            break
        time.sleep(0.2)
    return found


def test_stream_gives_the_segments_that_analyze_gives(server: Running) -> None:
    (clip,) = lines(server.undervoice("analyze", "--json", SAMPLE_CALL).stdout)
    finished = server.undervoice("stream", "--fast", "--json", SAMPLE_CALL)
    finals = [m for m in lines(finished.stdout) if m["type"] == "emotion" and m["final"]]
    segments = clip["segments"]
    assert isinstance(segments, list)
    assert [s["start_offset_sec"] for s in segments] == [m["start_offset_sec"] for m in finals]
    for segment, message in zip(segments, finals, strict=True):
        assert message["all_emotions_confidence"] == pytest.approx(segment["all_emotions_confidence"], abs=1e-5)


def test_stream_in_plain_lines_and_in_real_time(server: Running, short_call: Path) -> None:
    began = time.monotonic()
    finished = server.undervoice("stream", "--channels", "customer,agent", short_call)
    assert finished.returncode == 0, finished.stderr
    assert time.monotonic() - began > soundfile.info(short_call).duration - 0.2
    assert "ended:" in finished.stdout
    assert "–" in finished.stdout


def test_a_terminal_shows_the_meter(server: Running, short_call: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "undervoice", "stream", "--fast", str(short_call)]
    env = server.env | {"TERM": "xterm-256color", "LINES": "40"}
    shown = b""
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        # Reading a terminal whose other side has closed is an error on Linux, not an end.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 65_536):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "Call ended" in text
    assert "●" in text
    assert "\x1b[" in text


def test_a_call_outlives_its_server(tmp_path: Path, model: Path) -> None:
    server = Instance(tmp_path / "server", model)
    audio, rate = soundfile.read(SAMPLE_CALL, dtype="int16", frames=9 * 16_000)
    call = tmp_path / "call.wav"
    soundfile.write(call, audio, rate)
    command = [sys.executable, "-m", "undervoice", "stream", "--url", server.url, str(call)]
    environ = server.env | {"UNDERVOICE_TOKEN": server.server.token}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    try:
        server.start()
        with subprocess.Popen(command, env=environ, **pipes) as playing:
            time.sleep(4)
            server.kill()
            server.start()
            shown, errors = playing.communicate(timeout=60)
        assert (playing.returncode, errors) == (0, "")
        readings = [line for line in shown.splitlines() if "–" in line]
        told = [line.split()[0] for line in shown.splitlines() if line.startswith(("reconnecting…", "connected"))]
        assert told == ["reconnecting…", "connected"]
        assert len({line.split()[0] for line in readings}) == len(readings) > 0
        assert f"ended: {len(readings)} segments in 00:09.0" in shown

        with subprocess.Popen([*command, "--patience", "1", "--json"], env=environ, **pipes) as playing:
            assert playing.stdout is not None
            assert json.loads(playing.stdout.readline())["type"] == "started"
            server.kill()
            _, errors = playing.communicate(timeout=60)
        assert playing.returncode == 1
        assert "given up: " in errors.splitlines()[-1]
    finally:
        server.close()


def test_several_files_are_several_calls_and_one_bad_file_is_one_line(server: Running, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    finished = server.undervoice("stream", "--fast", bad, SAMPLE_CALL, SAMPLE_CALL)
    assert finished.returncode == 1
    assert finished.stdout.count("ended:") == 2
    assert finished.stderr.count("\n") == 1
    assert str(bad) in finished.stderr


def test_a_call_id_twice_is_refused_by_the_server(server: Running) -> None:
    assert server.undervoice("stream", "--fast", "--call-id", "c-twice", SAMPLE_CALL).returncode == 0
    finished = server.undervoice("stream", "--fast", "--call-id", "c-twice", SAMPLE_CALL)
    assert finished.returncode == 1
    assert "call_exists" in finished.stderr


def test_refusals_are_one_clear_line(server: Running) -> None:
    secret = (Path(server.env["UNDERVOICE_STATE"]) / "secret").read_text().strip()
    supervisor = Tokens(secret).issue("supervisor").token
    for token, words in (("forged", "(401)"), (supervisor, "(403)")):
        finished = server.undervoice("stream", "--fast", SAMPLE_CALL, UNDERVOICE_TOKEN=token)
        assert finished.returncode == 1
        assert finished.stderr.count("\n") == 1
        assert words in finished.stderr


def test_an_integrators_token_calls_for_any_agent(server: Running) -> None:
    token = server.undervoice("token", "--role", "integrator").stdout.strip()
    finished = server.undervoice("stream", "--fast", "--json", "--token", token, "--agent-id", "a-9", SAMPLE_CALL)
    assert finished.returncode == 0, finished.stderr
    assert lines(finished.stdout)[0]["agent_id"] == "a-9"


def test_wrong_use_of_stream(server: Running) -> None:
    for args in (
        ("--url", "nonsense", SAMPLE_CALL),
        ("--url", "ws://192.0.2.1:1", SAMPLE_CALL),  # elsewhere, and no token
        ("--channels", "agent", SAMPLE_CALL),
        ("--channels", "customer,agent", SAMPLE_CALL),  # the file has one
        ("--call-id", "../x", SAMPLE_CALL),
        ("--call-id", "x", SAMPLE_CALL, SAMPLE_CALL),
    ):
        finished = server.undervoice("stream", "--fast", *args)
        assert finished.returncode == 2, args
        assert finished.stderr.count("\n") == 1


def test_no_server_is_one_line(server: Running) -> None:
    finished = server.undervoice("stream", "--url", "ws://127.0.0.1:9", SAMPLE_CALL, SAMPLE_CALL)
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert "cannot reach ws://127.0.0.1:9" in finished.stderr


def test_logs_limit_and_follow(server: Running) -> None:
    assert server.undervoice("stream", "--fast", SAMPLE_CALL).returncode == 0
    time.sleep(1)
    assert len(server.undervoice("logs", "--limit", 3).stdout.splitlines()) == 3
    command = [sys.executable, "-m", "undervoice", "logs", "--limit", "2", "--follow", "--json"]
    with subprocess.Popen(command, env=server.env, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        first = [json.loads(following.stdout.readline()) for _ in range(2)]
        assert server.undervoice("stream", "--fast", "--call-id", "c-followed", SAMPLE_CALL).returncode == 0
        new = json.loads(following.stdout.readline())
        following.send_signal(signal.SIGINT)
        following.stdout.read()
    assert following.returncode == 130
    assert all(row["call_id"] != "c-followed" for row in first)
    assert new["call_id"] == "c-followed"


def test_output_that_nobody_reads_any_more_is_no_error(server: Running) -> None:
    command = [sys.executable, "-m", "undervoice", "stream", "--fast", "--json", str(SAMPLE_CALL)]
    with subprocess.Popen(command, env=server.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
