"""Fixtures that several floors share."""

pytest_plugins = ["tests.emulator", "tests.servers"]
