"""What it costs that servers tell each other of their calls, beside the bare Redis that carries it.

    .venv/bin/python tests/bench/exchange.py [CALLS] [SECONDS]

One server tells of many calls with a new mood each 2.5 s, as calls that speak all the time do, and then of two a second
each, which is the most that is told; another, in a process of its own, hears it. Nothing is scored. Nothing here can
fail on a slow machine: ratios are what counts.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from redis.asyncio import Redis as Client

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.bench.live_feed import Nobody, cpu_sec  # noqa: E402
from tests.redises import redis_in  # noqa: E402

from undervoice.exchange import Alone, Exchange  # noqa: E402
from undervoice.live import Claim, LiveCalls  # noqa: E402
from undervoice.messages import Mood, Totals  # noqa: E402
from undervoice.peers import Peers  # noqa: E402
from undervoice.redis_exchange import RedisExchange  # noqa: E402
from undervoice.resources import Call  # noqa: E402
from undervoice.wall import live_row  # noqa: E402

SECRET = "a secret that both servers of this bench have"
EVERY_SEC = (2.5, 0.5)
"""From mood to mood of a call: as they come, and the most that is told."""
BARE = 20_000
"""Rows that are published one by one."""


def state(call_id: str, start: str) -> Call:
    """Return a call with a new mood; its trend carries when that was."""
    mood = Mood("tense", 1.0, random.random(), 2.0, time.time(), round(random.uniform(0, 120), 1))
    return Call(
        call_id, "a-1", "call", live=True, started_at=start, mood=mood, totals=Totals(audio_sec=time.monotonic())
    )


async def speak(claim: Claim, until: float, every_sec: float) -> None:
    """Give one call a new mood again and again."""
    start = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    await asyncio.sleep(random.uniform(0, every_sec))
    while time.monotonic() < until:
        claim.update(state(claim.call_id, start))
        await asyncio.sleep(every_sec)


async def tell(exchange: Exchange, calls: int, seconds: float, every_sec: float) -> tuple[float, int]:
    """Hold calls for so long; return the processor time of that and how many events there were."""
    peers = Peers(exchange)
    live = LiveCalls(peers)
    await peers.open()
    await asyncio.sleep(1.5)
    claims = [live.claim(f"c-{n}", Nobody()) for n in range(calls)]
    before, told = cpu_sec(), live.feed.newest
    until = time.monotonic() + seconds
    await asyncio.gather(*(speak(claim, until, every_sec) for claim in claims))
    took = cpu_sec() - before, live.feed.newest - told
    await peers.close()
    return took


async def hear(url: str) -> None:
    """Hear another server until it leaves; print what that took, and how old each mood was when it came, in ms."""
    peers = Peers(RedisExchange(url, SECRET))
    live = LiveCalls(peers)
    late: list[float] = []
    pass_on = live.feed.pass_on

    def noting(kind: str, body: bytes, call_id: str | None = None) -> None:
        if kind == "mood":
            at = body.index(b'"trend":') + 8
            late.append((time.time() - float(body[at : body.index(b",", at)])) * 1000)
        pass_on(kind, body, call_id)

    live.feed.pass_on = noting  # type: ignore[method-assign]
    gone = asyncio.Event()
    peers.going.append(lambda _, silent: gone.set())
    await peers.open()
    before = cpu_sec()
    await gone.wait()
    print(json.dumps({"cpu": cpu_sec() - before, "heard": live.feed.newest, "late": sorted(late)}))
    await peers.close()


async def bare(url: str) -> float:
    """Return the processor time of publishing one row by itself, as any client of Redis would."""
    row = json.dumps({"row": live_row(state("c-1", "2026-01-01T00:00:00.000Z")).call_id}).encode() + bytes(400)
    async with Client.from_url(url) as client:
        before = cpu_sec()
        for _ in range(BARE):
            await client.publish("bench", row)
        return (cpu_sec() - before) / BARE


async def measure(url: str, calls: int, seconds: float, every_sec: float) -> str:
    """Return a row of figures."""
    alone, events = await tell(Alone(), calls, seconds, every_sec)
    hearing = await asyncio.create_subprocess_exec(sys.executable, __file__, "hear", url, stdout=subprocess.PIPE)
    shared, told = await tell(RedisExchange(url, SECRET), calls, seconds, every_sec)
    heard = json.loads((await hearing.communicate())[0])
    late = heard["late"] or [0.0]
    each = [1e6 * alone / events, 1e6 * shared / told, 1e6 * heard["cpu"] / max(1, heard["heard"])]
    return (
        f"{told / seconds:8.0f} | {each[0]:5.1f} µs | {each[1]:5.1f} µs | {each[2]:5.1f} µs | "
        f"{shared / seconds:6.1%} | {heard['cpu'] / seconds:6.1%} | {late[len(late) // 2]:4.0f} ms | "
        f"{late[int(0.99 * (len(late) - 1))]:4.0f} ms | {heard['heard'] / told:.1%}"
    )


async def main() -> None:
    """Print a row for each pace of moods, and the bare Redis beside them."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    with redis_in() as redis:
        print(f"{calls} calls at one server, heard by another; processor time an event, and of one core")
        print("events/s | alone    | telling  | hearing  | telling| hearing| late p50| p99     | came")
        for every_sec in EVERY_SEC:
            print(await measure(redis.url, calls, seconds, every_sec))
        print(f"a bare publish of a row by redis-py: {1e6 * await bare(redis.url):.0f} µs")


if __name__ == "__main__":
    uvloop.run(hear(sys.argv[2]) if sys.argv[1:2] == ["hear"] else main())
