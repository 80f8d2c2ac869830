"""A server of several processes is one server: to those who call, to those who watch, and to those who run it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.cli.conftest import Finished, call, environment
from tests.cli.test_commands import assert_one_line
from tests.faults.evidence import assert_same, await_stored
from tests.faults.instances import Instance
from tests.faults.load import calls
from tests.redises import Redis
from tests.servers import of_type, opening, said
from tests.voices import sentence
from undervoice.cli import workers
from undervoice.cli.door import LATE_SEC
from undervoice.cli.worker import share
from undervoice.errors import BadSettings
from undervoice.settings import load_settings
from undervoice.terms import SUBPROTOCOL

PCM = sentence(0.4, 3.3, 1.0, 0.8, 6.0).tobytes()
DRAIN_SEC, LAST_WORDS_SEC = 6, 10
WITHIN_SEC = 20


def workers_of(instance: Instance) -> list[int]:
    """Return the processes that serve, the oldest first."""
    children = Path(f"/proc/{instance.pid}/task/{instance.pid}/children").read_text()
    return sorted(map(int, children.split()))


def ports_of(pid: int, port: int) -> set[int]:
    """Return the clients' ports of the connections that a process has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {
        f"socket:[{row[9]}]": int(row[2].split(":")[1], 16)
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == "01"
    }
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            found.add(established.get(os.readlink(entry), 0))
    return found - {0}


def shares_of(instance: Instance) -> list[int]:
    """Return how many connections each worker has."""
    return [len(ports_of(pid, instance.port)) for pid in workers_of(instance)]


def until(met: Callable[[], Any], what: str) -> Any:
    """Wait for something, and return it."""
    end = time.monotonic() + WITHIN_SEC
    while not (found := met()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


def dial(instance: Instance, stack: ExitStack | None = None) -> ClientConnection:
    """Open a call's socket."""
    server = instance.server
    headers = {"Authorization": f"Bearer {server.token}"}
    ws = connect(server.url, additional_headers=headers, subprotocols=[SUBPROTOCOL])  # type: ignore[list-item]
    return stack.enter_context(ws) if stack else ws


def dial_each(instance: Instance, stack: ExitStack) -> list[ClientConnection]:
    """Open a call's socket to each worker."""
    found: dict[int, ClientConnection] = {}
    for _ in range(20):
        ws = dial(instance, stack)
        mine = ws.socket.getsockname()[1]
        until(lambda mine=mine: any(mine in ports_of(pid, instance.port) for pid in workers_of(instance)), "not taken")
        found |= {pid: ws for pid in workers_of(instance) if mine in ports_of(pid, instance.port)}
        if len(found) == len(workers_of(instance)):
            break
    assert len(found) == 2, "all go to one worker"
    return list(found.values())


def metrics(instance: Instance) -> dict[str, float]:
    """Return the figures without labels."""
    rows = (line.rsplit(" ", 1) for line in instance.get("/metrics").text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows if "{" not in name}


def listed(instance: Instance) -> set[str]:
    """Return the ids of the calls on the wall."""
    return {row["call_id"] for row in instance.get("/api/v1/calls", live="true").json()["items"]}


Launch = Callable[..., Instance]


@pytest.fixture
def launch(tmp_path: Path, model: Path) -> Iterator[Launch]:
    """Start servers of two workers."""
    with ExitStack() as stack:

        def start(**settings: str) -> Instance:
            instance = Instance(tmp_path / "server", model, **{"workers": "2"} | settings)
            stack.callback(instance.close)
            return instance.start()

        yield start


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Instance]:
    """A server of two workers."""
    instance = Instance(tmp_path_factory.mktemp("pair"), model, workers="2", drain_sec="1")
    instance.start()
    yield instance
    left = workers_of(instance)
    instance.kill()
    until(lambda: not any(Path(f"/proc/{pid}/fd").exists() for pid in left), "a worker outlives its parent")


# ---------------------------------------------------------------- one server to those who call and watch


def test_calls_are_shared_evenly(pair: Instance) -> None:
    with ExitStack() as open_calls:
        for _ in range(20):
            dial(pair, open_calls)
        assert len(workers_of(pair)) == 2
        assert sum(shares_of(pair)) == 20
        assert min(shares_of(pair)) >= 9


def test_a_call_at_one_worker_shows_at_the_other(pair: Instance) -> None:
    with ExitStack() as open_calls:
        for number, ws in enumerate(dial_each(pair, open_calls)):
            ws.send(opening(f"wall-{number}"))
            said(ws, "checkpoint")
        until(lambda: all(listed(pair) >= {"wall-0", "wall-1"} for _ in range(4)), "not on the wall of each worker")
        until(lambda: metrics(pair)["undervoice_calls_live"] == 2, "not all calls in the figures")


