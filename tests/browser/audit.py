"""What axe says of a page: no finding of WCAG 2.2, levels A and AA, nor of its own best practices."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""Target sizes, new in WCAG 2.2, are looked at only where they are asked for."""


def audit(page: Page, context: str | None = None) -> None:
    """Hold a page, or what a selector finds in it, to what everybody needs to use it."""
    report = Axe().run(page, context=context, options={"runOnly": {"type": "tag", "values": RULES}})
    assert report.violations_count == 0, report.generate_report()
