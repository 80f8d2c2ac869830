"""Whatever message comes, it is answered as the AsyncAPI document and the protocol say, and nobody else is touched."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.fuzz.confusion import TEXTS, chance, confusions, fits
from tests.fuzz.watching import Tally, unharmed
from tests.fuzz.wire import Op, Wire, frame, text
from tests.servers import Serve, Server, opening
from undervoice.dialects.native import decode
from undervoice.errors import BadInput
from undervoice.session import MAX_WARNINGS

AT_ONCE = 20
"""Messages on each connection."""
WARNINGS = {"bad_message", "unknown_type", "unknown_field", "already_started", "already_paused", "not_paused"} | {
    "foreign_segment",
    "unknown_emotion",
    "config_adjusted",
}
ENDS = {"stop": (1000, None), "discarded": (4440, "call_too_long")}
"""The messages that may end a call, and how."""
REFUSALS = {(4400, "bad_start"), (4400, "unsupported_audio"), (4400, "agent_only"), (4400, "bad_checkpoint")}


def calm(serve: Serve) -> Server:
    """Return a server that waits for the test, however slow the machine."""
    return serve(idle_sec="3600", requests_per_sec="100000", start_sec="60")


def frames(least: int) -> Iterator[str]:
    """Yield each confusion once, then any number of chance ones."""
    yield from TEXTS
    every = [json.dumps(message) for message in confusions()]
    yield from every[:: max(1, len(every) // least)]
    yield from (chance(Random(seed)) for seed in itertools.count())


def test_during_a_call_any_message_is_answered_or_warned_about(serve: Serve, long: bool) -> None:
    server, wanted = calm(serve), 30_000 if long else 1500
    token, texts = server.token("integrator"), frames(wanted)
    with unharmed(server), Tally("messages during calls") as tally:
        left: list[str] = []
        while tally.cases < wanted:
            some = left + list(itertools.islice(texts, AT_ONCE - len(left)))
            with Wire(server.url, token) as wire:
                done = talk(wire, f"c-{tally.cases}", some)
            tally.cases, left = tally.cases + done, some[done:]


def talk(wire: Wire, call_id: str, some: list[str]) -> int:
    """Send messages in one call; return after how many it ended."""
    wire.send(text(opening(call_id)))
    wire.said("started")
    marked = [text(each) + text({"type": "ping", "id": f"mark {n}"}) for n, each in enumerate(some)]
    wire.send(b"".join(marked) + text({"type": "stop"}) + b"".join(marked[:3]) + frame(Op.BINARY, b"too late"))
    warned: set[tuple[str, str | None]] = set()
    for number, each in enumerate(some):
        said = []
        while (message := wire.say()) != {"type": "pong", "id": f"mark {number}"}:
            if message is None:
                ended(each, said, wire.closed)
                return number + 1
            said.append(message)
        judge(each, said, warned)
    assert wire.said()[-1]["type"] == "stopped"
    assert wire.closed == 1000
    return len(some)


def judge(sent: str, said: list[dict[str, Any]], warned: set[tuple[str, str | None]]) -> None:
    """Hold the answers to a message against what the document says of it."""
    warnings = {(message["code"], message.get("ref")) for message in said if message["type"] == "warning"}
    assert not [message for message in said if message["type"] == "error"], (sent, said)
    assert not warnings & warned, "a kind of warning is sent once"
    warned |= warnings
    assert len(warned) <= MAX_WARNINGS
    codes = {code for code, _ in warnings}
    assert codes <= WARNINGS, (sent, codes)
    expected = {True: None, False: "bad_message", None: "unknown_type"}[fits(sent)]
    unheeded = codes & {"bad_message", "unknown_type"}
    assert unheeded <= {expected}, (sent, said)
    if expected and not unheeded and len(warned) < MAX_WARNINGS:
        assert (expected, reference(sent)) in warned, (sent, said)


def reference(sent: str) -> str | None:
    """Return by what a warning about a frame is told from others."""
    try:
        _, (warning, *_) = decode(sent)
    except BadInput as error:
        return error.message[:64]
    return warning.ref


def ended(sent: str, said: list[dict[str, Any]], code: int | None) -> None:
    """Check that a message may have ended the call so."""
    assert fits(sent), (sent, said, code)
    error = next((message["code"] for message in said if message["type"] == "error"), None)
    assert (code, error) == ENDS[json.loads(sent)["type"]], (sent, said)


def test_a_first_message_starts_a_call_or_is_refused_by_name(serve: Serve, long: bool) -> None:
    server, wanted = calm(serve), 6000 if long else 500
    token, numbers = server.token("integrator"), itertools.count()
    with unharmed(server), Tally("first messages") as tally:
        for each in itertools.islice(frames(wanted), wanted):
            unique = each.replace('"c-1"', f'"n-{next(numbers)}"')
            with Wire(server.url, token) as wire:
                wire.send(text(unique))
                said = wire.said("started")
                tally.cases += 1
                if said and said[-1]["type"] == "started":
                    assert fits(unique), unique
                    continue
                refused = (wire.closed, said[-1]["code"])
                assert refused in REFUSALS | {(4409, "call_exists")}, (unique, refused)
                assert fits(unique) is not False or refused == (4400, "bad_start"), (unique, refused)


def test_a_flood_is_answered_one_by_one_and_holds_up_nobody(serve: Serve) -> None:
    server, flood = calm(serve), 5000
    with unharmed(server), Wire(server.url, server.token("integrator")) as wire:
        wire.send(text(opening("c-1")) + text("{") * flood + text({"type": "flush"}) * flood + text({"type": "ping"}))
        said = wire.said("pong")
        assert [message["type"] for message in said if message["type"] == "warning"] == ["warning"]
        wire.send(text({"type": "stop"}))
        assert sum(message["type"] == "flushed" for message in said + wire.said()) == flood
