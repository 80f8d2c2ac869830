"""Which losses are worth another try, with which token, how soon and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import visiting
from tests.browser.lines import line_to
from tests.browser.processes import Service
from tests.browser.scripted import Scripted, Turn, scripted

pytestmark = pytest.mark.browser

BEGIN = """async ([tokens, giveUpMs, jitter, frameMs]) => {
  const { Link } = await import('/widget/link.js');
  window.link?.close();
  clearInterval(window.feeding);
  Math.random = () => jitter;
  window.seen = [];
  window.waitedMs = [];
  let lostMs = 0, step = 0;
  const freshToken = async () => {
    waitedMs.push(performance.now() - lostMs);
    const token = tokens.length > 1 ? tokens.shift() : tokens[0];
    if (token === 'broken') throw new Error('no token service');
    return token;
  };
  window.link = new Link({
    server: location.origin + '/', token: 'first', freshToken, start: { call_id: 'c-1', agent_id: 'a-1' }, giveUpMs,
    onMessage: (message) => seen.push(message.type),
    onAway: () => { lostMs = performance.now(); window.lostAt = step; seen.push('away'); },
    onEnded: (failure) => { clearInterval(feeding); seen.push(failure ? failure.state : 'ended'); },
  });
  window.say = (frames) => {
    for (let k = 0; k < frames; k += 1) {
      link.send(Int16Array.from({ length: 1600 }, (_, i) => step + Math.floor(i / 160)).buffer);
      step += 10;
    }
  };
  window.feeding = setInterval(() => say(1), frameMs);
}"""
UNTIL = "([type, count]) => seen.filter((each) => each === type).length >= count"


@pytest.fixture(scope="module")
def stage(browser: Browser, service: Service) -> Iterator[tuple[Page, Scripted]]:
    """A page of the real service whose line then leads to a scripted one."""
    with (
        scripted() as server,
        line_to(service.port) as line,
        visiting(browser, f"http://127.0.0.1:{line.port}/") as page,
    ):
        page.evaluate("import('/widget/link.js')")
        line.target = server.port
        line.cut()
        yield page, server
        page.evaluate("{ link.close(); clearInterval(feeding); }")


def begin(page: Page, *tokens: str, give_up_ms: int = 60_000, jitter: float = 0, frame_ms: int = 10) -> None:
    page.evaluate(BEGIN, [list(tokens or ["first"]), give_up_ms, jitter, frame_ms])


def seen(page: Page, kind: str, count: int = 1, seconds: float = 10) -> list[str]:
    """Wait until the call has seen this, and return all that it saw."""
    page.wait_for_function(UNTIL, arg=[kind, count], timeout=seconds * 1000)
    told: list[str] = page.evaluate("seen")
    return told


def whole(server: Scripted) -> None:
    """Every connection went on where the newest checkpoint of the one before it lay, with all that followed."""
    for conversation in server.conversations:
        first = conversation.from_sample // 160
        assert conversation.samples == list(range(first, first + len(conversation.samples)))
        assert conversation.samples


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
def test_a_close_that_says_nothing_against_the_call_is_followed_by_another_try(
    stage: tuple[Page, Scripted], code: int
) -> None:
    page, server = stage
    server.play(Turn(close=code), Turn())
    begin(page)
    told = seen(page, "checkpoint", 6)
    assert (told.count("away"), told.count("started")) == (1, 2)
    first, second = server.conversations
    assert second.from_sample == 8000
    assert {**second.start, "resume": None} == {**first.start, "resume": None}
    whole(server)


@pytest.mark.parametrize(
    ("code", "state"),
    [(4400, "bad_start"), (4403, "consent"), (4408, "idle_closed"), (4409, "call_exists"), (4429, "too_fast"),
     (4440, "too_long"), (1009, "bad_start"), (4999, "lost")],
)  # fmt: skip
def test_a_close_that_is_about_the_call_ends_it(stage: tuple[Page, Scripted], code: int, state: str) -> None:
    page, server = stage
    server.play(Turn(close=code))
    begin(page)
    assert "away" not in seen(page, state)
    assert len(server.asked) == 1


def test_an_error_that_may_pass_is_followed_by_another_try_once_the_server_wants_it(
    stage: tuple[Page, Scripted],
) -> None:
    page, server = stage
    error = {"type": "error", "code": "idle", "message": "…", "retryable": True, "retry_after_ms": 700}
    server.play(Turn(close=4408, say=(error,)), Turn())
    begin(page)
    seen(page, "started", 2)
    assert page.evaluate("waitedMs[0]") >= 700


def test_a_server_that_moves_its_calls_is_left_at_its_close_and_at_once(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1001, say=({"type": "reconnect", "deadline_ms": 5000},)), Turn(close=1001), Turn())
    begin(page, jitter=1)
    told = seen(page, "started", 3)
    assert told.index("reconnect") < told.index("away")
    moved, lost = page.evaluate("waitedMs")
    assert moved < 500 <= lost


@pytest.mark.parametrize(
    ("tokens", "turns", "outcome", "tried"),
    [
        (["second"], [Turn()], "away", ["first", "second"]),
        (["first"], [Turn()], "not_allowed", ["first"]),
        (["second", "third"], [Turn(refuse=(401, 0)), Turn()], "not_allowed", ["first", "second"]),
    ],
    ids=["by a fresh one", "but not by itself", "but not twice"],
)
def test_a_token_that_is_refused_is_replaced_once(
    stage: tuple[Page, Scripted], tokens: list[str], turns: list[Turn], outcome: str, tried: list[str]
) -> None:
    page, server = stage
    server.play(Turn(close=4401), *turns)
    begin(page, *tokens)
    seen(page, outcome)
    if outcome == "away":
        seen(page, "started", 2)
    assert [token for _, token in server.asked] == tried


def test_a_refusal_is_asked_about_heeded_and_tried_again(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1012), Turn(refuse=(503, 1)), Turn(refuse=(429, 1)), Turn())
    begin(page, frame_ms=20)
    assert seen(page, "checkpoint", 6).count("away") == 3
    asked = [at for at, _ in server.asked]
    assert all(later - earlier >= 1 for earlier, later in pairwise(asked[1:]))
    whole(server)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_lasts_ends_the_call(stage: tuple[Page, Scripted], status: int) -> None:
    page, server = stage
    server.play(Turn(close=1012), Turn(refuse=(status, 0)))
    begin(page)
    seen(page, "not_allowed")


def test_a_token_service_that_fails_is_tried_again(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1012), Turn())
    begin(page, "broken", "second")
    assert seen(page, "started", 2).count("away") == 2


def test_it_gives_up_after_the_stated_time(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1012), Turn(refuse=(503, 0)))
    begin(page, give_up_ms=1500)
    told = seen(page, "lost")
    assert told.count("away") >= 2


def test_a_server_that_fails_at_the_same_place_each_time_is_not_run_over(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1011, after_samples=1600))
    begin(page, give_up_ms=3000)
    seen(page, "lost")
    waits = page.evaluate("waitedMs")
    assert waits[1] >= 500
    assert waits[2] >= 1000


def test_a_line_on_which_nothing_comes_for_15_s_of_audio_is_lost(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(mute=True), Turn())
    begin(page)
    seen(page, "started", 2)
    assert page.evaluate("lostAt") >= 15 * 100
    assert server.conversations[1].from_sample == 0
    whole(server)


def test_a_call_that_ends_without_a_line_delivers_the_rest_first(stage: tuple[Page, Scripted]) -> None:
    page, server = stage
    server.play(Turn(close=1012), Turn())
    begin(page, jitter=1)
    seen(page, "away")
    page.evaluate("{ say(10); link.stop(); say(10); }")
    told = seen(page, "ended")
    assert told[-2:] == ["stopped", "ended"]
    assert server.conversations[1].messages == ["stop"]
    whole(server)
    assert len(server.conversations[1].samples) >= 100
