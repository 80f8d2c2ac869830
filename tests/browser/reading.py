"""Read what a page shows and what it sends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from playwright.sync_api import Page, WebSocket, expect

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "widget" / "src" / "demo" / "sample-call.flac"


class Wire:
    """Everything that crosses a page's WebSockets."""

    def __init__(self, page: Page) -> None:
        self.audio = bytearray()
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.sockets: list[WebSocket] = []
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", self._send)
        socket.on("framereceived", self._receive)

    def _send(self, payload: bytes | str) -> None:
        if isinstance(payload, bytes):
            self.audio += payload
        else:
            self.sent.append(json.loads(payload))

    def _receive(self, payload: bytes | str) -> None:
        self.received.append(json.loads(payload))
        if self.received[-1]["type"] == "started":
            # What the lost connection had been given after this place is sent again.
            del self.audio[2 * self.received[-1]["resume_from_sample"] :]

    @property
    def pcm(self) -> NDArray[np.int16]:
        return np.frombuffer(bytes(self.audio), "<i2")

    def finals(self) -> list[dict[str, Any]]:
        return [each for each in self.received if each["type"] == "emotion" and each["final"]]


def word(page: Page, text: str, seconds: float = 10) -> None:
    """Wait until the meter's word is this one."""
    expect(page.locator("undervoice-meter .word")).to_have_text(text, timeout=seconds * 1000)


def cells(page: Page, count: int, seconds: float = 15) -> None:
    """Wait until the strip shows at least so many final segments."""
    page.locator("undervoice-meter .cell:not(.open)").nth(count - 1).wait_for(state="attached", timeout=seconds * 1000)


def press(page: Page, name: str) -> None:
    """Press one of the meter's own buttons."""
    page.locator("undervoice-meter").get_by_role("button", name=name).click()


def titles(page: Page) -> list[str]:
    """Return what the strip's final cells say, for example "00:02 angry 85%"."""
    found = page.locator("undervoice-meter .cell:not(.open)")
    return [str(each.get_attribute("title")) for each in found.all()]


def analyze(path: Path) -> dict[str, Any]:
    """Return what the command line says about a recording."""
    command = [sys.executable, "-m", "undervoice", "analyze", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def write_wav(path: Path, pcm: NDArray[np.int16]) -> Path:
    """Write call audio as a WAV file."""
    sf.write(path, pcm, 16_000, subtype="PCM_16")
    return path
