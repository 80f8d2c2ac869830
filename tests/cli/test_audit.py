"""``undervoice audit`` as people run it, on logs that a real server wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Finished, Running
from undervoice.chains import HeadKeys
from undervoice.ledger import Ledger

Command = Callable[..., Finished]
SECRET = "a secret that is longer than 32 bytes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The log of two replicas, two days each."""
    folder = tmp_path / "log"
    ledgers = [Ledger.open(folder, HeadKeys(SECRET))[0] for _ in range(2)]
    for day in ("2026-05-24", "2026-05-25"):
        for number, ledger in enumerate(ledgers):
            line = {"action": "read_call", "role": "supervisor", "call_id": f"c-{number}", "status": 200}
            ledger.append([(f"{day}T10:0{number}:0{n}Z", line) for n in range(3)])
    for ledger in ledgers:
        ledger.close()
    return folder


def test_an_intact_log_is_exit_status_0(undervoice: Command, folder: Path) -> None:
    finished = undervoice("audit", "verify", folder, UNDERVOICE_SECRET=SECRET)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert [line.split()[1:] for line in finished.stdout.splitlines()] == [["intact", "6", "lines"]] * 2
    told = json.loads(undervoice("audit", "verify", "--json", folder, UNDERVOICE_SECRET=SECRET).stdout)
    assert told["intact"]
    assert [(chain["lines"], chain["unsigned"], chain["broken"]) for chain in told["chains"]] == [(6, 0, None)] * 2


def test_a_broken_log_is_exit_status_1_and_names_the_place(undervoice: Command, folder: Path) -> None:
    changed = sorted(folder.glob("*.jsonl"))[0]
    changed.write_bytes(changed.read_bytes().replace(b'"seq":2,', b'"seq":7,', 1))
    finished = undervoice("audit", "verify", folder, UNDERVOICE_SECRET=SECRET)
    assert finished.returncode == 1
    assert f"BROKEN  {changed.name}:2: was changed" in finished.stdout
    assert finished.stdout.count("intact") == 1
    assert not json.loads(undervoice("audit", "verify", "--json", folder, UNDERVOICE_SECRET=SECRET).stdout)["intact"]


def test_another_secret_does_not_vouch_for_the_log_and_the_one_before_does(undervoice: Command, folder: Path) -> None:
    other = SECRET[::-1]
    finished = undervoice("audit", "verify", folder, UNDERVOICE_SECRET=other)
    assert finished.returncode == 1
    assert "is not signed by this secret" in finished.stdout
    kept = undervoice("audit", "verify", folder, UNDERVOICE_SECRET=other, UNDERVOICE_PREVIOUS_SECRET=SECRET)
    assert kept.returncode == 0


def test_no_log_is_no_intact_log(undervoice: Command, tmp_path: Path) -> None:
    finished = undervoice("audit", "verify", tmp_path / "nowhere")
    assert finished.returncode == 1
    assert "no audit log" in finished.stderr
    off = undervoice("audit", "show", UNDERVOICE_AUDIT="off")
    assert off.returncode == 2
    assert undervoice("audit").returncode == 2


def test_show_tells_the_newest_lines_of_all_chains_in_order(undervoice: Command, folder: Path) -> None:
    finished = undervoice("audit", "show", "--limit", 4, folder, UNDERVOICE_SECRET=SECRET)
    times = [line.split()[0] for line in finished.stdout.splitlines()]
    assert times == [f"2026-05-25T10:0{place}Z" for place in ("0:02", "1:00", "1:01", "1:02")]
    mine = undervoice("audit", "show", "--call-id", "c-1", "--json", folder).stdout.splitlines()
    assert [json.loads(line)["call_id"] for line in mine] == ["c-1"] * 6


def test_what_a_line_holds_cannot_steer_a_terminal(undervoice: Command, folder: Path) -> None:
    ledger, _ = Ledger.open(folder, HeadKeys(SECRET))
    ledger.append([("2026-05-26T10:00:00Z", {"action": "read_call", "subject": "\x1b[2J\nfaked line", "status": 200})])
    ledger.close()
    shown = undervoice("audit", "show", "--limit", 1, folder).stdout
    assert shown.count("\n") == 1
    assert "\x1b" not in shown


def test_a_running_servers_log_is_verified_beside_it(server: Running) -> None:
    token = server.undervoice("token", "--role", "supervisor").stdout.strip()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}/api/v1") as http:
        http.headers["authorization"] = f"Bearer {token}"
        for _ in range(3):
            assert http.get("/calls").status_code == 200
        assert http.delete("/calls/nobody").status_code == 404  # on disk before it is answered
    assert server.undervoice("audit", "verify").returncode == 0
    shown = server.undervoice("audit", "show").stdout
    assert shown.count("read_calls") == 3
    assert "call_id=nobody" in shown
    assert token not in shown
