"""The meter in Firefox: a recording and a remote stream over WebRTC are scored there too, and every state is drawn."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.firefox import PROGRAM, Firefox, firefox
from tests.browser.gallery import HANG, STATES
from tests.browser.processes import Service
from tests.browser.reading import ROOT
from tests.browser.test_embedding import COUNTED, LEFT, NOTHING

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="firefox-esr is not installed"),
]

FINALS = "meter.shadowRoot.querySelectorAll('.cell:not(.open)').length"
WORD = "meter.shadowRoot.querySelector('.word').textContent"


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as running:
        yield running


def picture(fox: Firefox, name: str) -> None:
    folder = os.environ.get("UNDERVOICE_GALLERY")
    if folder:
        fox.picture(Path(folder) / f"firefox-{name}.png")


def test_a_recording_is_scored_and_removing_the_meter_leaves_nothing(fox: Firefox, service: Service) -> None:
    fox.visit(service.page)
    fox.run(f"({COUNTED})()")
    fox.run("void document.querySelector('#sample').click()")
    assert fox.until(f"{FINALS} >= 1")
    assert fox.run(WORD) not in ("Ready", "Connecting…", "Click to start")
    picture(fox, "call")
    fox.run("void (window.gone = meter).remove()")
    fox.until(f"({LEFT})().contexts === 0")
    left = fox.run(f"({LEFT})()")
    assert {name: left[name] for name in NOTHING} == NOTHING


@pytest.mark.skipif(not (ROOT / "widget" / "dist" / "meter").exists(), reason="the example uses the bundle")
def test_the_softphones_remote_track_is_scored(fox: Firefox, service: Service) -> None:
    fox.visit(f"{service.url}/examples/softphone/#token={service.token}")
    fox.run("void document.querySelector('#call').click()")
    assert fox.until(f"{FINALS} >= 1", 30)
    picture(fox, "softphone")
    fox.run("void document.querySelector('#hangup').click()")
    assert fox.until(f"{WORD} === 'Call ended'")


def test_every_state_is_drawn_and_fits(fox: Firefox, service: Service) -> None:
    fox.visit("about:blank")
    fox.visit(service.page)
    fox.look(1560, 900)
    fox.run(f"({HANG})({json.dumps([STATES, {'lang': 'en'}, 220])})")
    script = """[...document.querySelectorAll('undervoice-meter')].map(({ dataset, view: { card, face } }) =>
      [dataset.state, face.word.textContent, card.scrollWidth <= card.clientWidth + 1, card.offsetHeight > 60])"""
    drawn = fox.run(script)
    assert [state for state, *_ in drawn] == list(STATES)
    assert [row for row in drawn if not (row[1] and row[2] and row[3])] == []
    picture(fox, "states")
