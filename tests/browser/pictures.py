"""Pictures for the README, written where they are asked for."""

from __future__ import annotations

import os

from playwright.sync_api import Page

from tests.browser.reading import ROOT

PICTURES = ROOT / "widget" / "screenshots"
PICTURE_BYTES = 150_000


def wanted() -> bool:
    """Whether this run shall write pictures."""
    return os.environ.get("UNDERVOICE_SCREENSHOTS") == "1"


def keep(page: Page, name: str, only_meter: bool = True) -> None:
    """Write a picture of the meter, or of the whole page."""
    if not wanted():
        return
    path = PICTURES / f"{name}.png"
    target = page.locator("undervoice-meter") if only_meter else page
    target.screenshot(path=path)
    assert path.stat().st_size < PICTURE_BYTES
