"""The wall as a supervisor looks at it all day: who needs somebody first, what is new, what is old; nothing jumps."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.audit import audit
from tests.browser.boards import go, picture
from tests.browser.floor import BUILT, Floor, looked_at
from tests.browser.pictures import wanted
from tests.servers import Server
from tests.voices import sentence
from undervoice.errors import GoingAway

pytestmark = [pytest.mark.browser, BUILT]

MOVES = """() => {
  window.moves = [];
  const note = () => { if (performance.now() - (moves.at(-1) ?? -1000) > 100) moves.push(performance.now()); };
  const options = { subtree: true, attributes: true, attributeFilter: ['aria-rowindex'] };
  new MutationObserver(note).observe(document.querySelector('.rows'), options);
}"""


@pytest.fixture
def floor(server: Server) -> Floor:
    return Floor(server)


@pytest.fixture
def wall(browser: Browser, server: Server) -> Iterator[Page]:
    """The wall, on a clock that tests can put forward; else it goes as clocks do."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB") as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{server.url}/supervisor#token={server.token('supervisor')}")
        yield page


def row(page: Page, call_id: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=call_id, exact=True))


def order(page: Page) -> list[str]:
    """Return the calls from top to bottom."""
    script = "(rows) => rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => row.querySelector('a').text)"
    found: list[str] = page.locator(".rows > .row").evaluate_all(script)
    return found


def stands(page: Page, *call_ids: str) -> None:
    """Wait until the calls stand so, from the top."""
    end = time.monotonic() + 6
    while order(page)[: len(call_ids)] != list(call_ids):
        assert time.monotonic() < end, order(page)
        page.clock.run_for(250)


def busy(floor: Floor) -> None:
    """Let calls of every kind go on."""
    moods = (
        ("c-4711", "calm", 0.12, 0.0, 0, 61), ("c-4712", "tense", 0.52, 0.6, 0, 245),
        ("c-4713", "upset", 0.81, 0.5, 47, 312), ("c-4714", "calm", 0.22, 0.0, 4, 640),
        ("c-4715", "recovering", 0.41, -0.7, 22, 498), ("c-4716", "upset", 0.7, 0, 12, 95),
        ("c-4717", "calm", 0.05, 0.0, 0, 18), ("c-4718", "tense", 0.47, -0.4, 0, 1210),
    )  # fmt: skip
    for number, (call_id, *_) in enumerate(moods):
        floor.begin(call_id, f"a-{number % 3 + 1}" if number else None)
    steps = 12 if wanted() else 1
    for step in range(steps, 0, -1):
        for call_id, state, upset, trend, sec, heard in moods:
            past = max(0.02, upset - 0.03 * step * trend + 0.03 * ((step * 7 + heard) % 5 - 2)) if step > 1 else upset
            floor.mood(call_id, state, past, trend, sec, heard - step)  # type: ignore[arg-type]
        time.sleep(2.5 if wanted() else 0)
    floor.begin("c-4719")
    floor.alert("c-4715", "noisy_line", 301)
    floor.alert("c-4716", "sustained_upset", 93)
    floor.alert("c-4713", "long_upset", 300)


def test_a_row_shows_what_a_supervisor_asks(wall: Page, floor: Floor) -> None:
    floor.begin("c-1", "a-7")
    floor.mood("c-1", "upset", 0.72, trend=0.5, sec=14, at=192)
    floor.alert("c-1", "sustained_upset", at=190)
    cells = row(wall, "c-1").get_by_role("cell")
    expect(cells.nth(5)).to_contain_text("03:10 The customer has sounded upset for 10 seconds.".replace(" The", "The"))
    texts = [text.replace("\n", " ") for text in cells.all_inner_texts()]
    assert texts[0] == "Upset 72"
    assert texts[1] == "c-1 03:12 · a-7"
    assert texts[2:4] == ["rising", "00:14"]
    assert texts[6] == "85"
    assert row(wall, "c-1").locator(".shape").first.get_attribute("data-shape") == "upset"
    expect(row(wall, "c-1").locator(".spark .stroke")).to_have_attribute("d", re.compile(r"^M.*H120V"))


