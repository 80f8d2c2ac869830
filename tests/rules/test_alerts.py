"""Alerts fire when all that their rule asks for holds, and then keep quiet for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.made import CLEAR, RULES, reading
from undervoice.alerts import AlertMemory, Conditions, Rule, Watch
from undervoice.emotion import Quality
from undervoice.errors import BadSettings
from undervoice.messages import Alert, Mood
from undervoice.rulebook import MOST_AUDIO_RULES, MOST_RULES, parse_rules, read_rules
from undervoice.terms import MoodState

Fired = list[tuple[str, float]]


def mood(state: MoodState = "calm", since: float = 0.0, score: float = 0.2) -> Mood:
    return Mood(state=state, since_sec=since, upset_score=score, upset_sec=0.0, trend=0.0, priority=0.0)


def hear(watch: Watch, at: float, *what: Any, seconds: float = 1.0, quality: Quality = CLEAR) -> Fired:
    """Let a reading end at a place, the mood after it being (state, since, score)."""
    return named(watch.hear(reading(at - seconds, at, quality=quality), mood(*what)))


def named(alerts: list[Alert]) -> Fired:
    return [(alert.rule, alert.offset_sec) for alert in alerts]


def fired(watch: Watch, *steps: tuple[Any, ...]) -> Fired:
    """Show moods as (offset, state, since, score); return what fires and when."""
    return [alert for at, *what in steps for alert in hear(watch, at, *what)]


def only(**conditions: Any) -> Watch:
    """Return a watch with one rule that never keeps quiet."""
    return Watch((Rule("own", "info", "Own.", cooldown_sec=0.0, when=Conditions(**conditions)),))


# ---------------------------------------------------------------- moods


def test_a_customer_who_stays_upset_raises_a_warning_and_then_a_critical_alert() -> None:
    steps = [(float(at), "upset", 0.0, 0.7) for at in range(2, 60, 2)]
    assert fired(Watch(RULES), *steps) == [("sustained_upset", 10.0), ("long_upset", 30.0)]


def test_the_cooldown_keeps_a_rule_quiet() -> None:
    steps = [(float(at), "upset", 0.0, 0.7) for at in range(2, 200, 2)]
    at = [when for name, when in fired(Watch(RULES), *steps) if name == "sustained_upset"]
    assert at == [10.0, 70.0, 130.0, 190.0]


def test_a_mood_that_turns_quickly_raises_an_alert() -> None:
    assert fired(Watch(RULES), (2.5, "calm", 0.0, 0.1), (5.0, "tense", 5.0, 0.45)) == [("sudden_drop", 5.0)]
    slow = [(10.0 * n, "calm", 0.0, 0.1 * n) for n in range(1, 6)]
    assert fired(Watch(RULES), *slow) == []


@given(st.lists(st.tuples(st.floats(0.5, 6.0), st.floats(0.0, 1.0)), min_size=1, max_size=40))
def test_a_rise_is_one_over_the_lowest_score_of_its_time(steps: list[tuple[float, float]]) -> None:
    watch, at, seen = only(rise=0.3, within_sec=10.0), 0.0, list[tuple[float, float]]()
    for seconds, score in steps:
        at = round(at + seconds, 3)
        seen.append((at, score))
        lowest = min(score for when, score in seen if at - when <= 10.0)
        assert bool(hear(watch, at, "calm", 0.0, score)) == (score - lowest >= 0.3)


def test_recovery_is_told_once_when_it_happens() -> None:
    steps = [(10.0, "recovering", 8.0, 0.45), (20.0, "calm", 18.0, 0.3), (60.0, "calm", 18.0, 0.1)]
    assert fired(Watch(RULES), *steps) == [("recovered", 20.0)]
    assert fired(Watch(RULES), (20.0, "calm", 0.0, 0.3)) == []


# ---------------------------------------------------------------- silence


def test_silence_raises_an_alert_again_and_again_while_it_lasts() -> None:
    watch = Watch(RULES)
    told = [alert for n in range(1, 49) for alert in named(watch.wait(5.0 * n, 100.0 + 5.0 * n))]
    assert told == [("silence", 160.0), ("silence", 280.0)]


def test_silence_may_ask_for_the_mood_before_it() -> None:
    watch = only(silent_sec=10.0, state="upset")
    hear(watch, 2.5, "calm")
    assert watch.wait(20.0, 22.5) == []
    hear(watch, 25.0, "upset", 23.0, 0.7)
    assert named(watch.wait(5.0, 30.0)) == []
    assert named(watch.wait(10.0, 35.0)) == [("own", 35.0)]


def test_a_place_that_is_looked_at_twice_fires_nothing_twice() -> None:
    watch = only(silent_sec=5.0)
    assert named(watch.wait(5.0, 10.0)) == [("own", 10.0)]
    assert watch.wait(5.0, 10.0) == []
    assert named(watch.wait(10.0, 15.0)) == [("own", 15.0)]


# ---------------------------------------------------------------- bad audio

GOOD = Quality(level_dbfs=-25.0, snr_db=20.0)
BAD = {
    "too_quiet": Quality(level_dbfs=-50.0, snr_db=20.0),
    "clipping": Quality(level_dbfs=-5.0, snr_db=20.0, clipped=0.05),
    "noisy_line": Quality(level_dbfs=-25.0, snr_db=3.0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_audio_raises_its_alert_once_it_has_lasted(name: str) -> None:
    (rule,) = [rule for rule in RULES if rule.name == name]
    watch, lasts = Watch(RULES), rule.when.speech_sec
    heard = [(at, hear(watch, at, seconds=2.5, quality=BAD[name])) for at in (2.5 * n for n in range(1, 11))]
    assert [at for at, alerts in heard if alerts] == [lasts]
    assert heard[round(lasts / 2.5) - 1][1] == [(name, lasts)]


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.5]), st.booleans()), max_size=30))
def test_bad_audio_counts_speech_in_a_row_and_no_silence(steps: list[tuple[float, bool]]) -> None:
    watch, at, row = only(snr_below_db=6.0, speech_sec=5.0), 0.0, 0.0
    for seconds, bad in steps:
        at += seconds + 30.0
        row = row + seconds if bad else 0.0
        quality = BAD["noisy_line"] if bad else GOOD
        assert bool(hear(watch, at, seconds=seconds, quality=quality)) == (row >= 5.0)


def test_conditions_hold_together() -> None:
    watch = only(level_below_dbfs=-40.0, snr_below_db=6.0, speech_sec=1.0, state="upset")
    assert hear(watch, 1.0, "upset", quality=BAD["noisy_line"]) == []
    assert hear(watch, 2.0, "upset", quality=BAD["too_quiet"]) == []
    both = Quality(level_dbfs=-50.0, snr_db=3.0)
    assert hear(watch, 3.0, "calm", quality=both) == []
    assert hear(watch, 4.0, "upset", quality=both) == [("own", 4.0)]


# ---------------------------------------------------------------- memory


def test_a_watch_goes_on_from_its_memory() -> None:
    watch = Watch(RULES)
    hear(watch, 12.0, "upset", 0.0, 0.7)
    carried = msgspec.json.decode(msgspec.json.encode(watch.memory), type=AlertMemory)
    assert hear(Watch(RULES, carried), 20.0, "upset", 0.0, 0.7) == []
    assert hear(Watch(RULES), 20.0, "upset", 0.0, 0.7) == [("sustained_upset", 20.0)]


def test_what_an_earlier_version_remembered_is_still_understood() -> None:
    old = b'{"fired":{"sustained_upset":12.0},"scores":[[12.0,0.7]],"state":"upset","came_from":"calm"}'
    memory = msgspec.json.decode(old, type=AlertMemory)
    assert hear(Watch(RULES, memory), 20.0, "upset", 0.0, 0.7) == []
    assert hear(Watch(RULES, memory), 72.0, "upset", 0.0, 0.7) == [("sustained_upset", 72.0), ("long_upset", 72.0)]


def test_what_has_cooled_down_is_forgotten() -> None:
    watch = Watch(RULES)
    hear(watch, 12.0, "upset", 0.0, 0.7)
    hear(watch, 200.0, "calm")
    assert watch.memory.fired == {}


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_speaks_to_the_agent(rule: Rule) -> None:
    assert rule.message.endswith((".", "?"))
    assert rule.cooldown_sec >= 30


def test_the_rules_that_integrators_know_keep_their_names_and_severities() -> None:
    known = [(rule.name, rule.severity) for rule in RULES[:4]]
    assert known == [
        ("sustained_upset", "warning"),
        ("long_upset", "critical"),
        ("sudden_drop", "warning"),
        ("recovered", "info"),
    ]


def test_a_deployment_may_have_its_own_rules(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[cross]\nseverity = "info"\nmessage = "Cross."\nactions = ["open_kb"]\ncooldown_sec = 0\n'
        'when = { state = "tense", held_sec = 2 }\n'
    )
    when = Conditions(state="tense", held_sec=2.0)
    assert read_rules(file) == (Rule("cross", "info", "Cross.", ("open_kb",), 0.0, when),)
    file.write_text("# nobody wants to be told\n")
    assert read_rules(file) == ()


TABLE = {"severity": '"info"', "message": '"Own."', "when": '{ state = "upset" }'}


def written(name: str = "own", **keys: str | None) -> bytes:
    lines = [f"{key} = {value}" for key, value in (TABLE | keys).items() if value is not None]
    return "\n".join([f"[{name}]", *lines]).encode()


WRONG = {
    "sevrity": (written(sevrity="1"), "rule own: has the unknown key `sevrity`"),
    "when.colour": (written(when='{ colour = "red" }'), "rule own: when: has the unknown key `colour`"),
    "severity": (written(severity='"huge"'), "rule own: severity: Invalid enum value 'huge'"),
    "no message": (written(message=None), "rule own: lacks the key `message`"),
    "an empty message": (written(message='""'), "rule own: message: Expected `str` of length >= 1"),
    "a word for a number": (written(cooldown_sec='"long"'), "rule own: cooldown_sec: Expected `float`, got `str`"),
    "no number": (written(when="{ rise = nan }"), "rule own: when.rise: Expected `float` > 0.0"),
    "too far": (written(when="{ rise = 0.3, within_sec = 31 }"), "rule own: when.within_sec: Expected `float` <= 30.0"),
    "an action's name": (written(actions='["Open KB"]'), r"rule own: actions\[0\]: Expected `str` matching"),
    "no condition": (written(when="{}"), "rule own: when: names no condition"),
    "held, but what": (written(when="{ held_sec = 3 }"), "rule own: when.held_sec: goes with state"),
    "within what": (written(when='{ state = "upset", within_sec = 3 }'), "rule own: when.within_sec: goes with rise"),
    "no time": (written(when="{ snr_below_db = 3 }"), "rule own: when.speech_sec: goes with"),
    "time of nothing": (written(when="{ speech_sec = 3 }"), "rule own: when.speech_sec: goes with"),
    "silence and speech": (written(when="{ silent_sec = 9, rise = 0.3 }"), "rule own: when.silent_sec: .* with rise"),
    "never": (written(when='{ state = "calm", after = "calm" }'), "rule own: when.after: .* never fire"),
    "never held": (written(when='{ state = "calm", after = "upset", held_sec = 3 }'), "rule own: when.after: .* never"),
    "a name": (written("Own"), "rule 'Own': a name is up to 24 small letters"),
    "a long name": (written("o" * 25), "a name is up to 24 small letters"),
    "no table": (b"own = 1", "own: not a key of a rule"),
    "twice": (written() + b"\n" + written(), "Cannot declare .'own',. twice"),
    "no TOML": (b"[own", "at end of document"),
    "no text": (b"\xff\xfe", "it is no TOML: UnicodeDecodeError"),
    "deep": (b"a=" + b"[" * 10_000, "it is no TOML: RecursionError"),
    "too many": (b"\n".join(written(f"r{n}") for n in range(MOST_RULES + 1)), "17 rules, and 16 may be in force"),
    "too many of one kind": (
        b"\n".join(written(f"r{n}", when="{ snr_below_db = 3, speech_sec = 9 }") for n in range(MOST_AUDIO_RULES + 1)),
        "6 rules at most may ask for speech_sec",
    ),
    "another file": (b"#" * 300_000, "larger than 262144 bytes"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_refused_in_a_line_that_names_it(tmp_path: Path, wrong: str) -> None:
    content, told = WRONG[wrong]
    file = tmp_path / "rules.toml"
    file.write_bytes(content)
    with pytest.raises(BadSettings, match=told) as refused:
        read_rules(file)
    assert refused.value.message.startswith(f"{file}: ")
    assert "\n" not in refused.value.message


def test_a_missing_file_is_told() -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.toml cannot be read: No such file"):
        read_rules(Path("nowhere.toml"))


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes) -> None:
    try:
        parse_rules(content)
    except ValueError as error:
        told = str(error)
    else:
        return
    assert told
    assert "\n" not in told
