"""Debian's Firefox, driven over WebDriver BiDi: the browser speaks it itself, no driver stands between."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
START_SEC = 60
"""A first start on a busy machine makes a profile."""

PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.default": 0,
    "media.cubeb.force_mock_context": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
"""A browser that asks nobody, plays at once, needs no sound card, and finds itself where there is no network."""


class Firefox:
    """One tab of a running Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.send("session.new", capabilities={})
        tree = self.send("browsingContext.getTree")
        self.tab = tree["contexts"][0]["context"]

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events in between are passed over.

        Raises:
            RuntimeError: the browser answered with an error.
        """
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(timeout=START_SEC))
            if answer.get("id") != number:
                continue
            if answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
            result: dict[str, Any] = answer["result"]
            return result

    def visit(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.send("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def run(self, expression: str) -> Any:
        """Return what an expression of JavaScript comes to, as JSON has it; promises are awaited."""
        wrapped = f"(async () => JSON.stringify(await ({expression})) ?? 'null')()"
        told = self.send(
            "script.evaluate", expression=wrapped, target={"context": self.tab}, awaitPromise=True, userActivation=True
        )
        if told["type"] == "exception":
            raise RuntimeError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def until(self, expression: str, seconds: float = 20) -> Any:
        """Return an expression's value once it is true of the page.

        Raises:
            TimeoutError: it never was; the last value is told.
        """
        end = time.monotonic() + seconds
        while not (value := self.run(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} is still {value!r}")
            time.sleep(0.1)
        return value

    def look(self, width: int, height: int) -> None:
        """Give the page this room, in CSS pixels."""
        self.send("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})

    def picture(self, path: Path) -> None:
        """Write what the page shows."""
        shot = self.send("browsingContext.captureScreenshot", context=self.tab, origin="document")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Run a Firefox with a profile of its own under ``folder``."""
    assert PROGRAM
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    log = folder / "firefox.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
            stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"MOZ_CRASHREPORTER_DISABLE": "1"},
        )  # fmt: skip
        try:
            with connect(f"{_listening(log, process)}/session", max_size=None, compression=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(log: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + START_SEC
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"Firefox did not start: {log.read_text(errors='replace')[-2000:]}")
