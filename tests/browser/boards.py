"""The supervisor's board in a browser: open it, go about it, read its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visiting
from tests.browser.pictures import keep

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


class Watched(Protocol):
    """A server, and a supervisor's token for it."""

    url: str
    token: str


@contextmanager
def at(browser: Browser, server: Watched, place: str, look: str = "light", **screen: int) -> Iterator[Page]:
    """Open the board by a link that carries the token, and go to one of its addresses; its scripts break nothing."""
    context: dict[str, Any] = {"color_scheme": look, "viewport": screen or DESK, "locale": "en-GB"}
    address = f"{server.url}/supervisor#token={server.token}"
    with visiting(browser, address, timezone_id="Europe/Berlin", **context) as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        page.get_by_role("navigation", name="Views").wait_for()
        go(page, place)
        yield page
        assert not faults


def go(page: Page, place: str) -> None:
    """Go to an address of the board, and wait for what it asks the server."""
    page.evaluate("(hash) => { location.hash = hash; }", place)
    settle(page)


def settle(page: Page) -> None:
    """Wait until nothing is being read any more."""
    expect(page.locator(".standing:visible", has_text="Asking the server")).to_have_count(0)


def unfold(page: Page) -> None:
    """Open all that can be opened."""
    page.evaluate("() => document.querySelectorAll('.view details').forEach((each) => { each.open = true; })")


def fitting(page: Page) -> None:
    """Wait until nothing sticks out of the page sideways."""
    for _ in range(20):  # charts follow the room that they get a frame later
        if page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(page.evaluate("document.documentElement.scrollWidth"))


def columns(page: Page, name: str) -> list[list[str]]:
    """Return the texts of a table's rows, without its head, by the table's name."""
    script = "(table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"
    rows: list[list[str]] = page.get_by_role("table", name=name).evaluate(script)
    return rows


def percent(share: float) -> str:
    """Return a share as the board writes it."""
    return f"{int(share * 100 + 0.5)}\u00a0%"


def picture(page: Page, name: str) -> None:
    """Write a picture of the whole page, where pictures are wanted."""
    keep(page, name, only_meter=False)


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    """Press a button that hands out a file; return its name and what it holds."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=button).click()
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()
