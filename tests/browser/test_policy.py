"""The demo page works under its own strict policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import visiting
from tests.browser.processes import Service

pytestmark = pytest.mark.browser

WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (e) => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


def test_the_page_plays_and_scores_a_call_without_breaking_its_policy(browser: Browser, service: Service) -> None:
    with visiting(browser, "about:blank") as page:
        page.add_init_script(WATCH)
        answer = page.goto(service.page)
        assert answer
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
        page.click("#sample")
        meter = page.locator("undervoice-meter")
        meter.evaluate(
            "(m) => new Promise((heard) => m.addEventListener('undervoice-emotion', () => heard(), {once: true}))"
        )
        assert page.evaluate("violations") == []
        # Were anything let through that should not be, the list above would prove nothing.
        page.evaluate("try { document.body.innerHTML = '<b>x</b>' } catch {}")
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:1/x'}))"
        )
        page.wait_for_function("violations.length >= 2")
        assert {entry.split()[0] for entry in page.evaluate("violations")} == {"require-trusted-types-for", "img-src"}
