"""The configuration in force: flags, environment and defaults, read by the table in ``options.py``.

Nothing else in the product reads the environment.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from undervoice import places
from undervoice.errors import BadSettings
from undervoice.options import PREFIX, SETTINGS, Setting
from undervoice.secret import kept_secret
from undervoice.terms import Severity
from undervoice.triage import Weights

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
    subjects: tuple[str, ...]
    model: str
    state: Path
    threads: int
    workers: int
    queue_ms: int
    max_calls: int
    max_call_sec: int
    max_frame_bytes: int
    max_clip_bytes: int
    start_sec: int
    idle_sec: int
    drain_sec: int
    retention_days: int
    outbox: Path | None
    outbox_mb: int
    outbox_hours: int
    fsync: Literal["normal", "full"]
    audit: Path | None
    previous_secret: str | None = field(repr=False)
    jwks: str | None
    issuer: str | None
    audience: str
    revoked: Path | None
    requests_per_sec: int
    upload_mb_per_min: int
    rules: Path | None
    webhooks: tuple[str, ...] = field(repr=False)
    webhook_secret: tuple[bytes, ...] = field(repr=False)
    webhook_severity: Severity
    webhook_hours: int
    redis: str | None = field(repr=False)
    metrics_token: str | None = field(repr=False)
    min_calls: int
    upset_weight: int
    arousal_weight: int
    words_weight: int
    age_step: int
    queue_hours: int
    log_level: str
    log_format: Literal["text", "json"]
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
    def weights(self) -> Weights:
        """What counts how much in a priority."""
        return Weights(self.upset_weight, self.arousal_weight, self.words_weight, self.age_step)

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """The folders of the models that score, the chosen one first."""
        return places.model_folders(self.model)

    @property
    def rules_file(self) -> Path:
        """The file of the alert rules in force."""
        return self.rules or places.RULES_FILE

    @property
    def widget_folder(self) -> Path:
        """The folder of the pages and modules for browsers."""
        return places.widget_folder()

    @property
    def board_folder(self) -> Path:
        """The folder of the supervisor's board."""
        return places.board_folder()


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
    if settings.webhooks and not settings.webhook_secret:
        raise BadSettings(f"{PREFIX}WEBHOOKS needs {PREFIX}WEBHOOK_SECRET: nobody could tell our alerts from others'")
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
    for name, place in (("outbox", "outbox.db"), ("audit", "audit")):
        if values[name] is None and sources[name] == "default":
            values[name] = values["state"] / place
            sources[name] = "state folder"
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
