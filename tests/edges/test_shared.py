"""Several servers and one Redis: each tells of the calls of all, and a call, a limit and an erasure hold everywhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from redis import Redis as Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.edges.test_api import SPEECH, code
from tests.edges.test_live_feed import Watcher
from tests.edges.test_resume import HALF, PCM, resume
from tests.redises import Redis
from tests.servers import Serve, Server, of_type, opening, said
from undervoice.envelopes import Envelopes
from undervoice.exchange import new_name
from undervoice.feed import READERS_A_TOKEN
from undervoice.limits import PER_ROLE
from undervoice.live import SETTLE_SEC
from undervoice.shares import TELL_SEC

Pair = tuple[Server, Server]
BLINK_SEC = 1.0


def await_true(so: Callable[[], object], within_sec: float = 5.0) -> float:
    """Wait until something holds; return how long that took."""
    began = time.monotonic()
    while not so():
        assert time.monotonic() - began < within_sec
        time.sleep(0.01)
    return time.monotonic() - began


def meet(*servers: Server) -> None:
    """Wait until servers know each other."""
    await_true(lambda: all(len(each.service.peers.names) == len(servers) - 1 for each in servers))


@pytest.fixture
def pair(serve: Serve, redis: Redis) -> Pair:
    """Two servers that share a store and a Redis."""
    one, two = (serve(redis=redis.url) for _ in range(2))
    meet(one, two)
    return one, two


# ---------------------------------------------------------------- the wall


def test_a_call_at_one_server_is_on_the_wall_of_the_other_from_start_to_end(pair: Pair) -> None:
    one, two = pair
    with Watcher(one) as near, Watcher(two) as far:
        assert near.next().data == far.next().data == {"items": []}
        one.call("c-1", SPEECH.tobytes())
        told = [[(event.kind, event.data) for event in wall.until("ended")] for wall in (near, far)]
    assert told[0] == told[1]
    kinds = [kind for kind, _ in told[1]]
    assert kinds[:2] == ["call", "mood"]
    assert kinds.count("call") == kinds.count("ended") == 1


def test_what_happens_at_one_server_is_known_at_the_other_within_a_blink(pair: Pair) -> None:
    one, two = pair
    with Watcher(two) as wall, one.connect() as ws, two.http() as http:
        wall.next()
        ws.send(opening("c-1", config={"live": True}))
        said(ws, "started")
        began = time.monotonic()
        wall.until("call")
        assert time.monotonic() - began < BLINK_SEC
        assert [call["call_id"] for call in http.get("/api/v1/calls?live=true").json()["items"]] == ["c-1"]
        ws.send(SPEECH.tobytes())
        (mood,) = of_type(said(ws, "mood"), "mood")
        began = time.monotonic()
        row = wall.until("mood")[-1].data
        assert time.monotonic() - began < BLINK_SEC
        assert row["upset_score"] == mood["upset_score"]
        call = http.get("/api/v1/calls/c-1").json()
        assert (call["live"], call["mood"] is not None) == (True, True)
        with Watcher(two) as late:
            (item,) = late.next().data["items"]
        assert (item["call_id"], item["started_at"]) == ("c-1", row["started_at"])
    wall_is_empty(two)


def wall_is_empty(server: Server) -> None:
    def shown() -> Any:
        with Watcher(server) as wall:
            return wall.next().data["items"]

    await_true(lambda: not shown())


def test_who_joins_later_learns_what_goes_on(serve: Serve, redis: Redis) -> None:
    one = serve(redis=redis.url)
    with one.connect() as ws:
        ws.send(opening("c-1"))
        said(ws, "started")
        two = serve(redis=redis.url)
        meet(one, two)
        with Watcher(two) as wall:
            first = wall.next()
            told = first.data["items"] or [wall.until("call")[-1].data]
        assert [row["call_id"] for row in told] == ["c-1"]


# ---------------------------------------------------------------- one call, one server


def test_a_call_that_goes_on_at_another_server_ends_the_older_socket_and_stays_on_the_wall(pair: Pair) -> None:
    one, two = pair
    with Watcher(one) as near, Watcher(two) as far, one.connect() as older, two.connect() as newer:
        for wall in (near, far):
            wall.next()
        older.send(opening("c-1"))
        older.send(PCM[:HALF])
        before = said(older, "checkpoint")
        newer.send(opening("c-1", resume=resume(before)))
        said(newer, "started")
        (last,) = of_type(said(older), "error")
        assert (last["code"], older.close_code) == ("superseded", 4409)
        newer.send('{"type":"stop"}')
        assert said(newer)[-1]["type"] == "stopped"
        for wall in (near, far):
            kinds = [event.kind for event in wall.until("ended")]
            assert kinds.count("call") == kinds.count("ended") == 1
    with two.http() as http:
        call = http.get("/api/v1/calls/c-1").json()
        assert (call["live"], call["reason"]) == (False, "stop")


def test_a_new_call_whose_id_goes_on_elsewhere_is_refused_though_no_store_knows_it(serve: Serve, redis: Redis) -> None:
    servers = [serve(redis=redis.url, store="sqlite:///:memory:") for _ in range(2)]
    meet(*servers)
    with servers[0].connect() as ws, servers[1].connect() as other:
        ws.send(opening("c-1"))
        said(ws, "started")
        await_true(lambda: servers[1].service.live.elsewhere.get("c-1"))
        other.send(opening("c-1"))
        (refused,) = said(other)
        assert (refused["code"], other.close_code) == ("call_exists", 4409)
        ws.send('{"type":"stop"}')
        assert said(ws)[-1]["type"] == "stopped"


def test_of_one_id_started_at_two_servers_at_once_exactly_one_stays(pair: Pair) -> None:
    for number in range(3):
        with pair[0].connect() as one, pair[1].connect() as two:
            together = threading.Barrier(2)

            def start(
                ws: ClientConnection, call_id: str = f"c-{number}", together: threading.Barrier = together
            ) -> None:
                together.wait()
                ws.send(opening(call_id))

            starting = [threading.Thread(target=start, args=(ws,)) for ws in (one, two)]
            for thread in starting:
                thread.start()
            for thread in starting:
                thread.join()
            time.sleep(2 * SETTLE_SEC)
            for ws in (one, two):
                with contextlib.suppress(ConnectionClosed):
                    ws.send('{"type":"stop"}')
            ends = sorted(said(ws)[-1].get("code", "stopped") for ws in (one, two))
        assert ends == ["call_exists", "stopped"]
        with pair[0].http() as http:
            assert http.get(f"/api/v1/calls/c-{number}").json()["reason"] == "stop"


def test_a_call_erased_at_one_server_ends_at_the_other_at_once(pair: Pair) -> None:
    one, two = pair
    with Watcher(two) as wall, one.connect() as ws, two.http() as http:
        wall.next()
        ws.send(opening("c-1"))
        ws.send(SPEECH.tobytes())
        said(ws, "emotion")
        wall.until("mood")
        assert http.delete("/api/v1/calls/c-1").status_code == 204
        began = time.monotonic()
        last = said(ws)[-1]
        assert time.monotonic() - began < BLINK_SEC
        assert (last["code"], ws.close_code) == ("call_erased", 4403)
        ended = wall.until("ended")[-1].data
        assert (ended["reason"], ended["upset_score"]) == ("call_erased", None)
        assert code(http.get("/api/v1/calls/c-1")) == "unknown_call"
        assert http.get("/api/v1/emotions?call_id=c-1").status_code == 404


# ---------------------------------------------------------------- limits


def test_a_token_has_its_connections_at_all_servers_together(pair: Pair) -> None:
    token = pair[0].token(agent_id="a-1")
    with ExitStack() as held:
        for server in pair:
            for _ in range(PER_ROLE["agent"] // 2):
                held.enter_context(server.connect(token))
        time.sleep(4 * TELL_SEC)
        assert not any(connects(server, token) for server in pair)
    await_true(lambda: all(connects(server, token) for server in pair))


def connects(server: Server, token: str) -> bool:
    try:
        with server.connect(token):
            return True
    except InvalidStatus as refused:
        return refused.response.status_code != 429


def test_a_token_reads_the_wall_as_often_as_it_may_at_all_servers_together(pair: Pair) -> None:
    one, two = pair
    token = one.token("supervisor")
    with ExitStack() as held:
        for _ in range(READERS_A_TOKEN):
            assert held.enter_context(Watcher(one, token)).response.status_code == 200
        await_true(lambda: answers(two, token) == 429)
    await_true(lambda: answers(two, token) == 200)


def answers(server: Server, token: str) -> int:
    with Watcher(server, token) as wall:
        return wall.response.status_code


def test_requests_at_one_server_count_at_the_other(serve: Serve, redis: Redis) -> None:
    one, two = pair = [serve(redis=redis.url, requests_per_sec="5") for _ in range(2)]
    meet(*pair)
    token = one.token("supervisor")
    headers = {"authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=one.url, headers=headers) as near,
        httpx.Client(base_url=two.url, headers=headers) as far,
    ):
        assert far.get("/api/v1/rules").status_code == 200
        while near.get("/api/v1/rules").status_code == 200:
            pass
        await_true(lambda: far.get("/api/v1/rules").status_code == 429, 2)


# ---------------------------------------------------------------- the line


def test_without_redis_each_server_goes_on_alone_and_says_so_and_they_meet_again(
    serve: Serve, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    pair = one, two = [serve(redis=redis.url) for _ in range(2)]
    meet(*pair)
    with Watcher(two) as wall, one.connect() as ws, two.http() as http:
        wall.next()
        ws.send(opening("c-1"))
        said(ws, "started")
        wall.until("call")
        redis.kill()
        await_true(lambda: http.get("/health").json()["checks"].get("exchange") == "down")
        assert http.get("/readyz").status_code == 200
        assert wall.until("snapshot")[-1].data == {"items": []}
        two.call("c-2", SPEECH.tobytes())
        assert [event.data["call_id"] for event in wall.until("ended")][-1] == "c-2"
        redis.start()
        assert wall.until("call")[-1].data["call_id"] == "c-1"
        assert "exchange" not in http.get("/health").json()["checks"]
        ws.send(SPEECH.tobytes())
        wall.until("mood")
    alone = [record for record in caplog.records if "goes on alone" in record.getMessage()]
    assert len(alone) == len(pair)


def test_a_server_starts_without_redis_and_joins_when_it_comes(serve: Serve, redis: Redis) -> None:
    redis.kill()
    pair = one, two = [serve(redis=redis.url) for _ in range(2)]
    one.call("c-1", SPEECH.tobytes())
    assert one.service.peers.names == two.service.peers.names == []
    redis.start()
    meet(*pair)


def test_servers_meet_while_the_secret_changes(serve: Serve, redis: Redis) -> None:
    old, new = "the secret before, of at least 32 bytes", "the secret after, of at least 32 bytes"
    before = serve(redis=redis.url, secret=old)
    after = [serve(redis=redis.url, secret=new, previous_secret=old) for _ in range(2)]
    meet(before, *after)
    with Watcher(after[0]) as wall, before.connect() as ws:
        wall.next()
        ws.send(opening("c-1"))
        assert wall.until("call")[-1].data["call_id"] == "c-1"
        after[1].call("c-2", SPEECH.tobytes())
        kinds = [event.kind for event in wall.until("ended") if event.data["call_id"] == "c-2"]
    assert kinds.count("call") == kinds.count("ended") == 1
    assert [server.service.peers.ignored for server in (before, *after)] == [0, 0, 0]


def test_a_redis_that_hangs_is_noticed_and_calls_go_on(pair: Pair, redis: Redis) -> None:
    one, _ = pair
    redis.freeze()
    try:
        await_true(lambda: not one.service.peers.up, 8)
        assert said_whole(one)
    finally:
        redis.thaw()
    await_true(lambda: one.service.peers.up, 8)
    meet(*pair)


def said_whole(server: Server) -> bool:
    return server.call("c-1", SPEECH.tobytes())[-1]["type"] == "stopped"


def test_what_others_put_on_the_channel_is_counted_and_changes_nothing(pair: Pair, redis: Redis) -> None:
    one, two = pair
    secret = "a secret of somebody else, of at least 32 bytes"
    forged = Envelopes(secret, new_name()).seal([b"\x00\x91\x01"], 1)
    channel = two.service.peers.exchange._envelopes[0].channel  # type: ignore[attr-defined]
    heard: list[bytes] = []
    with Client.from_url(redis.url) as client, client.pubsub() as listener:
        listener.subscribe(channel)
        end = time.monotonic() + 3
        while time.monotonic() < end and len(heard) < 2:
            message = listener.get_message(ignore_subscribe_messages=True, timeout=0.5)
            heard += [message["data"]] if message else []
        before = [server.service.peers.ignored for server in pair]
        changed = heard[0][:-1] + bytes([heard[0][-1] ^ 1])
        rubbish = [b"", b"\x00", b"hello", forged, changed, *heard]
        for each in rubbish:
            client.publish(channel, each)
        time.sleep(0.5)
    # Each of the two that were heard is one server's own, which it does not look at, and news to nobody else.
    gained = [server.service.peers.ignored - was for server, was in zip(pair, before, strict=True)]
    assert sum(gained) >= 2 * len(rubbish) - len(heard) - 1
    assert one.call("c-1", SPEECH.tobytes())[-1]["type"] == "stopped"
    assert one.service.peers.names == [two.service.peers.name]
