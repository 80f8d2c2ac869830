"""A real `undervoice serve` in its own process, with its logs in files and its memory in sight."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Running:
    """A server of its own."""

    url: str
    pid: int

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return what it holds now, or (``VmHWM``) has held at most since ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(rf"{what}:\s+(\d+) kB", status)[0]) / 1024

    def forget_peak(self) -> None:
        """Begin to watch the peak anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def serving(folder: Path, tiny: Path, **settings: str) -> Iterator[Running]:
    """Run a server that logs all it has to say into files."""
    environment = os.environ | {"UNDERVOICE_STATE": str(folder), "UNDERVOICE_MODEL": str(tiny)}
    environment |= {f"UNDERVOICE_{name.upper()}": value for name, value in settings.items()}
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        command = [sys.executable, "-m", "undervoice", "serve", "--port", "0"]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        try:
            until = time.monotonic() + 60
            while not (found := re.match(r"(http://\S+)/#token=\S+\n", out.read_text())):
                assert process.poll() is None, err.read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield Running(found[1], process.pid)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
