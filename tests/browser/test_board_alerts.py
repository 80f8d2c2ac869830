"""Alerts over all calls, as they come, and the rules that raise them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.audit import audit
from tests.browser.boards import DESK, PHONE, at, columns, fitting, go, picture, settle
from tests.browser.floor import Floor
from tests.browser.history import Past
from tests.servers import Server

pytestmark = pytest.mark.browser

STEP = 25


@dataclass
class Watched:
    """A server of this process, and a supervisor's token for it."""

    url: str
    token: str


def test_the_newest_alerts_come_first_and_lead_to_their_calls(browser: Browser, past: Past) -> None:
    alerts = [alert for call in past.calls(alerts=True) for alert in call["alerts"]]
    alerts.sort(key=lambda alert: str(alert["timestamp"]), reverse=True)
    with at(browser, past, "#/alerts") as page:
        items = page.get_by_role("list", name="Recent alerts").get_by_role("listitem")
        expect(items).to_have_count(min(STEP, len(alerts)))
        assert [(item.locator("a").inner_text(), item.locator("code").inner_text()) for item in items.all()] == [
            (alert["call_id"], alert["rule"]) for alert in alerts[:STEP]
        ]
        page.get_by_label("Severity").select_option("critical")
        settle(page)
        critical = [alert for alert in alerts if alert["severity"] == "critical"]
        if critical:
            expect(items.first).to_contain_text("Act now")
            assert {item.locator(".severity").inner_text() for item in items.all()} == {"Act now"}
        page.get_by_label("Severity").select_option("")
        items.first.get_by_role("link").click()
        expect(page.get_by_role("heading", name=alerts[0]["call_id"], level=1)).to_be_visible()


def test_the_rules_in_force_are_listed_and_it_says_how_to_have_others(browser: Browser, past: Past) -> None:
    with at(browser, past, "#/alerts") as page:
        rows = columns(page, "Rules in force")
        rules = past.get("/rules")["items"]
        assert [(row[0], row[2]) for row in rows] == [(rule["rule"], rule["message"]) for rule in rules]
        assert all(row[3] and "=" not in row[3] for row in rows), "every condition has words"
        page.get_by_text("How to change them").click()
        expect(page.get_by_text("undervoice rules test --since 7d")).to_be_visible()
        page.set_viewport_size(PHONE)
        fitting(page)
        audit(page)
        page.set_viewport_size(DESK)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_an_alert_appears_the_moment_it_is_raised(browser: Browser, server: Server, look: str) -> None:
    floor = Floor(server)
    with at(browser, Watched(server.url, server.token("supervisor")), "#/alerts", look) as page:
        expect(page.get_by_role("heading", name="No alerts yet")).to_be_visible()
        audit(page)
        floor.begin("c-1", "a-7")
        floor.mood("c-1", "upset", 0.8)
        floor.alert("c-1", "sustained_upset")
        newest = page.get_by_role("list", name="Recent alerts").get_by_role("listitem").first
        expect(newest).to_contain_text("The customer has sounded upset for 10 seconds.", timeout=1000)
        expect(page.get_by_role("heading", name="No alerts yet")).to_be_hidden()
        floor.alert("c-1", "long_upset")
        expect(newest).to_contain_text("Act now")
        audit(page)
        picture(page, f"board-alerts-{look}")
        go(page, "#/wall")
        go(page, "#/alerts?rule=recovered")
        expect(page.get_by_role("heading", name="No alert fits")).to_be_visible()
        floor.end("c-1")
