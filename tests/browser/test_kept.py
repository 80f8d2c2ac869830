"""Whatever happens to the line, a server hears each moment of a call once and in place, or is told that it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

STEP = 160
"""Call samples in one step of 10 ms, the wire's smallest."""
FRAME_STEPS = 10
KEPT_STEPS = 30 * 100

BEGIN = """async () => {
  const { Outbox } = await import('/widget/outbox.js');
  const outbox = new Outbox();
  let at = 0, line = null;
  const frame = () => {
    const steps = Int16Array.from({ length: 1600 }, (_, i) => (at + Math.floor(i / 160)) % 32768);
    at += 10;
    return steps.buffer;
  };
  const steps = (data) => [...new Int16Array(data)].filter((_, i) => i % 160 === 0);
  const acts = {
    say: (n) => { for (let k = 0; k < n; k += 1) outbox.push(frame()); },
    open: (n, full = 0) => {
      line = { bufferedAmount: full, said: [] };
      line.send = (data) => line.said.push(typeof data === 'string' ? JSON.parse(data) : steps(data));
      outbox.open(line, n);
    },
    openSlow: (n) => acts.open(n, 1e6),
    lose: () => { outbox.close(); line = null; },
    block: (n) => { if (line) line.bufferedAmount = n; },
    forget: (n) => outbox.forget(n),
    pause: () => outbox.pause(),
    resume: () => outbox.resume(),
    stop: () => outbox.stop(),
  };
  window.act = (name, n) => { acts[name](n); return { said: line ? line.said.splice(0) : [], lost: outbox.lost }; };
}"""

BACKOFF = """async ([limitMs, waits, jitter]) => {
  const { Backoff } = await import('/widget/reconnect.js');
  const backoff = new Backoff(limitMs, () => jitter);
  let now = 0;
  return waits.map((atLeast) => { const wait = backoff.next(now, atLeast); now += wait ?? 0; return wait; });
}"""

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 60)),
        st.tuples(st.sampled_from(["pause", "resume", "lose", "open", "openSlow"]), st.just(0)),
        st.tuples(st.just("block"), st.sampled_from([0, 10**6])),
        st.tuples(st.just("forget"), st.floats(0, 1)),
    ),
    max_size=25,
)


class Heard:
    """The call as a server takes it down, 10 ms after 10 ms, over one connection after another."""

    def __init__(self, act: Callable[[str, int], dict[str, Any]]) -> None:
        self._act = act
        self.steps: list[int | None] = []
        self.events: list[tuple[int, str]] = []
        self.checkpoint = 0
        self.open = False
        self.lost = 0

    def do(self, name: str, number: float = 0) -> None:
        """Let the page act, and take down what that makes it say."""
        if name == "forget":
            self.checkpoint += int((len(self.steps) - self.checkpoint) * number) if self.open else 0
            number = self.checkpoint * STEP
        if name in ("open", "openSlow"):
            number = self.checkpoint * STEP
            del self.steps[self.checkpoint :]
            # What stood just at the checkpoint is told again, and changes nothing then.
            self.events = [each for each in self.events if each[0] < self.checkpoint]
        self.open = name in ("open", "openSlow") or (self.open and name != "lose")
        answer = self._act(name, int(number))
        self.lost = answer["lost"] // STEP
        for message in answer["said"]:
            self._hear(message)

    def _hear(self, message: Any) -> None:
        if isinstance(message, list):
            self.steps += message
        elif message["type"] == "discarded":
            assert message["samples"] > 0 == message["samples"] % STEP
            self.steps += [None] * (message["samples"] // STEP)
        elif message["type"] != "ping":
            self.events.append((len(self.steps), message["type"]))


@given(acts=ACTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_moment_is_heard_once_in_its_place_or_told_to_be_gone(page: Page, acts: list[tuple[str, float]]) -> None:
    page.evaluate(BEGIN)
    heard = Heard(lambda name, number: page.evaluate("([name, n]) => act(name, n)", [name, number]))
    said: list[bool] = []
    events: list[tuple[int, str]] = []
    paused = blocked = False
    longest = 0
    for name, number in [("open", 0), *acts, ("open", 0), ("say", 1), ("stop", 0)]:
        if name in ("pause", "resume") and paused != (name == "pause"):
            paused = name == "pause"
            events.append((len(said), name))
        blocked |= number == 10**6 or name == "openSlow"
        said += [not paused] * int(number * FRAME_STEPS) if name == "say" else []
        heard.do(name, number)
        longest = max(longest, len(said) - heard.checkpoint)
    assert heard.events == [*events, (len(said), "stop")]
    assert len(heard.steps) == len(said)
    for at, (step, kept) in enumerate(zip(heard.steps, said, strict=True)):
        assert step is None or (kept and step == at)
    missing = sum(step is None and kept for step, kept in zip(heard.steps, said, strict=True))
    assert missing == heard.lost
    if not blocked and longest <= KEPT_STEPS:
        assert heard.lost == 0


def test_of_a_minute_without_a_line_the_last_half_is_kept_and_the_first_told_to_be_gone(page: Page) -> None:
    page.evaluate(BEGIN)
    heard = Heard(lambda name, number: page.evaluate("([name, n]) => act(name, n)", [name, number]))
    for name, number in (("open", 0), ("say", 100), ("lose", 0), ("say", 500), ("open", 0), ("stop", 0)):
        heard.do(name, number)
    assert heard.steps == [None] * KEPT_STEPS + list(range(KEPT_STEPS, 2 * KEPT_STEPS))
    assert heard.lost == KEPT_STEPS


def test_what_was_kept_may_wait_for_a_slow_line_and_what_comes_after_it_may_not(page: Page) -> None:
    page.evaluate(BEGIN)
    heard = Heard(lambda name, number: page.evaluate("([name, n]) => act(name, n)", [name, number]))
    for name, number in (("open", 0), ("lose", 0), ("say", 100), ("openSlow", 0), ("say", 60)):
        heard.do(name, number)
    assert (heard.steps, heard.lost) == ([], 0)
    for name, number in (("block", 0), ("say", 1), ("block", 10**6), ("say", 60)):
        heard.do(name, number)
    assert heard.steps == list(range(161 * FRAME_STEPS))
    assert heard.lost == (60 - 20) * FRAME_STEPS


@given(waits=st.lists(st.sampled_from([0, 0, 0, 30_000]), min_size=1, max_size=30), jitter=st.floats(0, 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tries_spread_out_heed_the_server_and_come_to_an_end(page: Page, waits: list[int], jitter: float) -> None:
    limit = 60_000
    told = page.evaluate(BACKOFF, [limit, waits, jitter])
    passed = 0.0
    for n, (wait, asked) in enumerate(zip(told, waits, strict=True)):
        if passed >= limit:
            assert wait is None
            continue
        most = min(10_000, 500 * 2**n)
        least = most / 2 if n else 0
        assert wait == pytest.approx(min(limit - passed, asked + least + jitter * (most - least)))
        passed += wait
