"""The file of alert rules: TOML, one table a rule. What it may say is explained in ``rules.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec

from undervoice.alerts import Conditions, Rule
from undervoice.errors import BadSettings
from undervoice.resources import RuleInForce
from undervoice.terms import MoodState, Severity

MOST_RULES, MOST_AUDIO_RULES = 16, 6
"""Rules that may be in force, and those of bad audio among them: a checkpoint, which carries where each stands,
has little room."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
LONGEST_FILE = 256 * 1024
"""Bytes; whoever names the file means well, but may name the wrong one."""

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Action = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.:-]{0,63}\Z")]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule's conditions as they are written; those that are given hold all together."""

    state: MoodState | None = None
    after: MoodState | None = None
    held_sec: Seconds | None = None
    rise: Share | None = None
    within_sec: Annotated[float, msgspec.Meta(gt=0, le=30)] | None = None
    level_below_dbfs: Annotated[float, msgspec.Meta(ge=-100, le=0)] | None = None
    snr_below_db: Annotated[float, msgspec.Meta(ge=-100, le=100)] | None = None
    clipped_above: Annotated[float, msgspec.Meta(ge=0, lt=1)] | None = None
    speech_sec: Seconds | None = None
    silent_sec: Annotated[float, msgspec.Meta(ge=5, le=3600)] | None = None


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it is written."""

    severity: Severity
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    when: When
    actions: Annotated[tuple[Action, ...], msgspec.Meta(max_length=8)] = ()
    cooldown_sec: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Return the rules of a file in its order; an empty file has none.

    Raises:
        BadSettings: in one line that names the file, the rule and the key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from None
    try:
        return parse_rules(content)
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from None


def parse_rules(content: bytes) -> tuple[Rule, ...]:
    """Return the rules of a file's bytes.

    Raises:
        ValueError: in one line that names the rule and the key.
    """
    if len(content) > LONGEST_FILE:
        raise ValueError(f"it is larger than {LONGEST_FILE} bytes")
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (UnicodeError, RecursionError) as error:
        raise ValueError(f"it is no TOML: {type(error).__name__}") from None
    if len(tables) > MOST_RULES:
        raise ValueError(f"it has {len(tables)} rules, and {MOST_RULES} may be in force")
    rules = tuple(_rule(name, table) for name, table in tables.items())
    if sum(rule.when.speech_sec > 0 for rule in rules) > MOST_AUDIO_RULES:
        raise ValueError(f"{MOST_AUDIO_RULES} rules at most may ask for speech_sec")
    return rules


def written(rule: Rule) -> RuleInForce:
    """Return a rule as a file says it, with the conditions that it asks for alone."""
    nothing = asdict(Conditions())
    asked = {name: value for name, value in asdict(rule.when).items() if value != nothing[name]}
    if rule.when.rise:
        asked["within_sec"] = rule.when.within_sec
    return RuleInForce(rule.name, rule.severity, rule.message, rule.actions, rule.cooldown_sec, asked)


def _rule(name: str, table: Any) -> Rule:
    if not NAME.fullmatch(name):
        raise ValueError(f"rule {name!r:.80}: a name is up to 24 small letters, digits and _")
    if not isinstance(table, dict):
        raise ValueError(f"{name}: not a key of a rule: rules are tables, [{name}]")  # noqa: TRY004 - a file's fault
    try:
        found = msgspec.convert(table, Table)
        _check(found.when)
    except ValueError as error:
        raise ValueError(f"rule {name}: {_told(error)}") from None
    given = {key: value for key, value in msgspec.structs.asdict(found.when).items() if value is not None}
    return Rule(name, found.severity, found.message, found.actions, found.cooldown_sec, Conditions(**given))


def _check(when: When) -> None:
    """Refuse what would never fire, always fire, or leave a key without any effect."""
    given = {name for name, value in msgspec.structs.asdict(when).items() if value is not None}
    heard = given & {"level_below_dbfs", "snr_below_db", "clipped_above"}
    if not given:
        raise ValueError("when: names no condition")
    if "silent_sec" in given and given - {"silent_sec", "state"}:
        raise ValueError(f"when.silent_sec: goes with state alone, not with {min(given - {'silent_sec', 'state'})}")
    if bool(heard) != ("speech_sec" in given):
        raise ValueError("when.speech_sec: goes with level_below_dbfs, snr_below_db or clipped_above, and each with it")
    for name, wanted in (("held_sec", "state"), ("within_sec", "rise")):
        if name in given and wanted not in given:
            raise ValueError(f"when.{name}: goes with {wanted}, which is not given")
    if when.after is not None and when.after == when.state:
        raise ValueError("when.after: is the same as state, so it would never fire")
    if when.after is not None and when.held_sec is not None:
        raise ValueError("when.after: holds where the state has just changed, so it would never fire with held_sec")


def _told(error: ValueError) -> str:
    """Return a library's words with the key in front."""
    text = str(error).replace("Object contains unknown field", "has the unknown key")
    text = text.replace("Object missing required field", "lacks the key")
    words, _, place = text.partition(" - at `$.")
    return f"{place.rstrip('`')}: {words}" if place else words
