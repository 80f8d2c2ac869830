"""How hard to try: shortly with every test run, for long with ``--long`` (``make fuzz``)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("fuzz", deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="fuzz for long, as make fuzz does")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether there is time."""
    return bool(request.config.getoption("--long", default=False))