def test_calls_stand_by_priority_and_a_new_warning_comes_first_until_somebody_looks(wall: Page, floor: Floor) -> None:
    for call_id, upset in (("c-1", 0.1), ("c-2", 0.8), ("c-3", 0.5)):
        floor.begin(call_id)
        floor.mood(call_id, "upset" if upset > 0.6 else "calm", upset)
    stands(wall, "c-2", "c-3", "c-1")
    # The keyboard goes the way the eye does.
    expect(wall.locator(".rows a")).to_have_text(["c-2", "c-3", "c-1"])
    floor.alert("c-3", "noisy_line")
    floor.alert("c-1", "sudden_drop")
    began = time.monotonic()
    expect(wall.get_by_role("status").filter(has_text="Warningc-1 The customer's mood has just turned")).to_be_visible()
    expect(row(wall, "c-1")).to_contain_text("New")
    expect(wall.get_by_role("link", name="Wall 1")).to_be_visible()
    assert time.monotonic() - began < 1.0
    stands(wall, "c-1", "c-2", "c-3")
    expect(row(wall, "c-3")).not_to_contain_text("New")  # a note is no warning
    wall.wait_for_timeout(350)  # what glides has come to rest
    row(wall, "c-1").locator(".alert").click(force=True)  # wherever the row is pressed
    expect(wall).to_have_url(f"{wall.url.split('#')[0]}#/calls/c-1")
    go(wall, "#/wall")
    stands(wall, "c-2", "c-3", "c-1")


def test_rows_move_at_most_once_in_two_seconds(wall: Page, floor: Floor) -> None:
    names = [f"c-{number}" for number in range(6)]
    for name in names:
        floor.begin(name)
    expect(wall.locator(".rows > .row")).to_have_count(6)
    wall.evaluate(MOVES)
    end, turn = time.monotonic() + 12, 0
    while wall.evaluate("moves.length") < 2 and time.monotonic() < end:
        turn += 1
        for number, name in enumerate(names):
            floor.mood(name, "tense", ((number * 3 + turn) % 6) / 6)
        wall.clock.run_for(100)
    moves = wall.evaluate("moves")
    assert min(later - earlier for earlier, later in itertools.pairwise(moves)) > 1900


def test_rows_stay_where_they_are_under_a_pointer(wall: Page, floor: Floor) -> None:
    for call_id, upset in (("c-1", 0.1), ("c-2", 0.8)):
        floor.begin(call_id)
        floor.mood(call_id, "calm", upset)
    stands(wall, "c-2", "c-1")
    floor.mood("c-1", "upset", 0.95)
    expect(row(wall, "c-1")).to_contain_text("Upset 95")
    for step in range(40):
        wall.mouse.move(600, 300 + step % 2)
        wall.clock.run_for(100)
        assert order(wall) == ["c-2", "c-1"]
    wall.mouse.move(5, 5)
    stands(wall, "c-1", "c-2")


def test_a_real_call_comes_as_it_begins_and_leaves_after_its_end(wall: Page, server: Server) -> None:
    expect(wall.get_by_role("heading", name="No live calls")).to_be_visible()
    server.call("c-real", sentence(0.4, 3.0, 1.0).tobytes(), token=server.token(agent_id="a-1"))
    expect(row(wall, "c-real")).to_contain_text("Ended")
    wall.clock.run_for(6000)
    expect(wall.get_by_role("heading", name="No live calls")).to_be_visible()


def test_of_five_hundred_calls_only_those_on_the_screen_exist(wall: Page, floor: Floor) -> None:
    names = [f"c-{number:03d}" for number in range(500)]
    for number, name in enumerate(names):
        floor.begin(name, f"a-{number % 40}")
        floor.mood(name, "calm", number / 500)
    wall.clock.run_for(2500)
    table = wall.get_by_role("table")
    expect(table).to_have_attribute("aria-rowcount", "501", timeout=8000)
    assert wall.locator(".rows > .row").count() < 40
    expect(row(wall, "c-499")).to_have_attribute("aria-rowindex", "2")
    wall.get_by_role("link", name="c-499").focus()
    for number in range(1, 8):  # what changes around it does not take the focus away
        floor.mood(f"c-{400 + number}", "upset", 0.99)
    expect(row(wall, "c-401")).to_be_visible()
    wall.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(row(wall, "c-000")).to_have_attribute("aria-rowindex", "501")
    assert wall.locator(".rows > .row").count() < 40
    expect(wall.get_by_role("link", name="c-499")).to_be_focused()
    wall.clock.run_for(1500)  # the rows have been put in order around it
    expect(wall.get_by_role("link", name="c-499")).to_be_focused()
    wall.get_by_label("Find a call or an agent").fill("a-39")
    expect(table).to_have_attribute("aria-rowcount", "13")
    expect(wall.get_by_label("Find a call or an agent")).to_be_focused()
    assert wall.url.endswith("#/wall?find=a-39")
    wall.get_by_label("Find a call or an agent").fill("nobody")
    expect(wall.get_by_role("heading", name="No live call fits")).to_be_visible()
    wall.get_by_role("link", name="Show all calls").click()
    expect(table).to_have_attribute("aria-rowcount", "501")


