"""Whatever bytes a decoder gets, it takes them or refuses them by name: no crash, no other error."""

from __future__ import annotations

import time
from random import Random

import pytest

from tests.fuzz.targets import TARGETS, refused
from tests.fuzz.watching import Tally

SHORT_SEC, LONG_SEC = 0.6, 20.0
EDGES = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b'"', b"{", b"\\u0000")


def mutated(seed: bytes, other: bytes, random: Random) -> bytes:
    """Return bytes that begin like a real thing and then are not."""
    data = bytearray(seed)
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(min(len(data), 400 if random.random() < 0.7 else 10**9) + 1)
        match random.randrange(7):
            case 0:
                data[at : at + 1] = random.randbytes(1)
            case 1:
                del data[at:]
            case 2:
                del data[at : at + random.randrange(1, 40)]
            case 3:
                edge = random.choice(EDGES)
                data[at : at + len(edge)] = edge
            case 4:
                data[at:at] = random.randbytes(random.randrange(1, 20))
            case 5:
                data[at:] = other[random.randrange(len(other) + 1) :]
            case 6:
                data[at:at] = data[at : at + random.randrange(1, 60)]
    return bytes(data[:200_000])


# starlette leaves the file of a form that breaks off to the garbage collector.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_a_decoder_takes_or_refuses_by_name(name: str, long: bool) -> None:
    corpus, random = TARGETS[name][1](), Random(name)
    for seed in corpus:
        tried(name, seed)
    until = time.monotonic() + (LONG_SEC if long else SHORT_SEC)
    with Tally(f"decoder {name}") as tally:
        while time.monotonic() < until:
            data = mutated(random.choice(corpus), random.choice(corpus), random)
            tried(name, data)
            tally.cases += 1


def tried(name: str, data: bytes) -> None:
    try:
        refused(TARGETS[name][0], data)
    except Exception as error:
        raise AssertionError(f"{name} fails on {data[:300]!r}") from error
