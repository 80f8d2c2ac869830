"""Every setting, once: the table feeds the environment, the command line and the README.

Nothing else in the product reads the environment. Rows are in the order in which people need them.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from undervoice import places
from undervoice.auth import LEAST_SECRET_BYTES, kept_secret
from undervoice.errors import BadSettings

PREFIX = "UNDERVOICE_"


def _text(value: object) -> str:
    if not str(value).strip():
        raise ValueError("must not be empty")
    return str(value).strip()


def _integer(least: int, most: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not re.fullmatch(r"-?\d{1,18}", str(value).strip()) or not least <= int(str(value)) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(str(value))

    return parse


def _choice(*known: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if str(value) not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return str(value)

    return parse


def _folder(value: object) -> Path:
    return Path(_text(value)).expanduser().absolute()


def _store(value: object) -> str:
    if "://" not in str(value):
        raise ValueError("must be sqlite:///PATH or firestore://PROJECT")
    return str(value)


def _secret(value: object) -> str:
    if len(str(value).encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {LEAST_SECRET_BYTES} bytes")
    return str(value)


def _origins(value: object) -> tuple[str, ...]:
    parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    origins = tuple(part.rstrip("/").lower() for part in parts if part)
    for origin in origins:
        if not re.fullmatch(r"https?://[^/?#@\s*]+", origin):
            raise ValueError("must be origins such as https://desk.example.com, separated by commas")
    return origins


@dataclass(frozen=True)
class Setting:
    """One row: how a setting is named, read and explained."""

    name: str
    parse: Callable[[object], object]
    default: object
    """``None`` where it follows from other settings; ``shown`` then says how."""
    help: str
    shown: str = ""
    secret: bool = False
    flag: bool = False
    """Whether ``undervoice serve`` takes it as ``--name``."""

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    @property
    def default_text(self) -> str:
        """Its default in words, the same on every machine."""
        return self.shown or str(self.default)


SETTINGS: tuple[Setting, ...] = (
    Setting("host", _text, "127.0.0.1", "address to listen on", flag=True),
    Setting("port", _integer(0, 65_535), 8000, "port to listen on; 0: any free one", flag=True),
    Setting("store", _store, None, "where readings stay: sqlite:///PATH or firestore://PROJECT",
            shown="undervoice.db in the state folder", flag=True),
    Setting("secret", _secret, None, "signs the tokens, at least 32 bytes",
            shown="made once, kept in the state folder", secret=True),
    Setting("origins", _origins, (), "pages of other origins that may use the service, separated by commas",
            shown="none", flag=True),
    Setting("trusted_proxies", _text, "127.0.0.1",
            "addresses of proxies, separated by commas, whose word on a client's address counts"),
    Setting("consent", _choice("auto", "off", "required"), "auto",
            "whether a call must state its consent; auto: required off loopback", flag=True),
    Setting("model", _text, places.AUTO, "model that scores: accurate, compact, or the path of a folder; "
            "auto: accurate, with compact for provisional readings and under load", flag=True),
    Setting("state", _folder, None, "folder for the secret and the default store",
            shown="~/.local/state/undervoice", flag=True),
    Setting("threads", _integer(1, 256), None, "threads that score", shown="one per core", flag=True),
    Setting("queue_ms", _integer(50, 60_000), 400, "most work that may wait for scoring, in milliseconds"),
    Setting("max_calls", _integer(1, 100_000), 2000, "calls held at a time"),
    Setting("max_call_sec", _integer(1, 86_400), 14_400, "longest call, in seconds"),
    Setting("max_frame_bytes", _integer(1024, 16_777_216), 262_144, "largest frame of a live call, in bytes"),
    Setting("max_clip_bytes", _integer(1024, 1_073_741_824), 25 * 1024 * 1024, "largest clip, in bytes"),
    Setting("start_sec", _integer(1, 600), 5, "seconds within which a connection must send its start"),
    Setting("idle_sec", _integer(1, 3600), 60, "seconds without any message after which a call is closed"),
    Setting("min_calls", _integer(1, 1_000_000), 20, "calls that a figure must rest on to be shown"),
    Setting("log_level", _choice("debug", "info", "warning", "error"), "info", "how much is logged", flag=True),
)  # fmt: skip
"""All settings. A row here is a variable, a line of ``undervoice settings`` and of the README."""

Source = Literal["default", "environment", "flag", "state folder"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration in force; ``sources`` says where each value came from."""

    host: str
    port: int
    store: str
    given_secret: str | None = field(repr=False)
    origins: tuple[str, ...]
    trusted_proxies: str
    consent: Literal["auto", "off", "required"]
    model: str
    state: Path
    threads: int
    queue_ms: int
    max_calls: int
    max_call_sec: int
    max_frame_bytes: int
    max_clip_bytes: int
    start_sec: int
    idle_sec: int
    min_calls: int
    log_level: str
    sources: Mapping[str, Source]

    @cached_property
    def secret(self) -> str:
        """What signs the tokens; made and kept in the state folder at first use where none is given."""
        return self.given_secret or kept_secret(self.state)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def consent_required(self) -> bool:
        """Whether ``start`` must state on what ground the customer is heard."""
        return self.consent == "required" or (self.consent == "auto" and not self.loopback)

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """The folders of the models that score, the chosen one first."""
        return places.model_folders(self.model)

    @property
    def widget_folder(self) -> Path:
        """The folder of the pages and modules for browsers."""
        return places.widget_folder()


