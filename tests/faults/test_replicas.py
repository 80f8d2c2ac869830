"""Two servers behind haproxy, of which one is killed: its calls go on at the other, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.emulator import free_port
from tests.faults.conftest import LONG, Launch
from tests.faults.evidence import await_stored
from tests.faults.load import calls

CALLS, AUDIO_SEC, SPEED = (60, 90.0, 1.0) if LONG else (20, 18.0, 2.0)
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
"""Where haproxy is, which Debian does not put on everyone's path."""
CONFIG = """
global
    maxconn 5000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    retries 3
    option redispatch
frontend calls
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 300ms fall 1 rise 1 on-marked-down shutdown-sessions
    server one 127.0.0.1:{one} check
    server two 127.0.0.1:{two} check
"""


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Callable[[int, int], int]]:
    """Starts haproxy before two ports; it answers at the one that is returned."""
    program = shutil.which("haproxy", path=PATH)
    if program is None:
        pytest.skip("no haproxy here")
    running: list[subprocess.Popen[bytes]] = []

    def start(one: int, two: int) -> int:
        port = free_port()
        config = tmp_path / "haproxy.cfg"
        config.write_text(CONFIG.format(port=port, one=one, two=two))
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen([program, "-db", "-f", str(config)], stdout=quiet, stderr=quiet))
        return port

    yield start
    for process in running:
        process.kill()
        process.wait()


async def test_one_of_two_servers_is_killed(
    launch: Launch, balancer: Callable[[int, int], int], figures: Callable[[str], None], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    one, two = launch("one", store=store), launch("two", store=store)
    port = balancer(one.port, two.port)
    server = replace(one.server, url=one.server.url.replace(f":{one.port}", f":{port}"))
    async with calls(server, CALLS, AUDIO_SEC, speed=SPEED, over_sec=2) as tasks:
        await asyncio.sleep(AUDIO_SEC / SPEED / 2)
        shares = [int(each.metrics()["undervoice_calls_live"]) for each in (one, two)]
        one.kill()
        killed = time.monotonic()
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    assert sum(bool(each.losses) for each in heard) >= shares[0] > 0
    assert not any("started" in each.losses for each in heard)
    async with calls(two.server, CALLS, AUDIO_SEC, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), 240)
    assert [each.places for each in heard] == [each.places for each in good]
    # What the killed server had not handed to the store is in its outbox, and comes with its restart.
    one.start()
    found, _ = await asyncio.to_thread(await_stored, two, [*heard, *good], 30)
    away = [sec for each in heard for sec in each.away_sec]
    figures(
        f"one of two servers killed ({shares[0]} and {shares[1]} calls, {time.monotonic() - killed:.0f} s ago): all go "
        f"on at the other, back after {sum(away) / len(away):.2f} s (most {max(away):.2f}); {len(found) // 2} segments "
        f"as undisturbed, each stored and counted once"
    )
