from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.emulator import PROJECT, wipe
from undervoice.store import Store, open_store


@pytest.fixture
def clean_emulator(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Empty the emulator and send the client library to it."""
    pytest.importorskip("google.cloud.firestore", reason="the firestore extra is not installed")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    wipe(firestore_emulator)
    return firestore_emulator


@pytest.fixture(params=["sqlite", pytest.param("firestore", marks=pytest.mark.emulator)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    request.getfixturevalue("clean_emulator")
    return f"firestore://{PROJECT}"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url)
    yield opened
    await opened.close()