def test_a_call_is_taken_over_from_the_other_worker(pair: Instance) -> None:
    with ExitStack() as open_calls:
        old, new = dial_each(pair, open_calls)
        old.send(opening("moved"))
        token = said(old, "checkpoint")[-1]["token"]
        new.send(opening("moved", resume={"checkpoint": token}))
        assert said(new, "started")[-1]["call_id"] == "moved"
        assert said(old)[-1]["code"] == "superseded"
        new.send('{"type":"stop"}')
        assert said(new)[-1]["type"] == "stopped"


def test_an_id_that_the_other_worker_holds_is_taken(pair: Instance) -> None:
    with ExitStack() as open_calls:
        one, other = dial_each(pair, open_calls)
        one.send(opening("mine"))
        said(one, "checkpoint")
        other.send(opening("mine"))
        assert said(other)[-1]["code"] == "call_exists"


def test_an_erasure_ends_the_call_at_the_other_worker(pair: Instance) -> None:
    with ExitStack() as open_calls:
        sockets = dial_each(pair, open_calls)
        for number, ws in enumerate(sockets):
            ws.send(opening(f"gone-{number}"))
            said(ws, "checkpoint")
        until(lambda: listed(pair) >= {"gone-0", "gone-1"}, "not on the wall")
        with pair.http() as http:  # one connection, so that one worker does both
            assert [http.delete(f"/api/v1/calls/gone-{number}").status_code for number in range(2)] == [204, 204]
        assert [said(ws)[-1]["code"] for ws in sockets] == ["call_erased", "call_erased"]


def test_the_figures_are_those_of_all_workers(pair: Instance) -> None:
    before = metrics(pair)["undervoice_segments_scored_total"]
    with ExitStack() as open_calls:
        sockets = dial_each(pair, open_calls)
        for number, ws in enumerate(sockets):
            ws.send(opening(f"counted-{number}", config={"provisional_ms": 0}))
            for at in range(0, len(PCM), 3200):
                ws.send(PCM[at : at + 3200])
            ws.send('{"type":"stop"}')
        segments = sum(said(ws)[-1]["totals"]["segments"] for ws in sockets)
    assert segments
    figures = [metrics(pair) for _ in range(4)]  # of either worker
    assert {each["undervoice_segments_scored_total"] - before for each in figures} == {segments}
    assert {each["undervoice_workers"] for each in figures} == {2}
    assert {each["undervoice_workers_silent"] for each in figures} == {0}
    assert {each["undervoice_connections_limit"] for each in figures} == {2000}


