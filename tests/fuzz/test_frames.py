"""Whatever bytes come over a socket, it is closed as RFC 6455 says or goes on, and nobody else is touched."""

from __future__ import annotations

import gc
from random import Random

from tests.fuzz.frames import allowed, forbidden
from tests.fuzz.watching import Tally, unharmed
from tests.fuzz.wire import Op, Wire, frame, text
from tests.servers import Serve, Server, opening
from undervoice.sockets import LingeringSocket

FRAMES = 12
"""Allowed ones on each connection, before the one that ends it."""


def test_any_frames_are_taken_or_close_as_the_protocol_says(serve: Serve, long: bool) -> None:
    server = serve(idle_sec="3600", requests_per_sec="100000")
    token, wanted = server.token("integrator"), 16_000 if long else 800
    with unharmed(server), Tally("frames") as tally:
        while tally.cases < wanted:
            random = Random(tally.cases)
            with Wire(server.url, token) as wire:
                tally.cases += connection(wire, f"c-{tally.cases}", random)


def connection(wire: Wire, call_id: str, random: Random) -> int:
    """Try some frames on a connection; return how many."""
    cases = 1
    if random.random() < 0.8:
        wire.send(text(opening(call_id)))
        assert wire.said("started")[-1]["type"] == "started"
        for number in range(FRAMES):
            case, mark = allowed(random), b"mark %d" % number
            wire.send(case.data + frame(Op.PING, mark) + text({"type": "ping", "id": number}))
            while (message := wire.say()) != {"type": "pong", "id": number}:
                assert message is not None, (case, wire.closed)
            assert mark in wire.pongs, case
        cases += FRAMES
    last = forbidden(random)
    wire.send(last.data)
    wire.said()
    assert wire.closed in last.closes, (last, wire.closed)
    return cases


def test_a_client_that_only_pings_and_never_reads_piles_up_nothing(server: Server) -> None:
    with unharmed(server), Wire(server.url, server.token("integrator")) as wire:
        wire.send(text(opening("c-1")))
        wire.said("started")
        for _ in range(200):
            wire.send(frame(Op.PING, bytes(125)) * 1000)  # 26 MB of pings
        waiting = [socket.transport.get_write_buffer_size() for socket in sockets()]
        assert max(waiting) < 1_000_000
        wire.send(text({"type": "stop"}))
        assert wire.said("stopped")[-1]["type"] == "stopped"


def sockets() -> list[LingeringSocket]:
    return [thing for thing in gc.get_objects() if issubclass(type(thing), LingeringSocket) and not thing.disconnected]
