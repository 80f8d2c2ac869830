"""A person's way: a call on the desk, what the supervisor sees of it meanwhile, and what is left of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.boards import at, columns, downloaded, go
from tests.browser.conftest import Launch, visiting
from tests.browser.floor import Seat
from tests.browser.processes import Service, serving
from tests.browser.reading import press, word
from tests.browser.test_real_call import calling, spoken
from undervoice.auth import Tokens

pytestmark = [pytest.mark.browser, pytest.mark.data]

SECRET = "a secret that is longer than 32 bytes"
SOON_MS = 1000

SEEN = """([root, selector, text]) => {
  const place = root ? document.querySelector(root).shadowRoot : document.body;
  const look = () => { if (place.querySelector(selector)?.textContent.includes(text)) window.seenAt ??= Date.now(); };
  new MutationObserver(look).observe(place, { subtree: true, childList: true, characterData: true });
  look();
}"""
"""Notes when a text first stands somewhere on a page."""


@pytest.fixture(scope="module")
def caller(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return calling(launch, spoken(tmp_path_factory.mktemp("caller") / "call.wav"))


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("centre"), secret=SECRET) as running:
        yield running


def seen_at(page: Page) -> float:
    return float(page.wait_for_function("() => window.seenAt", timeout=40_000).json_value())


def test_a_call_from_the_agents_first_click_to_the_supervisors_export(caller: Browser, centre: Service) -> None:
    supervisor = Seat(centre.url, Tokens(SECRET).issue("supervisor").token)
    with at(caller, supervisor, "#/wall") as board, visiting(caller, centre.page) as desk:
        expect(board.get_by_text("No live calls")).to_be_visible()
        desk.evaluate(SEEN, ["undervoice-meter", ".word", "Upset"])
        board.evaluate(SEEN, ["", ".row .mood b", "Upset"])
        press(desk, "Use this microphone")
        told = seen_at(desk)
        assert seen_at(board) - told <= SOON_MS
        expect(desk.locator("undervoice-meter .hint")).to_be_visible(timeout=15_000)
        press(desk, "End call")
        word(desk, "Call ended")
        expect(desk.locator("undervoice-meter .summary")).to_be_visible()
        shown = desk.locator("undervoice-meter .cell:not(.open)").count()
        go(board, "#/log")
        rows = columns(board, "Log")
        assert len(rows) == shown
        go(board, "#/trends")
        name, body = downloaded(board, "Export CSV: By day")
        (day,) = csv.DictReader(io.StringIO(body.decode()))
        assert name.endswith(".csv")
        assert int(day["total_segments"]) == shown
