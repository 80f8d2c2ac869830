"""Fixtures that several floors share, and which tests may run at the same time."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ["tests.emulator", "tests.servers"]

ALONE = ("browser", "faults", "store")
"""Folders whose tests run one after another: they live in real time, or share a store's emulator with its deadlines."""


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a shell that runs them in the background hands on that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares servers, and what measures time, together where tests run in several processes."""
    for item in items:
        folder, name = item.path.parent.name, item.path.name
        group = "board" if name.startswith("test_board") else folder if folder in ALONE else name
        item.add_marker(pytest.mark.xdist_group(group))
