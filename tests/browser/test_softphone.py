"""The softphone example: a call over WebRTC within one page, whose remote track is what is scored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import AUTOPLAY, Launch, visiting
from tests.browser.processes import Service
from tests.browser.reading import ROOT, Wire, cells, word

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (ROOT / "widget" / "dist" / "meter").exists(), reason="the example uses the bundle, which is not built"
    ),
]

HEARD = """() => {
  const Real = RTCPeerConnection;
  window.ends = [];
  window.RTCPeerConnection = class extends Real { constructor(...all) { super(...all); ends.push(this); } };
  window.attached = [];
  const { attach } = meter;
  meter.attach = function (stream) { attached.push(stream); return attach.call(this, stream); };
}"""

ARRIVED = """() => {
  const [track] = attached[0].getTracks();
  return ends.some((end) => end.getReceivers().some((each) => each.track === track));
}"""


@pytest.fixture(scope="module")
def telephone(launch: Launch) -> Browser:
    """A Chromium that finds a way to itself where there is no network."""
    return launch(AUTOPLAY, "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns")


@pytest.fixture
def phone(telephone: Browser, service: Service) -> Iterator[Page]:
    with visiting(telephone, f"{service.url}/examples/softphone/#token={service.token}") as page:
        yield page


def test_the_customers_remote_track_is_scored_and_heard(phone: Page) -> None:
    assert "token" not in phone.url
    wire = Wire(phone)
    phone.evaluate(HEARD)
    phone.get_by_role("button", name="Take a call").click()
    expect(phone.get_by_role("status").first).to_have_text("On a call")
    cells(phone, 2, 25)
    assert phone.evaluate("attached[0] === ear.srcObject && !ear.paused && !ear.muted")
    assert phone.evaluate(ARRIVED)
    assert abs(wire.pcm.astype(float)).max() > 3000
    phone.get_by_role("button", name="Hang up").click()
    word(phone, "Call ended")
    assert phone.evaluate("ear.srcObject") is None


def test_a_remote_track_that_the_page_does_not_play_is_scored_all_the_same(phone: Page) -> None:
    wire = Wire(phone)
    phone.evaluate(
        "ear.play = async () => {}; Object.defineProperty(ear, 'srcObject', { value: null, writable: true })"
    )
    phone.get_by_role("button", name="Take a call").click()
    word(phone, "Listening…")
    phone.wait_for_timeout(2500)
    assert abs(wire.pcm.astype(float)).max() > 3000
