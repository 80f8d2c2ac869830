"""``undervoice rules`` as people run it, on calls that a real session raised alerts in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Finished
from tests.rules.made import CLEAR, RULES, scores
from tests.rules.test_resume import POLICY, SPEECH, TOUCHY, Client, answer, start
from undervoice import messages as m
from undervoice.emotion import SAMPLE_RATE, Quality, Scores, Segment
from undervoice.places import RULES_FILE
from undervoice.replay import replay
from undervoice.resources import Call, LoggedSegment
from undervoice.session import Session
from undervoice.store.sqlite import SqliteStore

Command = Callable[..., Finished]
NOW = datetime.now(UTC)


def played(call_id: str, began: datetime) -> tuple[Call, list[LoggedSegment]]:
    """Run a call; return its record, with what it fired, and its readings."""
    session, client = Session(POLICY, "s-1"), Client(SAMPLE_RATE)
    answer(session, session.receive(start(call_id=call_id), began))
    client.heard = answer(session, session.receive(SPEECH.tobytes(), began))
    client.heard += answer(session, session.receive(m.Stop(), began))
    readings = [session.recap.logged(told) for told in client.heard if isinstance(told, m.EmotionReading)]
    return session.call(began + timedelta(minutes=1), "stop"), [one for one in readings if one.final]


@pytest.fixture
def calls(env: dict[str, str]) -> list[Call]:
    """A store with three calls: of an hour, two days and a month ago."""
    ages = {"c-new": timedelta(hours=1), "c-older": timedelta(days=2), "c-old": timedelta(days=30)}
    pairs = [played(call_id, NOW - age) for call_id, age in ages.items()]

    folder = Path(env["UNDERVOICE_STATE"])
    folder.mkdir(mode=0o700, parents=True)

    async def save() -> None:
        store = SqliteStore(str(folder / "undervoice.db"))
        for call, readings in pairs:
            await store.save([*readings, call])
        await store.close()

    asyncio.run(save())
    return [call for call, _ in pairs]


def at_readings(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for rule in rules if not rule["silence_guessed"]]


def test_the_rules_in_force_would_do_what_they_did(undervoice: Command, calls: list[Call]) -> None:
    finished = undervoice("rules", "test", "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    told = json.loads(finished.stdout)
    assert (told["calls"], [rule["rule"] for rule in told["rules"]][:2]) == (2, ["sustained_upset", "long_upset"])
    (upset,) = [rule for rule in told["rules"] if rule["rule"] == "sustained_upset"]
    assert upset["would_fire"] == upset["fired"] > 0
    assert [call["call_id"] for call in upset["calls"]] == ["c-new", "c-older"]
    for rule in at_readings(told["rules"]):
        known = rule["rule"] in {each.name for each in RULES}
        for call in rule["calls"] if known else []:
            assert call["would_fire_sec"] == call["fired_sec"]
    gone = {rule["rule"]: (rule["would_fire"], rule["fired"]) for rule in told["rules"][len(RULES) :]}
    assert set(gone) == {"still", "poor"}, "what fired then and is no rule any more is told too"
    assert all(would == 0 < did for would, did in gone.values())


def test_other_rules_are_tried_beside_what_was_fired(undervoice: Command, calls: list[Call], tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[cross]\nseverity = "info"\nmessage = "Cross."\nwhen = { state = "upset", held_sec = 1 }\n')
    finished = undervoice("rules", "test", "--rules", file, "--since", "90d", "--calls", "1")
    assert finished.returncode == 0
    lines = finished.stdout.splitlines()
    assert lines[0].startswith("3 calls, ")
    (cross,) = [line.split() for line in lines if line.startswith("cross ")]
    assert cross[2] == "3", "in all three calls"
    assert cross[3:] == ["0", "0"]
    assert "and 2 calls more" in finished.stdout
    (upset,) = [line.split() for line in lines if line.startswith("sustained_upset ")]
    assert (upset[1], upset[4]) == ("0", "3")
    assert json.loads(undervoice("rules", "test", "--rules", file, "--since", "10m", "--json").stdout)["calls"] == 0


def test_an_empty_store_is_told_of(undervoice: Command) -> None:
    finished = undervoice("rules", "test", "--since", "2026-05-24T10:30:00Z")
    assert finished.returncode == 0
    assert "No calls since 2026-05-24T10:30:00" in finished.stderr


@pytest.mark.parametrize("wrong", ["7", "x", "-3d", "7w", "yesterday"])
def test_a_wrong_time_is_wrong_use(undervoice: Command, wrong: str) -> None:
    finished = undervoice("rules", "test", f"--since={wrong}")
    assert finished.returncode == 2
    assert "must be an age" in finished.stderr


def test_a_file_is_checked(undervoice: Command, tmp_path: Path) -> None:
    good = undervoice("rules", "check", RULES_FILE)
    assert (good.returncode, good.stdout.split(": ")[1]) == (0, f"{len(RULES)} rules")
    file = tmp_path / "own.toml"
    file.write_text('[own]\nseverity = "info"\nmessage = "Own."\nwhen = { state = "cross" }\n')
    bad = undervoice("rules", "check", file)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == f"undervoice rules: {file}: rule own: when.state: Invalid enum value 'cross'\n"
    assert undervoice("rules", "check", tmp_path / "nowhere").returncode == 2
    assert undervoice("rules").returncode == 2


# ---------------------------------------------------------------- what a replay gives

QUALITIES = st.sampled_from([CLEAR, Quality(-60.0, 30.0), Quality(-20.0, 2.0), Quality(-3.0, 20.0, clipped=0.2)])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["angry", "neutral"]), QUALITIES, st.booleans()), min_size=25, max_size=25))
def test_a_replay_of_the_stored_readings_gives_the_alerts_of_the_live_call(
    heard: list[tuple[str, Quality, bool]],
) -> None:
    session, readings, alerts = Session(POLICY, "s-1"), list[LoggedSegment](), list[m.Alert]()
    outputs = session.receive(start(), NOW) + session.receive(SPEECH.tobytes(), NOW) + session.receive(m.Stop(), NOW)
    finals = [output for output in outputs if isinstance(output, Segment) and output.final]
    for segment, (label, quality, uncertain) in zip(finals, heard, strict=False):
        said = scores(label, 0.9, uncertain=uncertain)
        told = session.scored(segment, Scores(said.probabilities, uncertain, quality, "made@1"), 5.0)
        readings += [session.recap.logged(each) for each in told if isinstance(each, m.EmotionReading)]
        alerts += [each for each in told if isinstance(each, m.Alert)]
    assert len(readings) == len(finals) > 10
    reading_rules = tuple(rule for rule in TOUCHY if not rule.when.silent_sec)
    assert replay(reading_rules, readings, session.position_sec) == alerts


def test_a_replay_tells_silence_by_the_gaps_between_readings() -> None:
    _, readings = played("c-1", NOW)
    silent = [alert for alert in replay(RULES, readings[:1], 200.0) if alert.rule == "silence"]
    assert [alert.offset_sec for alert in silent] == [readings[0].end_offset_sec + 60, readings[0].end_offset_sec + 180]
    assert [alert for alert in replay(RULES, [], 59.0) if alert.rule == "silence"] == []
