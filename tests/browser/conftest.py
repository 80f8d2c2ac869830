"""A real Chromium against a real server. Skipped where Chromium is absent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import soxr
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.history import Past, remembering
from tests.browser.processes import Service, serving
from tests.browser.reading import SAMPLE

expect.set_options(timeout=15_000)  # on a busy machine; what is to be quick says its own time

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

Launch = Callable[..., Browser]


# Package scope: one start serves all, and Playwright's loop is gone before the async tests of other folders.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def launch(playwright: Playwright) -> Iterator[Launch]:
    with ExitStack() as stack:

        def start(*flags: str) -> Browser:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET, *flags])
            stack.callback(browser.close)
            return browser

        yield start


@pytest.fixture(scope="package")
def browser(launch: Launch, clip: Path) -> Browser:
    """A Chromium whose microphone plays the clip."""
    return launch(AUTOPLAY, *FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={clip}%noloop")


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 8 s of the sample call, as the 48 kHz that a microphone usually has."""
    samples, rate = sf.read(SAMPLE)
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    # A second of silence first: the device may start a little before the page listens.
    start = np.concatenate([np.zeros(rate), samples[: 8 * rate]])
    sf.write(path, np.clip(soxr.resample(start, rate, 48_000), -1, 1), 48_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="package")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A server with days of calls behind it, for what looks back."""
    with remembering(tmp_path_factory.mktemp("past")) as running:
        yield running


@contextmanager
def visiting(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """Open an address in a browsing context of its own."""
    with browser.new_context(**context) as own:
        page = own.new_page()
        page.goto(address)
        yield page


@contextmanager
def staged(browser: Browser, service: Service, look: str) -> Iterator[tuple[str, Page]]:
    """Open the demo page on a desk's screen, light or dark."""
    with visiting(browser, service.page, color_scheme=look, viewport={"width": 1280, "height": 900}) as page:
        yield look, page


ANEW = """() => {
  const stage = document.querySelector('.stage'), old = stage.querySelector('undervoice-meter');
  window.blank ??= { element: old.cloneNode(), token: old.token };
  old?.remove();
  const fresh = blank.element.cloneNode();
  fresh.token = blank.token;
  stage.prepend(fresh);
}"""


@pytest.fixture(scope="module")
def lasting(browser: Browser, service: Service) -> Iterator[Page]:
    """The demo page, opened once for all tests of a file."""
    with visiting(browser, service.page) as page:
        yield page


@pytest.fixture
def desk(lasting: Page) -> Iterator[Page]:
    """That page, with a meter that has done nothing yet."""
    lasting.evaluate(ANEW)
    lasting.mouse.move(0, 0)
    yield lasting
    lasting.unroute_all()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The demo page, open and with a token."""
    with visiting(browser, service.page) as page:
        yield page
