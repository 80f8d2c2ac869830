"""Every state of the meter, in every language, look and layout: whoever reads it can, and it fits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import visiting
from tests.browser.gallery import STATES, hang, overflowing
from tests.browser.processes import Service

pytestmark = pytest.mark.browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (220, 300, 360, 640, 1000)
LOOKS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "light": ({"lang": "en"}, {}),
    "dark": ({"lang": "en", "theme": "dark"}, {}),
    "light in a dark system": ({"lang": "en", "theme": "light"}, {"color_scheme": "dark"}),
    "more contrast": ({"lang": "en"}, {"contrast": "more"}),
    "more contrast in the dark": ({"lang": "en"}, {"contrast": "more", "color_scheme": "dark"}),
    "few colours": ({"lang": "en"}, {"forced_colors": "active"}),
    "German": ({"lang": "de"}, {"reduced_motion": "reduce"}),
    "Spanish": ({"lang": "es"}, {"color_scheme": "dark"}),
    "from right to left": ({"lang": "en", "dir": "rtl"}, {}),
    "compact": ({"lang": "de", "layout": "compact"}, {}),
}
PLACES = """() => [...document.querySelectorAll('undervoice-meter')].map(({ view, dataset }) => {
  const middle = (each) => { const box = each.getBoundingClientRect(); return box.left + box.width / 2; };
  const [calm, , upset] = view.face.meter.querySelectorAll('.band span');
  return [dataset.state, middle(calm), middle(view.face.meter.querySelector('.marker')), middle(upset)];
})"""


def accessible(page: Page) -> None:
    report = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert report.violations_count == 0, report.generate_report()


def picture(page: Page, look: str) -> None:
    """Keep a picture of all states where a folder for it is named."""
    folder = os.environ.get("UNDERVOICE_GALLERY")
    if folder:
        page.screenshot(path=Path(folder) / f"{look.replace(' ', '-').lower()}.png", full_page=True)


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_can_be_read_by_everybody_and_fits(browser: Browser, service: Service, look: str) -> None:
    attributes, media = LOOKS[look]
    with visiting(browser, service.url, viewport={"width": 1560, "height": 900}, **media) as page:
        hang(page, attributes)
        accessible(page)
        picture(page, look)
        for width in WIDTHS:
            assert overflowing(page, width) == [], width
        if look in ("light", "compact"):
            overflowing(page, 220)
            picture(page, f"{look} 220")
            accessible(page)


def test_the_marker_goes_from_calm_to_upset_whichever_way_is_read(browser: Browser, service: Service) -> None:
    with visiting(browser, service.url) as page:
        for way in ("ltr", "rtl"):
            hang(page, {"lang": "en", "dir": way})
            places = {state: place for state, *place in page.evaluate(PLACES)}
            assert places.keys() == STATES.keys()
            calm, marker, upset = places["calm"]
            assert abs(marker - calm) < abs(marker - upset)
            calm, marker, upset = places["upset with a hint"]
            assert abs(marker - upset) < abs(marker - calm)
            assert (calm < upset) == (way == "ltr")


def test_nothing_glides_for_those_who_do_not_want_motion(browser: Browser, service: Service) -> None:
    with visiting(browser, service.url, reduced_motion="reduce") as page:
        moving = "(each) => getComputedStyle(each).transitionProperty"
        for part in (".marker", ".level i"):
            assert page.locator(f"undervoice-meter {part}").evaluate(moving) == "none"
