"""Every state of the meter, in every language, look and layout: whoever reads it can, and it fits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import visiting
from tests.browser.gallery import STATES, hang, overflowing
from tests.browser.pictures import keep, wanted
from tests.browser.processes import Service

pytestmark = pytest.mark.browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (220, 300, 360, 640, 1000)
LOOKS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "light": ({"lang": "en"}, {}),
    "dark": ({"lang": "en", "theme": "dark"}, {}),
    "more contrast": ({"lang": "en", "theme": "light"}, {"contrast": "more", "color_scheme": "dark"}),
    "more contrast in the dark": ({"lang": "es"}, {"contrast": "more", "color_scheme": "dark"}),
    "few colours": ({"lang": "de"}, {"forced_colors": "active"}),
    "from right to left": ({"lang": "es", "dir": "rtl"}, {"color_scheme": "dark"}),
    "compact": ({"lang": "de", "layout": "compact"}, {}),
}
PLACES = """() => [...document.querySelectorAll('undervoice-meter')].map(({ view, dataset }) => {
  const middle = (each) => { const box = each.getBoundingClientRect(); return box.left + box.width / 2; };
  const [calm, , upset] = view.face.meter.querySelectorAll('.band span');
  return [dataset.state, middle(calm), middle(view.face.meter.querySelector('.marker')), middle(upset)];
})"""


def accessible(page: Page) -> None:
    only = {"type": "tag", "values": WCAG}
    report = Axe().run(page, options={"runOnly": only, "rules": {"target-size": {"enabled": True}}})
    # The library's own report cannot tell of what stands in shadow roots.
    found = [(each["id"], node["target"], node["failureSummary"]) for each in report.response["violations"]
             for node in each["nodes"]]  # fmt: skip
    assert found == []


def picture(page: Page, look: str) -> None:
    """Keep a picture of all states where a folder for it is named."""
    folder = os.environ.get("UNDERVOICE_GALLERY")
    if folder:
        page.screenshot(path=Path(folder) / f"{look.replace(' ', '-').lower()}.png", full_page=True)


@pytest.fixture(scope="module")
def wall(browser: Browser, service: Service) -> Iterator[Page]:
    with visiting(browser, service.url, viewport={"width": 1560, "height": 900}) as page:
        yield page


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_can_be_read_by_everybody_and_fits(wall: Page, look: str) -> None:
    attributes, media = LOOKS[look]
    wall.emulate_media(**({"color_scheme": "light", "contrast": "no-preference", "forced_colors": "none"} | media))
    hang(wall, attributes)
    accessible(wall)
    picture(wall, look)
    for width in WIDTHS:
        assert overflowing(wall, width) == [], width


def test_it_can_be_read_in_the_least_room(wall: Page) -> None:
    wall.emulate_media(color_scheme="light", contrast="no-preference", forced_colors="none")
    hang(wall, {"lang": "de"}, 220)
    accessible(wall)
    picture(wall, "220 wide")


@pytest.mark.parametrize("way", ["ltr", "rtl"])
def test_the_marker_goes_from_calm_to_upset_whichever_way_is_read(wall: Page, way: str) -> None:
    hang(wall, {"lang": "en", "dir": way})
    places = {state: place for state, *place in wall.evaluate(PLACES)}
    assert places.keys() == STATES.keys()
    calm, marker, upset = places["calm"]
    assert abs(marker - calm) < abs(marker - upset)
    calm, marker, upset = places["upset with a hint"]
    assert abs(marker - upset) < abs(marker - calm)
    assert (calm < upset) == (way == "ltr")


AFTERWARDS = ["a reading in doubt", "a hint that was judged", "ended", "upload scored"]


@pytest.mark.skipif(not wanted(), reason="pictures are not asked for")
@pytest.mark.parametrize("look", ["light", "dark"])
def test_pictures(browser: Browser, service: Service, look: str) -> None:
    telling = ["calm", "tense", "unsure", "recovering", "upset with a hint", "noisy line", "reconnecting", "paused"]
    with visiting(browser, service.url, viewport={"width": 1240, "height": 1116}, color_scheme=look) as page:
        hang(page, {"lang": "en"}, 286, *telling)
        keep(page, f"states-{look}", only_meter=False)
        page.set_viewport_size({"width": 1240, "height": 866})
        hang(page, {"lang": "en"}, 286, *AFTERWARDS)
        keep(page, f"after-{look}", only_meter=False)
        page.set_viewport_size({"width": 952, "height": 572})
        hang(page, {"lang": "de", "layout": "compact"}, 920, "calm", "upset with a hint", "reconnecting")
        keep(page, f"compact-{look}", only_meter=False)
        page.set_viewport_size({"width": 496, "height": 676})
        hang(page, {"lang": "es"}, 220, "tense", "upset with a hint")
        keep(page, f"narrow-{look}", only_meter=False)


def test_nothing_glides_for_those_who_do_not_want_motion(browser: Browser, service: Service) -> None:
    with visiting(browser, service.url, reduced_motion="reduce") as page:
        moving = "(each) => getComputedStyle(each).transitionProperty"
        for part in (".marker", ".level i"):
            assert page.locator(f"undervoice-meter {part}").evaluate(moving) == "none"
