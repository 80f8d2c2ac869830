"""An outbox without room: calls go on, the operator is told, and what was accepted before is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.faults.conftest import LONG, Launch
from tests.faults.disks import locked, small_disk
from tests.faults.evidence import await_stored
from tests.faults.instances import Instance
from tests.faults.load import Heard, calls

CALLS, AUDIO_SEC, SPEED = (40, 60.0, 3.0) if LONG else (10, 10.0, 5.0)


async def hold(instance: Instance, name: str) -> list[Heard]:
    """Hold calls to their ends."""
    async with calls(instance.server, CALLS, AUDIO_SEC, name=name, speed=SPEED) as tasks:
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 120)
    assert all(each.ended and each.finals for each in heard), [str(each.error) for each in heard]
    return heard


async def test_a_full_disk(launch: Launch, figures: Callable[[str], None], tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    with small_disk(tmp_path / "disk") as disk:
        instance = launch(store=f"sqlite:///{database}", outbox=str(disk.folder / "outbox.db"))
        with locked(database):
            before = await hold(instance, "before")
            disk.fill(instance.pid)
            during = await hold(instance, "during")
            metrics, ready = instance.metrics(), instance.get("/readyz")
            assert metrics["undervoice_outbox_failing"] == 1
            unkept = metrics["undervoice_outbox_unkept_total"]
            assert unkept >= sum(len(each.finals) for each in during)
            assert metrics["undervoice_writer_dropped_total"] == 0
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert ready.json()["checks"]["outbox"] in ("full", "failing")
            assert instance.log.count("the outbox cannot be written") == 1
        # The store is back before the disk is: what only memory held arrives too.
        found, _ = await asyncio.to_thread(await_stored, instance, [*before, *during], 30)

        instance.kill()
        disk.free()
        instance.start()
        with locked(database):
            accepted = await hold(instance, "accepted")
            disk.fill(instance.pid)
            instance.kill()
            instance.start()  # on a disk that is still full
        again, _ = await asyncio.to_thread(await_stored, instance, [*before, *during, *accepted], 30)
        instance.close()
    figures(
        f"disk full ({disk.kind}): {CALLS} calls went on, {unkept:.0f} records in memory only, told in metrics, readyz "
        f"and log; {len(found)} of {len(found)} readings stored when the store was back; of {len(again) - len(found)} "
        f"accepted before a kill -9 on the full disk all stored after the restart"
    )
