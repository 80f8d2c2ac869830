"""A call's page: how it went, second by second, who looked at it; and what is left once it is erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import soundfile as sf
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.browser.audit import audit
from tests.browser.boards import PHONE, at, columns, fitting, go, percent, picture, unfold
from tests.browser.history import Past
from tests.browser.reading import SAMPLE
from undervoice.terms import SUBPROTOCOL

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def call(past: Past) -> dict[str, Any]:
    """The call with the most to tell."""

    def richness(call: dict[str, Any]) -> tuple[bool, bool, float]:
        said = past.get(f"/calls/{call['call_id']}/feedback")["items"]
        return bool(said), call["summary"]["ended_as"] == "calm", call["mood"]["upset_sec"]

    return max((call for call in past.calls(alerts=True) if call["kind"] == "call"), key=richness)


@pytest.fixture(scope="module")
def board(browser: Browser, past: Past, call: dict[str, Any]) -> Iterator[Page]:
    with at(browser, past, f"#/calls/{call['call_id']}") as page:
        page.locator(".heatmap .cell").first.wait_for()
        yield page


def test_the_heat_map_has_each_reading_and_the_table_says_the_same(
    board: Page, past: Past, call: dict[str, Any]
) -> None:
    unfold(board)
    segments = past.get("/emotions", call_id=call["call_id"])
    places = board.locator(".heatmap .cell").evaluate_all("(all) => all.map((each) => each.dataset.place)")
    assert {int(place) for place in places} == set(range(len(segments)))
    letters = board.locator(".heatmap .cell:has(b)").count()
    assert letters == len(segments)
    assert board.locator(".heatmap .unsure:has(b)").count() == sum(each["uncertain"] for each in segments)
    words = [f"unsure ({s['detected_emotion']}?)" if s["uncertain"] else s["detected_emotion"] for s in segments]
    rows = columns(board, "Second by second")
    assert [row[2] for row in rows] == words
    assert [row[3] for row in rows] == [percent(each["confidence_score"]) for each in segments]
    board.locator(".heatmap .cell").first.hover()
    expect(board.locator("p.told")).to_contain_text(words[0])


def test_the_mood_line_ends_where_the_calls_own_mood_does(browser: Browser, past: Past) -> None:
    calls = [call for call in past.calls() if call["kind"] == "call" and call["mood"]][:3]
    with at(browser, past, "#/wall") as page:
        for call in calls:
            go(page, f"#/calls/{call['call_id']}")
            expect(page.get_by_role("heading", name=call["call_id"], level=1)).to_be_visible()
            page.locator(".heatmap .cell").first.wait_for()
            unfold(page)
            assert columns(page, "Mood over time")[-1][2] == percent(call["mood"]["upset_score"])


def test_summary_alerts_feedback_and_totals_are_there(board: Page, past: Past, call: dict[str, Any]) -> None:
    summary = call["summary"]
    told = board.locator(".view")
    expect(told).to_contain_text(f"Ended {summary['ended_as']}")
    expect(told).to_contain_text(f"That is {percent(summary['upset_share'])} of the time")
    alerts = board.get_by_role("list", name="Alerts")
    expect(alerts.get_by_role("listitem")).to_have_count(len(call["alerts"]))
    for alert in call["alerts"]:
        expect(alerts).to_contain_text(alert["message"])
    feedback = past.get(f"/calls/{call['call_id']}/feedback")
    said = feedback["items"] + feedback["hints"]
    assert said
    expect(board.get_by_text("What the agent said").locator("..").locator("li")).to_have_count(len(said))
    expect(board.locator(".totals")).to_contain_text(str(call["totals"]["segments"]))


def test_the_page_tells_who_looked_at_the_call_this_look_included(board: Page) -> None:
    unfold(board)
    rows = columns(board, "Who looked at this call")
    assert rows[0][1].startswith("supervisor")
    assert "looked at the call" in rows[0][2]


@pytest.mark.parametrize("look", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, past: Past, call: dict[str, Any], look: str) -> None:
    with at(browser, past, f"#/calls/{call['call_id']}", look) as page:
        page.locator(".heatmap .cell").first.wait_for()
        page.locator(".audit").wait_for()
        fitting(page)
        picture(page, f"board-call-{look}")
        unfold(page)
        audit(page)


def test_it_fits_a_phone(browser: Browser, past: Past, call: dict[str, Any]) -> None:
    with at(browser, past, f"#/calls/{call['call_id']}", **PHONE) as page:
        page.locator(".heatmap .cell").first.wait_for()
        page.locator(".audit").wait_for()
        fitting(page)
        picture(page, "board-call-phone")
        unfold(page)
        fitting(page)
        audit(page)


def test_a_call_is_erased_once_that_was_typed_and_the_page_says_so(browser: Browser, past: Past) -> None:
    with past.http() as http:
        http.post("/analyze/stream", params={"call_id": "to-erase"}, files={"audio_file": SAMPLE.read_bytes()})
    with at(browser, past, "#/calls/to-erase") as page:
        page.get_by_role("button", name="Erase this call…").click()
        sure = page.get_by_role("button", name="Erase for good")
        expect(sure).to_be_disabled()
        audit(page)
        page.keyboard.press("Escape")
        expect(sure).to_be_hidden()
        page.get_by_role("button", name="Erase this call…").click()
        page.keyboard.type("erase")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Erased")).to_be_visible()
        unfold(page)
        expect(page.get_by_role("table", name="Who looked at this call")).to_contain_text("erased it")
        expect(page.locator(".heatmap")).to_be_hidden()
        audit(page)
        page.reload()
        expect(page.get_by_role("heading", name="No such call")).to_be_visible()
        audit(page)
    with past.http() as http:
        assert http.get("/calls/to-erase").status_code == 404
        assert http.get("/emotions", params={"call_id": "to-erase"}).status_code == 404


@contextmanager
def speaking(past: Past, call_id: str) -> Iterator[tuple[ClientConnection, bytes]]:
    """Hold a call, half of which has been heard; yield it and the other half."""
    samples, rate = sf.read(SAMPLE, dtype="int16")
    pcm = samples[: 12 * rate].tobytes()
    half = len(pcm) // 4 * 2
    headers = {"Authorization": f"Bearer {past.agent_token}"}
    address = past.url.replace("http", "ws", 1) + "/api/v1/stream"
    with connect(address, additional_headers=headers, subprotocols=[SUBPROTOCOL], max_size=None) as ws:
        ws.send(json.dumps({"type": "start", "call_id": call_id, "audio": {"sample_rate": rate}}))
        ws.send(pcm[:half])
        _await(ws, "emotion")
        yield ws, pcm[half:]


def test_a_call_that_goes_on_is_shown_as_it_goes(browser: Browser, past: Past) -> None:
    with speaking(past, "goes-on") as (ws, rest), at(browser, past, "#/calls/goes-on") as page:
        expect(page.locator(".facts")).to_contain_text("going on now")
        cells = page.locator(".heatmap .cell:has(b)")
        expect(cells).not_to_have_count(0)
        before = cells.count()
        ws.send(rest)
        ws.send('{"type":"stop"}')
        _await(ws, "stopped")
        expect(page.locator(".facts")).to_contain_text("over")
        expect(page.get_by_role("heading", name="How it went")).to_be_visible()
        assert cells.count() > before
    with past.http() as http:
        assert http.delete("/calls/goes-on").status_code == 204


def test_a_call_that_somebody_else_erases_vanishes_from_the_page(browser: Browser, past: Past) -> None:
    with speaking(past, "vanishes"), at(browser, past, "#/calls/vanishes") as page:
        expect(page.locator(".facts")).to_contain_text("going on now")
        with past.http() as http:
            assert http.delete("/calls/vanishes").status_code == 204
        expect(page.get_by_role("heading", name="Erased")).to_be_visible()
        expect(page.locator(".heatmap")).to_be_hidden()


def _await(ws: ClientConnection, kind: str) -> None:
    """Read until a final reading, or another kind of message."""
    while True:
        message = json.loads(ws.recv(20))
        if message["type"] == kind and message.get("final", True):
            return