def test_moods_are_counted_and_choose(wall: Page, floor: Floor) -> None:
    busy(floor)
    moods = wall.get_by_role("navigation", name="Show calls by mood")
    for name, count in (("All", 9), ("New alerts", 2), ("Upset", 2), ("Tense", 2), ("Recovering", 1), ("Calm", 3)):
        expect(moods.get_by_role("link", name=f"{name} {count}")).to_be_visible()
    moods.get_by_role("link", name="Tense").click()
    stands(wall, "c-4712", "c-4718")
    expect(wall.locator(".rows > .row")).to_have_count(2)
    moods.get_by_role("link", name="New alerts").click()
    stands(wall, "c-4713", "c-4716")
    expect(wall.locator(".rows > .row")).to_have_count(2)


def test_a_lost_line_is_said_looks_old_and_comes_back_with_what_was_missed(
    wall: Page, floor: Floor, server: Server
) -> None:
    busy(floor)
    expect(row(wall, "c-4713")).to_contain_text("Act now")
    feed = server.service.live.feed
    floor.do(lambda: feed.end(GoingAway("this server is being stopped", retry_after_ms=1000)))
    notice = wall.get_by_role("alert")
    expect(notice).to_contain_text("What you see is old.")
    expect(wall.get_by_role("status").filter(has_text="Not connected")).to_be_visible()
    assert "grayscale" in wall.locator(".rows").evaluate("(each) => getComputedStyle(each).filter")
    audit(wall)
    picture(wall, "board-wall-lost")
    floor.mood("c-4717", "upset", 0.9)
    floor.do(lambda: setattr(feed, "ended", None))
    wall.get_by_role("button", name="Try now").click()
    expect(row(wall, "c-4717")).to_contain_text("Upset 90")
    expect(notice).to_be_hidden()


def test_nothing_runs_on_once_the_wall_is_left(browser: Browser, server: Server, floor: Floor) -> None:
    floor.begin("c-1")
    with browser.new_context() as context:
        context.add_init_script("""
            window.running = new Set();
            const { setInterval: start, clearInterval: stop } = window;
            window.setInterval = (...all) => { const timer = start(...all); running.add(timer); return timer; };
            window.clearInterval = (timer) => { running.delete(timer); stop(timer); };
            window.drawn = 0;
            const frame = requestAnimationFrame;
            window.requestAnimationFrame = (act) => { drawn += 1; return frame(act); };
        """)
        page = context.new_page()
        page.goto(f"{server.url}/supervisor#token={server.token('supervisor')}")
        expect(row(page, "c-1")).to_be_visible()
        assert page.evaluate("running.size") == 1
        go(page, "#/nowhere")
        page.evaluate("drawn = 0")
        floor.mood("c-1", "tense", 0.5)
        page.mouse.wheel(0, 50)
        page.wait_for_timeout(200)
        assert page.evaluate("[running.size, drawn]") == [0, 0]


def test_the_wall_is_for_everybody_and_fits(wall: Page, floor: Floor) -> None:
    expect(wall.get_by_role("heading", name="No live calls")).to_be_visible()
    looked_at(wall, "board-wall-empty")
    busy(floor)
    expect(row(wall, "c-4713")).to_contain_text("Act now")
    expect(row(wall, "c-4719")).to_contain_text("Listening…")
    stands(wall, "c-4713", "c-4716", "c-4712", "c-4718", "c-4715")
    looked_at(wall, "board-wall")


def test_without_motion_and_with_few_colours_all_is_still_told(browser: Browser, server: Server, floor: Floor) -> None:
    busy(floor)
    options = {"reduced_motion": "reduce", "forced_colors": "active", "viewport": {"width": 1280, "height": 900}}
    with browser.new_context(**options) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{server.url}/supervisor#token={server.token('supervisor')}")
        expect(row(page, "c-4713")).to_contain_text("Act now")
        assert row(page, "c-4713").evaluate("(each) => getComputedStyle(each).transitionDuration") == "0s"
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert row(page, "c-4713").locator(".shape path").first.evaluate("(each) => getComputedStyle(each).fill") == ink
        picture(page, "board-wall-few-colours")
