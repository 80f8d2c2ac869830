"""Alerts fire when their row holds, and then keep quiet for a while."""

from __future__ import annotations

import msgspec
import pytest

from undervoice.alerts import RULES, AlertMemory, Rule, Watch
from undervoice.messages import Mood, MoodState


def mood(state: MoodState, since: float, score: float) -> Mood:
    return Mood(state=state, since_sec=since, upset_score=score, upset_sec=0.0, trend=0.0, priority=0.0)


def fired(watch: Watch, *steps: tuple[float, MoodState, float, float]) -> list[tuple[str, float]]:
    """Show moods as (offset, state, since, score); return what fires and when."""
    return [(alert.rule, at) for at, *what in steps for alert in watch.see(mood(*what), at)]  # type: ignore[arg-type]


def test_a_customer_who_stays_upset_raises_a_warning_and_then_a_critical_alert() -> None:
    steps = [(float(at), "upset", 0.0, 0.7) for at in range(2, 60, 2)]
    assert fired(Watch(), *steps) == [("sustained_upset", 10.0), ("long_upset", 30.0)]  # type: ignore[arg-type]


def test_the_cooldown_keeps_a_rule_quiet() -> None:
    steps = [(float(at), "upset", 0.0, 0.7) for at in range(2, 200, 2)]
    at = [when for name, when in fired(Watch(), *steps) if name == "sustained_upset"]  # type: ignore[arg-type]
    assert at == [10.0, 70.0, 130.0, 190.0]


def test_a_mood_that_turns_quickly_raises_an_alert() -> None:
    assert fired(Watch(), (2.5, "calm", 0.0, 0.1), (5.0, "tense", 5.0, 0.45)) == [("sudden_drop", 5.0)]
    slow = [(10.0 * n, "calm", 0.0, 0.1 * n) for n in range(1, 6)]
    assert fired(Watch(), *slow) == []  # type: ignore[arg-type]


def test_recovery_is_told_once_when_it_happens() -> None:
    steps = [(10.0, "recovering", 8.0, 0.45), (20.0, "calm", 18.0, 0.3), (60.0, "calm", 18.0, 0.1)]
    assert fired(Watch(), *steps) == [("recovered", 20.0)]  # type: ignore[arg-type]
    assert fired(Watch(), (20.0, "calm", 0.0, 0.3)) == []


def test_a_watch_goes_on_from_its_memory() -> None:
    watch = Watch()
    watch.see(mood("upset", 0.0, 0.7), 12.0)
    carried = msgspec.json.decode(msgspec.json.encode(watch.memory), type=AlertMemory)
    assert Watch(memory=carried).see(mood("upset", 0.0, 0.7), 20.0) == []
    assert Watch().see(mood("upset", 0.0, 0.7), 20.0)


def test_a_deployment_may_have_its_own_rules() -> None:
    own = Rule("own", "info", "Own.", cooldown_sec=0.0, state="tense")
    assert fired(Watch((own,)), (1.0, "tense", 0.0, 0.5)) == [("own", 1.0)]
    assert fired(Watch(()), (1.0, "tense", 0.0, 0.5)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_speaks_to_the_agent(rule: Rule) -> None:
    assert rule.message.endswith(".")
    assert rule.cooldown_sec >= 30
