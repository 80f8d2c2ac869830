"""Three servers on machines of their own, behind haproxy, with one Redis: the wall shows all calls, whatever goes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator import free_port
from tests.faults.conftest import LONG
from tests.faults.evidence import assert_same, await_stored
from tests.faults.instances import Instance
from tests.faults.load import Heard, calls
from tests.faults.namespaces import PATH, Network, inside, network
from tests.faults.walls import Wall
from tests.redises import redis_in
from undervoice.peers import GONE_SEC

CALLS, AUDIO_SEC, SPEED, BEGIN_SEC = (100, 90.0, 1.0, 10.0) if LONG else (24, 16.0, 2.0, 2.0)
DRAIN_SEC, LAST_WORDS_SEC = 6, 10
MISSING_SEC = 2.0
"""How long a call that goes on may be missing from the list that is asked for; from the wall it never is."""
SCRAPES = "a token for those who scrape, long enough"
CONFIG = """
global
    maxconn 5000
defaults
    mode http
    option forwardfor
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
    default-server inter 300ms fall 1 rise 1
{servers}
"""


@dataclass
class Cluster:
    """Three servers, what is before them, and what is between them."""

    network: Network
    redis_address: str
    servers: list[Instance]
    port: int

    @property
    def server(self) -> Any:
        """Where calls go to: haproxy."""
        return replace(self.servers[0].server, url=f"ws://127.0.0.1:{self.port}/api/v1/stream")


@pytest.fixture
def cluster(tmp_path: Path, model: Path) -> Iterator[Cluster]:
    """Start three servers in namespaces, with Redis and haproxy; all of it goes afterwards."""
    haproxy = shutil.which("haproxy", path=PATH)
    if haproxy is None:
        pytest.skip("no haproxy here")
    with ExitStack() as stack:
        laid = stack.enter_context(network())
        address = laid.second_address()
        stack.enter_context(redis_in("--port", "6379", "--bind", address, "--protected-mode", "no"))
        servers = [stack.enter_context(placed(laid, n, tmp_path, model, address)) for n in range(3)]
        port = free_port()
        rows = (f"    server s{n} {each.host}:{each.port} check" for n, each in enumerate(servers))
        config = tmp_path / "haproxy.cfg"
        config.write_text(CONFIG.format(port=port, servers="\n".join(rows)))
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([haproxy, "-db", "-f", str(config)], stdout=quiet, stderr=quiet)
        stack.callback(process.wait)
        stack.callback(process.kill)
        await_ready(f"http://127.0.0.1:{port}/readyz")
        yield Cluster(laid, address, servers, port)


@contextmanager
def placed(laid: Network, number: int, folder: Path, model: Path, redis: str) -> Iterator[Instance]:
    """Run a server on a machine of its own."""
    name, address = laid.machine(number)
    instance = Instance(
        folder / f"s{number}",
        model,
        inside=inside(name),
        host=address,
        origins="https://desk.example.com",
        consent="off",
        trusted_proxies=laid.address,
        store=f"sqlite:///{folder / 'store.db'}",
        redis=f"redis://{redis}:6379",
        drain_sec=str(DRAIN_SEC),
        start_sec="30",  # all of it is on one machine, which others use too
        metrics_token=SCRAPES,
        log_level="info",
    )
    try:
        yield instance.start()
    finally:
        instance.close()


def await_ready(url: str) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < end, "haproxy lets nobody through"
        time.sleep(0.05)


def held(instance: Instance) -> int:
    """Return how many calls a server holds."""
    answer = httpx.get(f"{instance.url}/metrics", headers={"authorization": f"Bearer {SCRAPES}"})
    (line,) = (line for line in answer.text.splitlines() if line.startswith("undervoice_calls_live "))
    return int(float(line.split()[1]))


async def test_one_of_three_servers_is_killed_and_one_stopped_and_the_wall_shows_all_calls_throughout(
    cluster: Cluster, figures: Callable[[str], None]
) -> None:
    first, second, last = cluster.servers
    step = AUDIO_SEC / SPEED / 5
    with Wall(last) as wall:
        async with calls(cluster.server, CALLS, AUDIO_SEC, speed=SPEED, over_sec=BEGIN_SEC) as tasks:
            await asyncio.sleep(BEGIN_SEC + step / 2)
            shares = [held(each) for each in cluster.servers]
            first.kill()
            await asyncio.sleep(step)
            status = await asyncio.to_thread(second.terminate, DRAIN_SEC + LAST_WORDS_SEC)
            heard = await asyncio.wait_for(asyncio.gather(*tasks), 300)
            over = time.monotonic()
            await asyncio.sleep(1)
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    assert status == 0
    assert min(shares) > 0
    assert sum(shares) == CALLS
    missing = on_the_wall_throughout(wall, heard)
    assert max(missing) <= MISSING_SEC
    # What the killed server had not handed to the store is in its outbox, and comes with its restart.
    await asyncio.to_thread(first.start)
    async with calls(last.server, CALLS, AUDIO_SEC, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), 300)
    assert_same(heard, good)
    found, _ = await asyncio.to_thread(await_stored, last, [*heard, *good], 30)
    moved = sum(1 for each in heard if each.losses)
    figures(
        f"of three servers in their own namespaces ({shares} calls) one killed, one stopped: {moved} calls moved, all "
        f"{CALLS} on the wall of the third from their start to their end; not on its list for at most "
        f"{max(missing):.1f} s; {len(found) // 2} segments as undisturbed, each stored and counted once; "
        f"{len(wall.listed)} lists and {sum(len(row.moods) for row in wall.rows.values())} moods in "
        f"{over - wall.began:.0f} s"
    )


def on_the_wall_throughout(wall: Wall, heard: list[Heard]) -> list[float]:
    """Hold the wall to the calls: each came once, and ended once, when it was over and not before.

    Returns for how long each was not on the list of live calls.
    """
    missing: list[float] = []
    for each in heard:
        row = wall.rows[each.call_id]
        assert len(row.came) == 1, f"{each.call_id} came {len(row.came)} times"
        assert [reason for _, reason in row.ended] == ["stop"], f"{each.call_id}: {row.ended}"
        ((ended, _),) = row.ended
        assert ended > max(row.moods, default=0)
        missing.append(wall.longest_missing(each.call_id, row.came[0], ended - 0.5))
    assert len(wall.snapshots) == 1
    return missing


@pytest.mark.skipif(not LONG, reason="a cut takes its time: make faults")
async def test_a_server_cut_off_from_redis_alone_goes_on_and_is_on_the_wall_again_once_it_is_back(
    cluster: Cluster, figures: Callable[[str], None]
) -> None:
    first, _, last = cluster.servers
    name, _ = cluster.network.machine(0)
    async with calls(first.server, 4, 2 * GONE_SEC + 12, over_sec=0.5) as tasks:
        with Wall(last) as wall:
            await asyncio.sleep(2)
            assert len(wall.rows.keys() | wall.snapshots[0]) == 4
            cluster.network.cut(name, cluster.redis_address)
            began = time.monotonic()
            await until(lambda: sum(len(row.ended) for row in wall.rows.values()) == 4, 2 * GONE_SEC)
            gone_sec = time.monotonic() - began
            health = first.get("/health").json()
            ready = first.get("/readyz").status_code
            cluster.network.heal(name, cluster.redis_address)
            began = time.monotonic()
            await until(lambda: all(row.came and row.came[-1] > began for row in wall.rows.values()), 12)
            back_sec = time.monotonic() - began
            heard = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert [row.ended[0][1] for row in wall.rows.values()] == ["lost"] * 4
    assert (health["checks"]["exchange"], ready) == ("down", 200)
    assert all(each.ended and not each.losses for each in heard)
    await asyncio.to_thread(await_stored, last, heard, 30)
    records = [last.get(f"/api/v1/calls/{each.call_id}").json() for each in heard]
    assert [(record["live"], record["reason"]) for record in records] == [(False, "stop")] * 4
    figures(
        f"one of three servers cut off from Redis alone: its 4 calls go on undisturbed, off the others' walls after "
        f"{gone_sec:.1f} s, on them again {back_sec:.1f} s after the cut is healed"
    )


async def until(so: Callable[[], bool], within_sec: float) -> None:
    end = time.monotonic() + within_sec
    while not so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