def load_settings(
    environ: Mapping[str, str], overrides: Mapping[str, object] | None = None, *, serving: bool = True
) -> Settings:
    """Return the settings in force: overrides (flags), then the environment, then defaults.

    Args:
        environ: the process's environment; an empty variable counts as absent.
        overrides: values by name; ``None`` counts as absent.
        serving: false for commands that listen nowhere, so that the address need not be safe.

    Raises:
        BadSettings: in one line that names the variable.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for row in SETTINGS:
        given, sources[row.name] = _given(row, environ, overrides or {})
        values[row.name] = row.default if given is None else _parsed(row, given, sources[row.name])
    unknown = set(overrides or {}) - set(values)
    if unknown:
        raise BadSettings(f"no such setting: {', '.join(sorted(unknown))}")
    _complete(values, sources, environ)
    settings = Settings(**values, sources=sources)
    if serving:
        _check_address(settings)
    return settings


def _given(row: Setting, environ: Mapping[str, str], overrides: Mapping[str, object]) -> tuple[object, Source]:
    if overrides.get(row.name) is not None:
        return overrides[row.name], "flag"
    if environ.get(row.variable):
        return environ[row.variable], "environment"
    return None, "default"


def _parsed(row: Setting, given: object, source: Source) -> object:
    try:
        return row.parse(given)
    except (TypeError, ValueError) as error:
        name = f"--{row.name.replace('_', '-')}" if source == "flag" and row.flag else row.variable
        shown = "" if row.secret else f", not {str(given)[:80]!r}"
        raise BadSettings(f"{name} {error}{shown}") from None


def _complete(values: dict[str, Any], sources: dict[str, Source], environ: Mapping[str, str]) -> None:
    """Fill in the defaults that follow from the machine or from other settings."""
    if values["state"] is None:
        home = Path(environ.get("HOME") or Path.home())
        values["state"] = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "undervoice"
    if values["store"] is None:
        values["store"] = f"sqlite:///{values['state'] / 'undervoice.db'}"
        sources["store"] = "state folder"
    if values["threads"] is None:
        values["threads"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    values["given_secret"] = values.pop("secret")
    if values["given_secret"] is None:
        sources["secret"] = "state folder"  # noqa: S105 - where it lies, not what it is


def _check_address(settings: Settings) -> None:
    """Refuse to be reachable from elsewhere without a secret and origins that somebody chose."""
    wanted = [f"{PREFIX}SECRET"] * (settings.given_secret is None) + [f"{PREFIX}ORIGINS"] * (not settings.origins)
    if not settings.loopback and wanted:
        raise BadSettings(f"{PREFIX}HOST {settings.host} is a public address: it needs {' and '.join(wanted)}")
