"""The real Firestore emulator, one process a test run, and only where it is installed.

``FIRESTORE_EMULATOR_HOST`` names one that runs already; else ``FIRESTORE_EMULATOR_JAR`` or the
Debian package google-cloud-cli-firestore-emulator gives the file to start.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = "undervoice-test"
MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
START_SEC = 60
PR_SET_PDEATHSIG = 1


@dataclass
class Emulator:
    """A running emulator; ``process`` is ``None`` when somebody else started it."""

    address: str
    process: subprocess.Popen[bytes] | None

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it: it keeps nothing, and a frozen one would not hear anything gentler."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    """Return a TCP port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wipe(address: str, project: str = PROJECT) -> None:
    """Delete every document of a project."""
    url = f"http://{address}/emulator/v1/projects/{project}/databases/(default)/documents"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()


@pytest.fixture(scope="session")
def firestore_process() -> Iterator[Emulator]:
    """Run the emulator, or skip the test where there is none."""
    running = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if running:
        yield Emulator(running, None)
        return
    emulator = launch(free_port())
    if emulator is None:
        pytest.skip("no Firestore emulator here (set FIRESTORE_EMULATOR_JAR or FIRESTORE_EMULATOR_HOST; needs java)")
    try:
        yield emulator
    finally:
        emulator.kill()


def launch(port: int) -> Emulator | None:
    """Start an emulator and wait until it answers; ``None`` where there is none to start."""
    jar = _jar()
    if jar is None or shutil.which("java") is None:
        return None
    command = [
        "java",
        "-Xmx400m",
        "-Duser.language=en",
        "-cp",
        jar,
        MAIN,
        "start",
        "--host=127.0.0.1",
        f"--port={port}",
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, preexec_fn=_die_with_parent)
    emulator = Emulator(f"127.0.0.1:{port}", process)
    try:
        _await_ready(emulator.address, process)
    except BaseException:
        emulator.kill()
        raise
    return emulator


@pytest.fixture(scope="session")
def firestore_emulator(firestore_process: Emulator) -> str:
    """Return ``host:port`` of the emulator."""
    return firestore_process.address


def _jar() -> str | None:
    named = os.environ.get("FIRESTORE_EMULATOR_JAR")
    if named:
        return named
    if shutil.which("dpkg") is None:
        return None
    package = ["dpkg", "-L", "google-cloud-cli-firestore-emulator"]
    listed = subprocess.run(package, capture_output=True, text=True, check=False).stdout
    return next((line for line in listed.splitlines() if line.endswith("emulator.jar") and Path(line).exists()), None)


def _await_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SEC
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=1) as answer:
                if b"Ok" in answer.read():
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the Firestore emulator did not start (exit status {process.poll()})")


def _die_with_parent() -> None:
    """Leave no Java behind when the test run itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
