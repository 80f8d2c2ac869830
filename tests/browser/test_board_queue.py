"""The queue at a supervisor's desk: who is next and why, who may still pass, and letting callers in and out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.audit import audit
from tests.browser.boards import at, picture
from tests.browser.floor import BUILT, Floor, looked_at, seat
from tests.servers import Server
from tests.voices import sentence
from undervoice.errors import StoreDown
from undervoice.waiting import WaitingLine

pytestmark = [pytest.mark.browser, BUILT]

CALLERS = (("c-801", "calm", 0.11), ("c-802", "upset", 0.78), ("c-803", "tense", 0.52), ("c-804", "recovering", 0.4))


@pytest.fixture
def queue(browser: Browser, server: Server) -> Iterator[Page]:
    with at(browser, seat(server), "#/queue") as page:
        yield page


@pytest.fixture
def waiting(server: Server) -> Server:
    """A server with a few calls, all of which wait."""
    floor = Floor(server)
    for call_id, state, upset in CALLERS:
        floor.begin(call_id)
        floor.mood(call_id, state, upset)  # type: ignore[arg-type]
        text = "This is a terrible, awful mess and I am furious!" if call_id == "c-803" else None
        join(server, call_id, text)
    return server


def join(server: Server, call_id: str, text: str | None = None) -> None:
    with server.http() as http:
        assert http.post("/api/v1/queue", json={"call_id": call_id, "text": text}).status_code == 200


def refresh(page: Page) -> None:
    """Come back to the tab: what it shows is asked for anew, which else takes some seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def row(page: Page, call_id: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=call_id, exact=True))


def order(server: Server) -> list[str]:
    with server.http() as http:
        return [caller["call_id"] for caller in http.get("/api/v1/queue").json()["items"]]


def test_it_shows_the_servers_order_what_it_rests_on_and_who_may_still_pass(waiting: Server, queue: Page) -> None:
    expect(queue.locator(".callers .row")).to_have_count(4)
    links = queue.locator(".callers .who a").all_inner_texts()
    assert links == order(waiting)
    with waiting.http() as http:
        page = http.get("/api/v1/queue").json()
    expect(queue.locator(".facts")).to_contain_text(
        f"Nobody is ever passed by more than {page['bound']} later callers."
    )
    expect(queue.locator(".facts")).to_contain_text(
        "No time estimates yet: they need six served callers, and there are 0."
    )
    for caller in page["items"]:
        shown = row(queue, caller["call_id"])
        expect(shown.locator(".priority b")).to_have_text(str(int(caller["priority"] + 0.5)))
        count = caller["may_pass"]
        expect(shown).to_contain_text(f"at most {count} later caller" if count else "nobody any more")
        assert shown.locator(".why").inner_text().startswith(f"upset {round(100 * caller['upset_score'])} + excited ")
    expect(row(queue, "c-803").locator(".why")).to_contain_text("words")
    queue.get_by_text("How the order is made").click()
    expect(queue.locator(".how")).to_contain_text("Priority is 100 × upset + 20 × excited + words (−20 to 20) + age.")
    expect(queue.locator(".how")).to_contain_text("Every newcomer adds 5")


def test_callers_are_served_and_removed_and_times_are_estimated_once_they_can_be(waiting: Server, queue: Page) -> None:
    first, second = order(waiting)[:2]
    row(queue, first).get_by_role("button", name=f"Served: {first}").click()
    expect(queue.get_by_role("status").filter(has_text=f"{first} is served.")).to_be_visible()
    expect(row(queue, first)).to_have_count(0)
    expect(row(queue, second)).to_contain_text("1")
    row(queue, second).get_by_role("button", name=f"Remove: {second}").click()
    row(queue, second).get_by_role("button", name="Keep").click()
    assert second in order(waiting)
    row(queue, second).get_by_role("button", name=f"Remove: {second}").click()
    row(queue, second).get_by_role("button", name="Remove").click()
    expect(row(queue, second)).to_have_count(0)
    assert second not in order(waiting)
    floor = Floor(waiting)
    with waiting.http() as http:
        for number in range(5):
            floor.begin(f"c-9{number}")
            join(waiting, f"c-9{number}")
            http.delete(f"/api/v1/queue/c-9{number}?reason=served")
    refresh(queue)
    expect(queue.locator(".facts")).to_contain_text(re.compile(r"One is served every \d+ s, going by the last \d"))
    expect(row(queue, order(waiting)[0]).locator(".estimate")).to_have_text(re.compile(r"about \d+ s|\d+ s to \d+ s"))


