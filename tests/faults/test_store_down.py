"""A store that freezes and then dies: nobody waits for it, and what it missed arrives when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests import emulator as emulators
from tests.emulator import Emulator, free_port
from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import await_stored
from tests.faults.load import Heard, calls, percentile

pytestmark = pytest.mark.emulator

CALLS, FROZEN_SEC = (40, 60.0) if LONG else (16, 8.0)
SPEED = 1.0 if LONG else 2.0
DELAYED = 1.2
"""How much later the slowest hundredth of the readings may come while the store is away."""
NOISE_MS = 25.0 if LONG else 1000.0
"""What the slowest hundredth differs by anyway; in the short form other tests run meanwhile, and it only tells that
no reading waits for the store, which would take seconds."""


@pytest.fixture
async def firestore() -> AsyncIterator[Emulator]:
    """An emulator of this test's own, since it is to be killed."""
    started = await asyncio.to_thread(emulators.launch, free_port())
    if started is None:
        pytest.skip("no Firestore emulator here (set FIRESTORE_EMULATOR_JAR; needs java)")
    yield started
    started.kill()


async def hold(server: object, name: str, seconds: float) -> list[Heard]:
    async with calls(server, CALLS, seconds * SPEED, name=name, speed=SPEED, over_sec=1) as tasks:  # type: ignore[arg-type]
        return await asyncio.wait_for(asyncio.gather(*tasks), 3 * seconds + 60)


def latencies(heard: list[Heard]) -> list[float]:
    return [reading["latency_ms"] for each in heard for reading in each.finals.values()]


async def test_frozen_then_killed_then_back(
    launch: Launch, firestore: Emulator, figures: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    instance = launch(store="firestore://undervoice-faults")
    normal = await hold(instance.server, "normal", FROZEN_SEC / 2)
    await asyncio.to_thread(await_stored, instance, normal, 20)
    firestore.freeze()
    # From here on the store takes nothing; what it took before dies with it, since an emulator keeps nothing.
    frozen = await hold(instance.server, "frozen", FROZEN_SEC)
    firestore.kill()
    dead = await hold(instance.server, "dead", FROZEN_SEC / 4)
    again = await asyncio.to_thread(emulators.launch, int(firestore.address.rpartition(":")[2]))
    assert again is not None
    try:
        began = time.monotonic()
        found, _ = await asyncio.to_thread(await_stored, instance, [*frozen, *dead], 60)
        took = time.monotonic() - began
    finally:
        again.kill()
    before, during = percentile(latencies(normal), 0.99), percentile(latencies([*frozen, *dead]), 0.99)
    assert all(each.ended for each in [*normal, *frozen, *dead])
    assert during <= max(DELAYED * before, before + NOISE_MS)
    figures(
        f"store frozen {FROZEN_SEC:.0f} s, killed, back: p99 of a reading {before:.0f} ms before, {during:.0f} ms "
        f"during ({during / before - 1:+.0%}); {len(found)} readings that it missed stored within {took:.1f} s, once"
    )