def test_health_tells_of_a_worker_that_does_not_answer(pair: Instance) -> None:
    def told() -> set[str]:
        answers = [pair.get("/health").json() for _ in range(2)]
        return {f"{each['status']} {each['checks']['workers']}" for each in answers}

    assert told() == {"ok ok"}
    frozen = workers_of(pair)[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        with ExitStack() as waiting:
            for _ in range(2):  # one for each
                waiting.enter_context(socket.create_connection(("127.0.0.1", pair.port)))
            time.sleep(LATE_SEC + 0.2)  # from then on all are for the other one
            assert told() == {"degraded silent"}
            assert metrics(pair)["undervoice_workers_silent"] == 1
    finally:
        os.kill(frozen, signal.SIGCONT)
    until(lambda: told() == {"ok ok"}, "it is not heard again")


def test_each_worker_has_files_of_its_own(pair: Instance) -> None:
    assert {path.name for path in pair.folder.glob("outbox*.db")} == {"outbox.db", "outbox-1.db"}
    held = [{os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()} for pid in workers_of(pair)]
    boxes = [{name for name in names if name.endswith((".db",)) and "outbox" in name} for names in held]
    assert [len(names) for names in boxes] == [1, 1]
    assert boxes[0] != boxes[1]


# ---------------------------------------------------------------- faults


async def test_a_worker_is_killed_and_then_all_are_stopped(launch: Launch, tmp_path: Path) -> None:
    count, audio_sec, speed = 12, 12.0, 2.0
    server = launch(drain_sec=str(DRAIN_SEC))
    first, other = workers_of(server)
    async with calls(server.server, count, audio_sec, speed=speed, over_sec=0.5) as tasks:
        await asyncio.sleep(1.5)
        shares = shares_of(server)
        os.kill(first, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: len({*workers_of(server)} - {first}) == 2, "no other worker was started")
        assert other in workers_of(server)
        await asyncio.sleep(1.5)
        status = await asyncio.to_thread(server.terminate, DRAIN_SEC + LAST_WORDS_SEC)
        await asyncio.to_thread(server.start)
        heard = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert status == 0
    assert min(shares) >= count // 2 - 1
    assert all(each.ended for each in heard), [str(each.error) for each in heard if each.error]
    assert sum(len(each.losses) > 1 for each in heard) >= count // 2 - 1, "no call was at the worker that was killed"
    assert all(any("draining" in why for why in each.losses) for each in heard), [each.losses for each in heard]
    async with calls(server.server, count, audio_sec, name="good", live=False) as tasks:
        good = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert_same(heard, good)
    await asyncio.to_thread(await_stored, server, [*heard, *good], 30)
    whole = call("audit", "verify", env=server.env)
    assert whole.returncode == 0, whole.stderr
    assert len(list((server.folder / "audit").glob("*.head"))) == 2, "each worker has a chain, also after another start"


def test_a_worker_that_is_stopped_alone_moves_its_calls_to_the_others(launch: Launch) -> None:
    server = launch(drain_sec="60")
    with ExitStack() as open_calls:
        sockets = dial_each(server, open_calls)
        for number, ws in enumerate(sockets):
            ws.send(opening(f"c-{number}"))
        token = said(sockets[0], "checkpoint")[-1]["token"]
        mine = sockets[0].socket.getsockname()[1]
        (stopped,) = (pid for pid in workers_of(server) if mine in ports_of(pid, server.port))
        os.kill(stopped, signal.SIGTERM)
        said(sockets[0], "reconnect")
        time.sleep(0.5)  # its parent knows by then
        for _ in range(3):  # none is refused, though the other has more
            last = dial(server, open_calls)
        last.send(opening("c-0", resume={"checkpoint": token}))
        said(last, "started")
        said(sockets[0])
        until(lambda: len({*workers_of(server)} - {stopped}) == 2, "no other worker takes its place")
        assert server.get("/readyz").status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_does_not_wait_for_the_calls(launch: Launch, workers: str) -> None:
    server = launch(drain_sec="60", workers=workers)
    everybody = [server.pid, *workers_of(server)]
    with dial(server) as ws:
        ws.send(opening("c-1"))
        said(ws, "checkpoint")
        for pid in everybody:  # as a terminal does
            os.kill(pid, signal.SIGINT)
        assert of_type(said(ws, "reconnect"), "reconnect")[0]["deadline_ms"] == 60_000
        assert httpx.get(f"{server.url}/readyz").json()["status"] == "draining"
        began = time.monotonic()
        for pid in everybody:
            os.kill(pid, signal.SIGINT)
        assert server.process is not None
        assert server.process.wait(WITHIN_SEC) == 0
        assert time.monotonic() - began < WITHIN_SEC / 2
    assert "Traceback" not in server.log


def test_workers_that_share_a_redis_with_others_are_still_one_server(
    launch: Launch, redis: Redis, tmp_path: Path, model: Path
) -> None:
    server = launch(redis=redis.url)
    alone = Instance(tmp_path / "alone", model, redis=redis.url)
    with ExitStack() as open_calls:
        open_calls.callback(alone.close)
        alone.start()
        sockets = [*dial_each(server, open_calls), dial(alone, open_calls)]
        for number, ws in enumerate(sockets):
            ws.send(opening(f"c-{number}"))
            said(ws, "checkpoint")
        names = {"c-0", "c-1", "c-2"}
        until(lambda: listed(alone) >= names and listed(server) >= names, "not one wall")
        assert metrics(server)["undervoice_workers"] == 2
        assert metrics(server)["undervoice_calls_live"] == 2
        assert metrics(alone)["undervoice_calls_live"] == 1


# ---------------------------------------------------------------- how it starts


def test_a_taken_port_is_one_line(tmp_path: Path, model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = environment(tmp_path / "state", model)
        assert_one_line(call("serve", "--workers", "2", "--port", port, env=env), 1, str(port), "in use")


def test_what_keeps_workers_from_starting_is_one_line(tmp_path: Path, model: Path) -> None:
    env = environment(tmp_path / "state", tmp_path / "none")
    alone: Finished = call("serve", "--port", "0", env=env)
    assert_one_line(alone, alone.returncode, "none")
    several = call("serve", "--workers", "2", "--port", "0", env=env)
    assert (several.returncode, several.stderr) == (alone.returncode, alone.stderr)


def test_where_sockets_cannot_be_handed_over_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(BadSettings, match="UNDERVOICE_WORKERS"):
        workers.check()


def test_one_worker_is_the_server_itself(tmp_path: Path, model: Path) -> None:
    server = Instance(tmp_path, model, workers="1").start()
    try:
        assert workers_of(server) == []
        assert "undervoice_workers" not in metrics(server)
        assert server.terminate(WITHIN_SEC) == 0
    finally:
        server.close()


def test_threads_and_calls_are_shared_out_among_the_workers(tmp_path: Path) -> None:
    def shares(**chosen: str) -> list[tuple[int, int]]:
        names = {f"UNDERVOICE_{name.upper()}": value for name, value in chosen.items()}
        settings = load_settings({"UNDERVOICE_STATE": str(tmp_path)} | names)
        each = [share(settings, number) for number in range(settings.workers)]
        return [(one.threads, one.max_calls) for one in each]

    assert shares(threads="8", max_calls="10", workers="3") == [(3, 4), (3, 3), (2, 3)]
    assert shares(threads="1", max_calls="2000", workers="2") == [(1, 1000), (1, 1000)]
