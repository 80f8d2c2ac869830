"""What all commands share: exit statuses, one line of error, settings and tokens."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from tests.cli.conftest import Finished
from undervoice.options import SETTINGS

Command = Callable[..., Finished]
SECRET = "a secret that is longer than 32 bytes"


def assert_one_line(finished: Finished, status: int, *words: str) -> None:
    assert finished.returncode == status, finished.stderr
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1, finished.stderr
    for word in ("undervoice", *words):
        assert word in finished.stderr


def test_wrong_use_is_exit_status_2(undervoice: Command) -> None:
    assert undervoice().returncode == 2
    assert undervoice("sing").returncode == 2
    assert undervoice("logs", "--limit", "0").returncode == 2
    assert undervoice("analyze").returncode == 2
    assert undervoice("token", "--role", "king").returncode == 2


def test_help_and_version_are_exit_status_0(undervoice: Command) -> None:
    assert undervoice("--version").stdout.startswith("undervoice ")
    for command in ("serve", "token", "stream", "analyze", "logs", "settings"):
        finished = undervoice(command, "--help")
        assert finished.returncode == 0
        assert command in finished.stdout


def test_wrong_settings_are_one_line(undervoice: Command) -> None:
    for command in ("serve", "settings", "logs"):
        assert_one_line(undervoice(command, UNDERVOICE_PORT="x"), 2, command, "UNDERVOICE_PORT")


def test_settings_tell_all_values_and_their_sources_but_no_secret(undervoice: Command) -> None:
    finished = undervoice("settings", "--port", "9000", UNDERVOICE_SECRET=SECRET, UNDERVOICE_MAX_CALLS="7")
    assert finished.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in finished.stdout.splitlines()}
    assert set(rows) == {row.variable for row in SETTINGS}
    assert rows["UNDERVOICE_PORT"] == ["9000", "flag"]
    assert rows["UNDERVOICE_MAX_CALLS"] == ["7", "environment"]
    assert rows["UNDERVOICE_IDLE_SEC"] == ["60", "default"]
    assert rows["UNDERVOICE_SECRET"] == ["********", "environment"]
    assert SECRET not in finished.stdout


def test_settings_as_json(undervoice: Command) -> None:
    answer = json.loads(undervoice("settings", "--json").stdout)
    assert answer["UNDERVOICE_SECRET"] == {"value": "********", "source": "state folder"}


def test_looking_at_settings_changes_nothing(undervoice: Command, env: dict[str, str]) -> None:
    undervoice("settings")
    assert not Path(env["UNDERVOICE_STATE"]).exists()


def test_settings_of_a_public_server_can_be_looked_at(undervoice: Command) -> None:
    assert undervoice("settings", UNDERVOICE_HOST="0.0.0.0").returncode == 0


def test_a_public_address_without_secret_and_origins_is_refused(undervoice: Command) -> None:
    assert_one_line(undervoice("serve", "--host", "0.0.0.0"), 2, "UNDERVOICE_SECRET", "UNDERVOICE_ORIGINS")


def test_a_model_that_is_not_there_is_one_line(undervoice: Command, tmp_path: Path) -> None:
    assert_one_line(undervoice("serve", UNDERVOICE_MODEL=str(tmp_path)), 1, "model.json")
    assert_one_line(undervoice("analyze", "a.wav", UNDERVOICE_MODEL="none-such"), 2, "UNDERVOICE_MODEL")


def test_a_taken_port_is_one_line(undervoice: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_line(undervoice("serve", "--port", port), 1, str(port), "in use")


def test_a_token_is_signed_with_the_kept_secret(undervoice: Command, env: dict[str, str]) -> None:
    finished = undervoice("token", "--role", "agent", "--agent-id", "a-7", "--call-id", "c-1", "--ttl", "60")
    assert finished.returncode == 0
    kept = Path(env["UNDERVOICE_STATE"]) / "secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    claims = jwt.decode(finished.stdout.strip(), kept.read_text().strip(), ["HS256"], audience="undervoice")
    assert (claims["role"], claims["sub"], claims["call_id"]) == ("agent", "a-7", "c-1")
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize("role", ["supervisor", "integrator"])
def test_other_roles_need_no_name(undervoice: Command, role: str) -> None:
    finished = undervoice("token", "--role", role, UNDERVOICE_SECRET=SECRET)
    claims = jwt.decode(finished.stdout.strip(), SECRET, ["HS256"], audience="undervoice")
    assert claims["role"] == role
    assert "sub" not in claims


def test_an_agents_token_must_name_one(undervoice: Command) -> None:
    assert_one_line(undervoice("token", "--role", "agent"), 2, "agent_id")
    assert_one_line(undervoice("token", "--role", "agent", "--agent-id", "../x"), 2, "agent_id")
    assert undervoice("token", "--role", "agent", "--agent-id", "a", "--ttl", "0").returncode == 2


def test_an_empty_log_is_no_error_and_says_how_to_fill_it(undervoice: Command) -> None:
    finished = undervoice("logs")
    assert (finished.returncode, finished.stdout) == (0, "")
    assert "undervoice stream" in finished.stderr
    assert undervoice("logs", "--store", "paper://").returncode == 2
