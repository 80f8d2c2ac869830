"""Frames as the protocol forbids and allows them, and what each must lead to."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.wire import Op, frame

DATA, CONTROL = (Op.TEXT, Op.BINARY), (Op.CLOSE, Op.PING, Op.PONG)
NO_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
CODES = (1000, 1001, 1003, 1007, 1011, 3000, 4000, 4999)
NO_TEXT = (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"ok \xe2\x82", b"\xc0\xaf")
CUTS = frozenset({1002, 1005, 1006, 1007, 1009})


@dataclass(frozen=True)
class Case:
    """Bytes, and the codes of which one must close the connection; none: it stays open."""

    name: str
    data: bytes
    closes: frozenset[int] = frozenset()


def _junk(random: Random, most: int = 120) -> bytes:
    return random.randbytes(random.randrange(most))


def _fragments(op: int, payload: bytes, random: Random) -> bytes:
    """Return a message in some fragments, some of them empty, with control frames between."""
    places = sorted(random.randrange(len(payload) + 1) for _ in range(random.randrange(1, 6)))
    parts = [payload[a:b] for a, b in zip([0, *places], [*places, len(payload)], strict=True)]
    sent = b""
    for number, part in enumerate(parts):
        sent += frame(op if number == 0 else Op.CONTINUATION, part, fin=number == len(parts) - 1)
        if number < len(parts) - 1 and random.random() < 0.5:
            sent += frame(random.choice((Op.PING, Op.PONG)), _junk(random))
    return sent


ALLOWED: dict[str, Callable[[Random], bytes]] = {
    "ping": lambda r: frame(Op.PING, _junk(r, 126)),
    "pong that nobody asked for": lambda r: frame(Op.PONG, _junk(r, 126)),
    "audio": lambda r: frame(Op.BINARY, _junk(r, 700)),
    "nothing": lambda r: frame(r.choice(DATA)),
    "no message": lambda r: frame(Op.TEXT, bytes(r.randrange(1, 128) for _ in range(r.randrange(40)))),
    "message in fragments": lambda r: _fragments(Op.TEXT, b'{"type":"ping","id":"piece by piece"}', r),
    "audio in fragments": lambda r: _fragments(Op.BINARY, _junk(r, 900), r),
    "letters cut in two": lambda r: _fragments(Op.TEXT, '{"type":"transcript","text":"ü€🙂"}'.encode(), r),
}
FORBIDDEN: dict[str, tuple[Callable[[Random], bytes], set[int]]] = {
    "unknown opcode": (lambda r: frame(r.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), _junk(r)), {1002}),
    "reserved bits": (lambda r: frame(r.choice(DATA + CONTROL), _junk(r), reserved=r.randrange(1, 8)), {1002}),
    "no mask": (lambda r: frame(r.choice(DATA + CONTROL), _junk(r), masked=False), {1002}),
    "control in fragments": (lambda r: frame(r.choice(CONTROL), _junk(r), fin=False), {1002}),
    "large control": (lambda r: frame(r.choice(CONTROL), r.randbytes(r.randrange(126, 400))), {1002}),
    "continuation of nothing": (lambda r: frame(Op.CONTINUATION, _junk(r), fin=r.random() < 0.5), {1002}),
    "message within a message": (
        lambda r: frame(r.choice(DATA), b"x", fin=False) + frame(r.choice(DATA), b"y"),
        {1002},
    ),
    "no text": (lambda r: frame(Op.TEXT, _junk(r, 9).hex().encode() + r.choice(NO_TEXT)), {1007}),
    "no text in fragments": (lambda r: _fragments(Op.TEXT, b"{" + r.choice(NO_TEXT), r), {1007}),
    "half a close code": (lambda r: frame(Op.CLOSE, r.randbytes(1)), {1002}),
    "no close code": (lambda r: frame(Op.CLOSE, struct.pack("!H", r.choice(NO_CODES)) + b"bye"), {1002}),
    "close without text": (lambda r: frame(Op.CLOSE, struct.pack("!H", r.choice(CODES)) + r.choice(NO_TEXT)), {1007}),
    "close within a message": (lambda r: frame(Op.TEXT, b"{", fin=False) + frame(Op.CLOSE, b"\x03\xe8"), {1002}),
    "huge": (lambda r: frame(r.choice(DATA), b"x", declared=r.choice((2**20, 2**31, 2**32, 2**53, 2**63 - 1))), {1009}),
    "longer than can be": (lambda r: frame(r.choice(DATA), b"x", declared=2**64 - 1), {1002, 1009}),
    "huge in fragments": (lambda r: _too_long(r), {1009}),
    "countless parts": (lambda r: frame(r.choice(DATA), fin=False) + frame(Op.CONTINUATION, fin=False) * 1100, {1009}),
    "data behind a break": (lambda r: frame(3) + frame(Op.TEXT, b"{}") * 20, {1002}),
}


def _too_long(random: Random) -> bytes:
    op, part = random.choice(DATA), bytes(65_536)
    return frame(op, part, fin=False) + frame(Op.CONTINUATION, part, fin=False) * 4


def allowed(random: Random) -> Case:
    """Return frames after which the connection goes on."""
    name = random.choice(list(ALLOWED))
    return Case(name, ALLOWED[name](random))


def forbidden(random: Random) -> Case:
    """Return frames after which it does not."""
    name = random.choice([*FORBIDDEN, "close", "anything"])
    if name == "close":
        code = random.choice(CODES)
        return Case(name, frame(Op.CLOSE, struct.pack("!H", code) + b"bye"), frozenset({code}))
    if name == "anything":
        return Case(name, frame(random.randrange(16), reserved=random.randrange(1, 8)) + random.randbytes(200), CUTS)
    make, codes = FORBIDDEN[name]
    return Case(name, make(random), frozenset(codes))