def test_a_newcomer_appears_by_itself_and_takes_nobodys_focus(waiting: Server, queue: Page) -> None:
    last = order(waiting)[-1]
    button = row(queue, last).get_by_role("button", name=f"Served: {last}")
    button.focus()
    Floor(waiting).begin("c-805")
    join(waiting, "c-805")
    expect(row(queue, "c-805")).to_be_visible()
    expect(button).to_be_focused()


def test_a_known_call_can_be_added_and_an_unknown_one_is_said(server: Server, queue: Page) -> None:
    expect(queue.get_by_role("heading", name="Nobody waits")).to_be_visible()
    Floor(server).begin("c-1")
    queue.get_by_text("Add a caller").click()
    queue.get_by_role("button", name="Add to the queue").click()
    note = queue.locator(".add .note")
    expect(note).to_have_text("Say which call.")
    for call_id, words in (("c-2", "No call of this id is known."), ("c-1", "c-1 waits at place 1.")):
        queue.get_by_label("Call id").fill(call_id)
        queue.get_by_role("button", name="Add to the queue").click()
        expect(note).to_have_text(words)
    expect(row(queue, "c-1")).to_be_visible()
    assert order(server) == ["c-1"]


def test_a_recording_can_be_added_with_its_words_and_says_how_far_it_is(
    server: Server, queue: Page, tmp_path: Path
) -> None:
    voice, silence = tmp_path / "voice.wav", tmp_path / "silence.wav"
    sf.write(voice, sentence(0.4, 2.5, 0.8), 16_000, subtype="PCM_16")
    sf.write(silence, np.zeros(32_000, np.int16), 16_000, subtype="PCM_16")
    queue.get_by_text("Add a caller").click()
    queue.get_by_label("A recording").check()
    note = queue.locator(".add .note")
    queue.get_by_role("button", name="Add to the queue").click()
    expect(note).to_have_text("Choose a recording.")
    queue.get_by_label("Recording", exact=True).set_input_files(silence)
    queue.get_by_role("button", name="Add to the queue").click()
    expect(note).to_have_text("Nobody speaks in this recording.")
    queue.get_by_label("Recording", exact=True).set_input_files(voice)
    queue.get_by_label("Id for it").fill("rec-1")
    queue.get_by_label("What was said").fill("Nothing works, this is horrible!")
    queue.evaluate("""() => {
      window.shares = [];
      new MutationObserver(() => shares.push(document.querySelector('.add .note').textContent))
        .observe(document.querySelector('.add .note'), { childList: true, characterData: true, subtree: true });
    }""")
    queue.get_by_role("button", name="Add to the queue").click()
    expect(note).to_have_text("rec-1 waits at place 1.")
    assert "Sending the recording" in queue.evaluate("shares")
    assert "Listening to it…" in queue.evaluate("shares")
    expect(row(queue, "rec-1")).to_contain_text("recording")
    expect(row(queue, "rec-1").locator(".why")).to_contain_text("words")


def test_a_store_that_is_down_is_said_and_what_is_shown_is_old(
    waiting: Server, queue: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(queue.locator(".callers .row")).to_have_count(4)

    async def fail(*_: object) -> None:
        raise StoreDown("the store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(WaitingLine, "page", fail)
        refresh(queue)
        expect(queue.get_by_role("alert")).to_contain_text("The store does not answer at the moment.")
        expect(queue.get_by_role("alert")).to_contain_text("What you see is old.")
        expect(queue.locator(".callers .row")).to_have_count(4)
        audit(queue)
        picture(queue, "board-queue-down")
    refresh(queue)
    expect(queue.get_by_role("alert")).to_be_hidden()


def test_the_queue_is_for_everybody_and_fits(server: Server, queue: Page, waiting: Server) -> None:
    expect(queue.locator(".callers .row")).to_have_count(4)
    looked_at(queue, "board-queue")
    queue.set_viewport_size({"width": 1280, "height": 900})
    queue.emulate_media(color_scheme="light")
    queue.get_by_text("Add a caller").click()
    row(queue, "c-802").get_by_role("button", name="Remove: c-802").click()
    audit(queue)
    picture(queue, "board-queue-add-light")


def test_an_empty_queue_says_what_would_fill_it(queue: Page) -> None:
    expect(queue.locator(".empty")).to_contain_text("POST /api/v1/queue")
    audit(queue)
