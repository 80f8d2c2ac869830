"""deploy/haproxy.cfg before servers of a test's own: the names changed, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulator import free_port
from undervoice.places import REPOSITORY

CONFIG = REPOSITORY / "deploy" / "haproxy.cfg"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
"""Where haproxy is, which Debian does not put on everyone's path."""


def haproxy() -> str:
    """Return the program, or skip the test where there is none."""
    program = shutil.which("haproxy", path=PATH)
    if program is None:
        pytest.skip("no haproxy here")
    return program


def config_for(port: int, one: int, two: int) -> str:
    """Return the configuration, its addresses on this machine."""
    text = CONFIG.read_text()
    for name, address in (
        (":8080", f"127.0.0.1:{port}"),
        ("one:8000", f"127.0.0.1:{one}"),
        ("two:8000", f"127.0.0.1:{two}"),
    ):
        assert text.count(f" {name}\n") == 1, name
        text = text.replace(f" {name}\n", f" {address}\n")
    return text


@contextmanager
def balancing(folder: Path, one: int, two: int) -> Iterator[int]:
    """Run haproxy before two ports of this machine; gives the port at which it answers."""
    port, config = free_port(), folder / "haproxy.cfg"
    config.write_text(config_for(port, one, two))
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([haproxy(), "-db", "-f", str(config)], stdout=quiet, stderr=quiet)
    try:
        yield port
    finally:
        process.kill()
        process.wait()
