"""What the fault tests share: how long they last, the servers they break, and the figures they measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.instances import Instance
from tests.tiny import write_tiny_model

LONG = os.environ.get("UNDERVOICE_FAULTS") == "long"
"""Set by ``make faults``; without it each fault is tried once, shortened."""
FIGURE = "a fault's figure"
Launch = Callable[..., Instance]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form the time that it takes."""
    for item in items:
        if LONG and "tests/faults" in item.nodeid:
            item.add_marker(pytest.mark.timeout(900))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the figures, a line a fault."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, [])]
    # With the report, since the tests may have run in another process.
    if lines := [line for report in reports for name, line in report.user_properties if name == FIGURE]:
        terminalreporter.section("what broke, and what held")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line of what a test measured."""
    return lambda line: request.node.user_properties.append((FIGURE, line))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny real model, so that the machine's time goes to the faults."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def launch(tmp_path: Path, model: Path) -> Iterator[Launch]:
    """Start server processes: ``launch("a", store="sqlite:///…")``; settings in lower case, or ``environ={…}``."""
    with ExitStack() as stack:

        def start(name: str = "server", **settings: Any) -> Instance:
            instance = Instance(tmp_path / name, model, **settings)
            stack.callback(instance.close)
            return instance.start()

        yield start
