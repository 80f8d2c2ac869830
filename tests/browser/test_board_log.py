"""The log as a supervisor reads it: the newest first, narrowed down, page by page, and as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.audit import audit
from tests.browser.boards import PHONE, at, columns, downloaded, fitting, go, percent, picture, settle
from tests.browser.history import Past

pytestmark = pytest.mark.browser

PAGE = 50
TURN_MS = 2000
"""How often a follower asks."""


@pytest.fixture(scope="module")
def log(browser: Browser, past: Past) -> Iterator[Page]:
    with at(browser, past, "#/log") as page:
        yield page


def told(segments: list[dict[str, Any]]) -> list[list[str]]:
    """Return what the log's rows say of readings, but for the time."""
    return [
        [
            f"unsure ({each['detected_emotion']}?)" if each["uncertain"] else each["detected_emotion"],
            percent(each["confidence_score"]), percent(each["upset_score"]), each["call_id"], each["agent_id"] or "–",
        ]
        for each in segments
    ]  # fmt: skip


def shown(page: Page) -> list[list[str]]:
    """Return the same of the page."""
    return [
        [emotion.split("\n")[-1], confidence, upset, call, agent]
        for _, emotion, confidence, upset, call, _, agent in columns(page, "Log")
    ]


def test_the_newest_come_first_and_older_ones_page_by_page(log: Page, past: Past) -> None:
    go(log, "#/log")
    both = past.get("/logs", limit=2 * PAGE)["items"]
    assert shown(log) == told(both[:PAGE])
    log.get_by_role("button", name="Older readings").click()
    expect(log.get_by_role("table", name="Log").locator("tbody tr")).to_have_count(2 * PAGE)
    assert shown(log) == told(both)
    expect(log.get_by_role("table", name="Log").locator("tbody tr").nth(PAGE).get_by_role("link")).to_be_focused()


def test_filters_are_the_servers_and_stand_in_the_address(log: Page, past: Past) -> None:
    newest = past.get("/logs", limit=1)["items"][0]
    go(log, "#/log")
    log.get_by_label("Emotion").select_option(newest["detected_emotion"])
    log.get_by_label("Agent").fill(newest["agent_id"])
    log.get_by_label("Agent").press("Enter")
    settle(log)
    asked = {"emotion": newest["detected_emotion"], "agent_id": newest["agent_id"]}
    expect(log.get_by_role("table", name="Log").locator("tbody tr").first).to_be_visible()
    assert shown(log) == told(past.get("/logs", limit=PAGE, **asked)["items"])
    assert set(log.url.split("?")[1].split("&")) == {f"agent_id={asked['agent_id']}", f"emotion={asked['emotion']}"}
    log.get_by_label("Since").fill("2001-01-01T00:00")
    log.get_by_label("Until").fill("2001-01-02T00:00")
    log.get_by_label("Until").press("Tab")
    expect(log.get_by_role("heading", name="No reading fits")).to_be_visible()
    expect(log.get_by_role("button", name="Follow")).to_be_disabled()
    audit(log)


def test_a_row_leads_to_its_call(log: Page) -> None:
    go(log, "#/log")
    link = log.get_by_role("table", name="Log").get_by_role("link").first
    call = link.inner_text()
    link.click()
    expect(log.get_by_role("heading", name=call, level=1)).to_be_visible()


def test_what_is_exported_is_what_is_shown_and_all_the_rest(log: Page, past: Past) -> None:
    emotion = past.get("/logs", limit=1)["items"][0]["detected_emotion"]
    go(log, f"#/log?emotion={emotion}")
    name, body = downloaded(log, "Export CSV")
    with past.http() as http:
        assert body == http.get("/logs", params={"emotion": emotion, "format": "csv"}).content
    assert name == "undervoice-log.csv"


def test_a_follower_sees_each_new_reading_once_and_nothing_once_he_left(
    browser: Browser, past: Past, clip: Path
) -> None:
    def analyze(call_id: str) -> list[str]:
        with past.http() as http:
            heard = http.post("/analyze/stream", params={"call_id": call_id}, files={"audio_file": clip.read_bytes()})
        return [segment["segment_id"] for segment in heard.raise_for_status().json()["segments"]]

    with at(browser, past, "#/log") as page:
        page.clock.install()
        page.get_by_role("button", name="Follow").click()
        expect(page.get_by_text("Following: new readings appear by themselves.")).to_be_visible()
        segments = analyze("followed-1")
        page.clock.fast_forward(TURN_MS)
        expect(page.locator("tr.fresh")).to_have_count(len(segments))
        assert {row[3] for row in shown(page)[: len(segments)]} == {"followed-1"}
        audit(page)
        with page.expect_response(lambda answer: "follow=" in answer.url):
            page.clock.fast_forward(TURN_MS)
        assert len(columns(page, "Log")) == PAGE + len(segments)
        go(page, "#/wall")
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.clock.fast_forward(10 * TURN_MS)
        page.wait_for_timeout(200)
        assert not [url for url in requests if "/logs" in url]
    with past.http() as http:
        assert http.delete("/calls/followed-1").status_code == 204


@pytest.mark.parametrize("look", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, past: Past, look: str) -> None:
    with at(browser, past, "#/log", look) as page:
        page.locator("tbody tr").first.wait_for()
        fitting(page)
        audit(page)
        picture(page, f"board-log-{look}")


def test_it_fits_a_phone(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/log", **PHONE) as page:
        page.locator("tbody tr").first.wait_for()
        fitting(page)
        audit(page)
        picture(page, "board-log-phone")


def test_what_cannot_be_read_says_so_and_can_be_tried_again(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/wall") as page:
        page.route("**/logs*", lambda route: route.abort())
        go(page, "#/log")
        expect(page.get_by_role("heading", name="This could not be read")).to_be_visible()
        audit(page)
        page.unroute("**/logs*")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.get_by_role("heading", name="This could not be read")).to_be_hidden()
