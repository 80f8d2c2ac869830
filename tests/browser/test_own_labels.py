"""A model with labels of its own: the meter shows their names, each with a letter and a quiet colour."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import visiting
from tests.browser.processes import serving
from tests.browser.reading import Wire, cells, press, titles
from tests.tiny import write_tiny_model

pytestmark = pytest.mark.browser

LABELS = ("calm_voice", "frustrated", "confused")
LETTERS = {"calm_voice": "C", "frustrated": "F", "confused": "O"}
LETTER_OF = """async ([emotion, labels]) => (await import('/widget/strings.js')).letterOf(emotion, labels)"""
HUE = "(cell) => getComputedStyle(cell).getPropertyValue('--hue')"


def test_labels_of_ones_own_have_their_names_letters_and_a_quiet_colour(browser: Browser, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "own", labels=LABELS, abstain_below=0.0)
    with serving(tmp_path / "state", model=str(model)) as service, visiting(browser, service.page) as page:
        wire = Wire(page)
        press(page, "Use this microphone")
        cells(page, 2)
        told = [reading["detected_emotion"] for reading in wire.finals()]
        assert set(told) <= set(LABELS)
        for title, emotion in zip(titles(page), told, strict=False):
            assert emotion in title
        cell = page.locator("undervoice-meter .cell:not(.open)").first
        assert cell.inner_text().strip() == LETTERS[told[0]]
        assert cell.evaluate(HUE) == page.locator("undervoice-meter").evaluate(
            "(meter) => getComputedStyle(meter).getPropertyValue('--uv-other')"
        )
        assert Axe().run(page).violations_count == 0


def test_no_two_labels_share_a_letter(page: Page) -> None:
    labels = ["nervous", "neutral", "sad", "sarcastic", "n", "sa", "satisfied"]
    letters = [page.evaluate(LETTER_OF, [label, labels]) for label in labels]
    assert letters == ["E", "N", "S", "A", "·", "·", "T"]
    assert page.evaluate(LETTER_OF, ["joyful", []]) == "J"
