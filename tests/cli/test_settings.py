"""Where settings come from, and which are refused."""

from __future__ import annotations

import dataclasses
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice.errors import BadSettings
from undervoice.options import SETTINGS
from undervoice.places import REPOSITORY
from undervoice.secret import _make_secret, kept_secret
from undervoice.settings import Settings, load_settings

SECRET = "s" * 32


def test_flags_go_before_the_environment_and_that_before_defaults(tmp_path: Path) -> None:
    environ = {"UNDERVOICE_PORT": "9000", "UNDERVOICE_MODEL": "other", "XDG_STATE_HOME": str(tmp_path)}
    settings = load_settings(environ, {"port": 9001, "host": None})
    assert (settings.port, settings.model, settings.host) == (9001, "other", "127.0.0.1")
    assert (settings.sources["port"], settings.sources["model"], settings.sources["host"]) == (
        "flag",
        "environment",
        "default",
    )
    assert settings.store == f"sqlite:///{tmp_path}/undervoice/undervoice.db"
    assert settings.sources["store"] == settings.sources["secret"] == "state folder"


def test_an_empty_variable_counts_as_absent() -> None:
    assert load_settings({"UNDERVOICE_PORT": ""}).port == 8000


def test_the_state_folder_follows_home_without_xdg(tmp_path: Path) -> None:
    assert load_settings({"HOME": str(tmp_path)}).state == tmp_path / ".local" / "state" / "undervoice"


def test_every_row_is_an_attribute_with_a_source() -> None:
    settings = load_settings({})
    fields = {field.name for field in dataclasses.fields(Settings)} - {"sources"}
    assert {"given_secret" if row.name == "secret" else row.name for row in SETTINGS} == fields
    assert set(settings.sources) == {row.name for row in SETTINGS}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8_0"),
        ("STORE", "readings.db"),
        ("SECRET", "short"),
        ("ORIGINS", "*"),
        ("ORIGINS", "desk.example.com"),
        ("ORIGINS", "https://desk.example.com/path"),
        ("CONSENT", "maybe"),
        ("QUEUE_MS", "1e3"),
        ("THREADS", "0"),
        ("LOG_LEVEL", "loud"),
        ("HOST", "  "),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"UNDERVOICE_{name}") as refused:
        load_settings({f"UNDERVOICE_{name}": value})
    assert "\n" not in refused.value.message


def test_a_wrong_flag_is_refused_by_its_name() -> None:
    with pytest.raises(BadSettings, match="--port"):
        load_settings({}, {"port": "x"})
    with pytest.raises(BadSettings, match="no such setting: prot"):
        load_settings({}, {"prot": 1})


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(BadSettings) as refused:
        load_settings({"UNDERVOICE_SECRET": "hunter2"})
    assert "hunter2" not in refused.value.message


def test_no_secret_is_in_what_a_debugger_prints() -> None:
    assert SECRET not in repr(load_settings({"UNDERVOICE_SECRET": SECRET}))


@given(st.text(max_size=80))
def test_whatever_origins_say_they_are_read_or_refused(text: str) -> None:
    try:
        origins = load_settings({"UNDERVOICE_ORIGINS": text}).origins
    except BadSettings:
        return
    assert all(origin.startswith(("http://", "https://")) and origin == origin.rstrip("/") for origin in origins)


def test_origins_are_separated_by_commas_or_given_as_a_list() -> None:
    wanted = ("https://a.example", "http://b.example:8080")
    assert load_settings({"UNDERVOICE_ORIGINS": "https://A.example/, http://b.example:8080"}).origins == wanted
    assert load_settings({}, {"origins": list(wanted)}).origins == wanted


@pytest.mark.parametrize(
    "origin",
    ["https://bücher.example", "https://desk.example:443", "http://desk.example:80", "https://a/b", "null", "*"],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(BadSettings, match="must be origins"):
        load_settings({"UNDERVOICE_ORIGINS": origin})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "desk.example.com"])
def test_a_public_address_needs_a_secret_and_origins(host: str) -> None:
    environ = {"UNDERVOICE_HOST": host}
    with pytest.raises(BadSettings, match="UNDERVOICE_SECRET and UNDERVOICE_ORIGINS"):
        load_settings(environ)
    environ |= {"UNDERVOICE_SECRET": SECRET}
    with pytest.raises(BadSettings, match="needs UNDERVOICE_ORIGINS"):
        load_settings(environ)
    settings = load_settings(environ | {"UNDERVOICE_ORIGINS": "https://desk.example.com"})
    assert settings.secret == SECRET
    assert settings.consent_required
    assert not load_settings(environ | {"UNDERVOICE_CONSENT": "off"}, serving=False).consent_required


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_needs_nothing(host: str) -> None:
    settings = load_settings({"UNDERVOICE_HOST": host})
    assert settings.loopback
    assert not settings.consent_required
    assert load_settings({"UNDERVOICE_CONSENT": "required"}).consent_required


def test_a_made_secret_is_kept_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    environ = {"UNDERVOICE_STATE": str(tmp_path / "state")}
    secret = load_settings(environ).secret
    assert len(secret) >= 32
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "secret").stat().st_mode) == 0o600
    assert load_settings(environ).secret == secret
    assert os.listdir(tmp_path / "state") == ["secret"]


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    environ = {"UNDERVOICE_STATE": str(tmp_path)}
    assert load_settings(environ).secret
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(BadSettings, match="chmod 600"):
        _ = load_settings(environ).secret


def test_a_broken_state_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    with pytest.raises(BadSettings, match="no usable secret"):
        _ = load_settings({"UNDERVOICE_STATE": str(tmp_path)}).secret
    with pytest.raises(BadSettings, match="state folder cannot be used"):
        _ = load_settings({"UNDERVOICE_STATE": str(tmp_path / "secret" / "deeper")}).secret


def test_whoever_is_late_with_a_secret_leaves_the_first_one(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path)
    _make_secret(tmp_path / "secret")
    assert kept_secret(tmp_path) == secret
    assert os.listdir(tmp_path) == ["secret"]


def _secret_of(state: str) -> str:
    return load_settings({"UNDERVOICE_STATE": state}).secret


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    states = [str(tmp_path / str(number)) for number in range(40)]
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        secrets = list(pool.map(_secret_of, [state for state in states for _ in range(4)]))
    for number, state in enumerate(states):
        assert len(set(secrets[4 * number : 4 * number + 4])) == 1
        assert os.listdir(state) == ["secret"]
    assert len(set(secrets)) == len(states)


def test_by_default_the_accurate_model_has_the_compact_one_beside_it() -> None:
    names = [folder.name for folder in load_settings({}).model_folders]
    there = (REPOSITORY / "models" / "accurate").is_dir()
    assert names == (["accurate", "compact"] if there else ["compact"])


def test_a_model_is_a_name_or_a_path(tmp_path: Path) -> None:
    assert [folder.name for folder in load_settings({"UNDERVOICE_MODEL": "compact"}).model_folders] == ["compact"]
    assert load_settings({"UNDERVOICE_MODEL": str(tmp_path)}).model_folders == (tmp_path,)
    assert (load_settings({}).widget_folder / "demo").is_dir()
    for missing in ("nothing-of-that-name", str(tmp_path / "nowhere")):
        with pytest.raises(BadSettings, match="UNDERVOICE_MODEL"):
            _ = load_settings({"UNDERVOICE_MODEL": missing}).model_folders
