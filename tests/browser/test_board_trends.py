"""Trends as a supervisor reads them: charts, the tables that say the same, and the rows to take away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.audit import audit
from tests.browser.boards import PHONE, at, columns, downloaded, fitting, go, percent, picture, settle, unfold
from tests.browser.history import Past

pytestmark = pytest.mark.browser

AGENTS = "What customers felt, by agent"
COLOURS = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
UNTIL = "#/trends?start=2000-01-01&end=2000-01-07"


@pytest.fixture(scope="module")
def trends(browser: Browser, past: Past) -> Iterator[Page]:
    with at(browser, past, "#/trends?days=7&tz=UTC") as page:
        yield page


def asked(page: Page, past: Past, interval: str, **more: str) -> list[dict[str, Any]]:
    """Return what the server says of the days that the page shows."""
    start, end = (page.get_by_label(name, exact=True).input_value() for name in ("From", "To"))
    rows: list[dict[str, Any]] = past.get(
        "/metrics/emotions", interval=interval, start_date=start, end_date=end, tz="UTC", **more
    )
    return rows


def told(row: dict[str, Any]) -> list[str]:
    """Return a row's last cells: upset, unsure, readings, calls."""
    unsure = row["uncertain"] / row["total_segments"]
    return [percent(row["upset_share"]), percent(unsure), f"{row['total_segments']:,}", f"{row['calls']:,}"]


def test_each_day_is_a_bar_and_a_row_that_says_what_the_server_says(trends: Page, past: Past) -> None:
    unfold(trends)
    rows = asked(trends, past, "daily")
    shown = columns(trends, "By day")
    assert rows
    assert len(shown) == len(rows)
    for cells, row in zip(shown, rows, strict=True):
        assert cells[-4:] == (told(row) if row["enough"] else ["too few calls"] * 4)
    for chart in trends.locator("canvas").all():
        assert chart.evaluate(COLOURS) > 10
        assert "The table below has the numbers" in (chart.get_attribute("aria-label") or "")


def test_agents_stand_in_alphabetical_order_and_it_says_why(trends: Page, past: Past) -> None:
    unfold(trends)
    rows = asked(trends, past, "agent")
    names = [row[0] for row in columns(trends, AGENTS)]
    assert names == sorted(row["agent_id"] for row in rows)
    hidden = {cells[0] for cells in columns(trends, AGENTS) if cells[-1] == "too few calls"}
    assert hidden == {row["agent_id"] for row in rows if not row["enough"]}
    expect(trends.get_by_role("region", name=AGENTS, exact=True)).to_contain_text("it ranks nobody")


def test_hours_of_all_days_are_added_up_and_shown_where_that_is_enough(trends: Page, past: Past) -> None:
    unfold(trends)
    sums: dict[str, list[int]] = {}
    for row in asked(trends, past, "hourly"):
        counted = sums.setdefault(row["hour"][11:13], [0, 0])
        counted[0] += row["total_segments"]
        counted[1] += row["calls"]
    shown = {cells[0][:2]: cells[-2:] for cells in columns(trends, "By hour")}
    assert set(shown) == set(sums)
    few = {hour for hour, cells in shown.items() if cells[-1] == "too few calls"}
    assert {hour for hour, (_, calls) in sums.items() if calls < 3} <= few != set(sums)
    assert all(shown[hour] == [f"{total:,}", f"{calls:,}"] for hour, (total, calls) in sums.items() if hour not in few)


def test_what_is_exported_is_what_the_server_hands_out(trends: Page, past: Past) -> None:
    name, body = downloaded(trends, "Export CSV: By day")
    start, end = (trends.get_by_label(label, exact=True).input_value() for label in ("From", "To"))
    query = {"interval": "daily", "start_date": start, "end_date": end, "tz": "UTC", "format": "csv"}
    with past.http() as http:
        assert body == http.get("/metrics/emotions", params=query).content
    assert name == f"undervoice-daily-{start}-{end}.csv"


def test_an_emotion_can_be_left_out_and_counts_turned_to_shares(trends: Page) -> None:
    chart = trends.locator("canvas").first
    before = chart.evaluate("(canvas) => canvas.toDataURL()")
    key = trends.get_by_role("group", name="Emotions").get_by_role("button").first
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")
    left_out = chart.evaluate("(canvas) => canvas.toDataURL()")
    trends.get_by_role("button", name="Shares").click()
    shares = chart.evaluate("(canvas) => canvas.toDataURL()")
    assert len({before, left_out, shares}) == 3
    key.click()
    trends.get_by_role("button", name="Counts").click()
    assert chart.evaluate("(canvas) => canvas.toDataURL()") == before


def test_filters_stand_in_the_address_and_a_link_brings_them_back(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/trends") as page:
        expect(page.get_by_role("button", name="30 days")).to_have_attribute("aria-pressed", "true")
        page.get_by_label("Time zone").select_option("UTC")
        page.get_by_role("button", name="7 days").click()
        settle(page)
        agent = asked(page, past, "agent")[0]["agent_id"]
        page.get_by_label("Calls of").select_option(agent)
        settle(page)
        assert {f"agent_id={agent}", "tz=UTC", "days=7"} == set(page.url.split("?")[1].split("&"))
        page.reload()
        page.get_by_role("heading", name="By day").wait_for()
        expect(page.get_by_label("Calls of")).to_have_value(agent)
        expect(page.get_by_label("Time zone")).to_have_value("UTC")
        rows = [row for row in asked(page, past, "daily", agent_id=agent) if row["enough"]]
        tile = page.locator(".tile", has_text="Readings").locator("dd")
        expect(tile).to_have_text(f"{sum(row['total_segments'] for row in rows):,}")


@pytest.mark.parametrize("look", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, past: Past, look: str) -> None:
    with at(browser, past, "#/trends", look) as page:
        expect(page.get_by_role("heading", name=AGENTS)).to_be_visible()
        fitting(page)
        picture(page, f"board-trends-{look}")
        unfold(page)
        audit(page)


def test_it_fits_a_phone_and_says_where_there_is_nothing(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/trends", **PHONE) as page:
        expect(page.get_by_role("heading", name=AGENTS)).to_be_visible()
        fitting(page)
        picture(page, "board-trends-phone")
        unfold(page)
        fitting(page)
        audit(page)
        go(page, UNTIL)
        expect(page.get_by_role("heading", name="No readings in this range")).to_be_visible()
        audit(page)


def test_what_cannot_be_read_says_so_and_can_be_tried_again(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/wall") as page:
        page.route("**/metrics/emotions*", lambda route: route.abort())
        go(page, "#/trends")
        expect(page.get_by_role("heading", name="This could not be read")).to_be_visible()
        audit(page)
        page.unroute("**/metrics/emotions*")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="By day")).to_be_visible()
        go(page, "#/trends?start=2026-02-01&end=2026-01-01")
        expect(page.get_by_role("heading", name="No readings in this range")).to_be_visible()
