"""Fixtures that several floors share, and which tests may run at the same time."""

from __future__ import annotations

import signal

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.emulator", "tests.redises", "tests.servers"]

ALONE = ("browser", "faults", "store")
"""Folders whose tests run one after another: they live in real time, or share a store's emulator with its deadlines."""


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a shell that runs them in the background hands on that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Together(LoadScopeScheduling):
    """Keeps in one process what shares servers, and what measures time."""

    def _split_scope(self, nodeid: str) -> str:
        folder, name = nodeid.partition("::")[0].split("/")[-2:]
        if name.startswith("test_board"):
            return "board"
        return folder if folder in ALONE else name


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's; its groups by mark do not reach pytest 9.2
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Hand the tests out to the processes."""
    return Together(config, log)
