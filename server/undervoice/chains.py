"""How an audit log lies on disk: chained lines in files of a day, and a signed head.

A line is a JSON object that ends in ``previous``, the hash of the line before it (zeros before the
first), and ``hash``, the SHA-256 of all that stands before. A chain belongs to one replica, which has
its lock while it writes: ``REPLICA-DAY.jsonl`` hold its lines, the next day's going on with the hash of
the last; ``REPLICA.head`` names the last line, signed with a key made of the deployment's secret. The
head is written after the lines, and before anybody is told that they are written.

So a line that is changed, removed or moved breaks the chain, and lines cut off at the end leave the
head without its line. What a process that was killed leaves behind is none of that: whole lines, well
chained, *after* the signed head, and then perhaps a part of one. Nobody has vouched for those, so they are
counted and told (``unsigned``); the next start cuts off the part, goes on with the chain and notes
how many there were. Whoever can write in the folder could put back an older copy of a whole
chain, its head included: only heads that are kept elsewhere show that.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from undervoice.secret import derived_keys

PURPOSE = b"undervoice audit head v1"
GENESIS = "0" * 64
"""What the first line has for the hash of the line before it."""
HEAD = ".head"
_SEAM, _END = b',"hash":"', b'"}\n'
_TAIL = len(_SEAM) + 64 + len(_END)


class Head(msgspec.Struct, frozen=True):
    """The last line of a chain that its writer vouches for; ``seq`` 0 before the first."""

    replica: str
    seq: int
    hash: str
    signature: str


class Link(msgspec.Struct, frozen=True):
    """What chains a line to the one before it."""

    seq: int
    replica: str
    previous: str


class HeadKeys:
    """Signs heads, with a key for this purpose alone, and knows those of the secret before the last change."""

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._keys = derived_keys(PURPOSE, secret, previous)

    def sign(self, replica: str, seq: int, last: str) -> Head:
        """Return the head of a chain."""
        return Head(replica, seq, last, _signature(self._keys[0], replica, seq, last))

    def hold(self, head: Head) -> bool:
        """Whether a head was signed here."""
        return any(
            hmac.compare_digest(head.signature, _signature(key, head.replica, head.seq, head.hash))
            for key in self._keys
        )


def _signature(key: bytes, replica: str, seq: int, last: str) -> str:
    return hmac.digest(key, f"{replica}\n{seq}\n{last}".encode(), "sha256").hex()


@dataclass
class Finding:
    """What a look at a chain has found."""

    replica: str
    lines: int = 0
    """Whole lines that hang together, from the first that was looked at."""
    seq: int = 0
    last: str = GENESIS
    """The hash of the last of them."""
    unsigned: int = 0
    """Lines after the last signed head: of a process that was killed, or of one that is writing right now."""
    partial: bool = False
    """Whether the last line is cut off, after the signed head."""
    whole_bytes: int = 0
    """How much of the last file are whole lines."""
    broken: str | None = None
    """Where and how the chain is broken, if it is."""
    head: Head | None = None
    files: list[Path] = field(default_factory=list)


def replicas(folder: Path) -> list[str]:
    """Return the chains of a folder."""
    return sorted({path.stem for path in folder.glob("*.head")} | {_replica(path) for path in folder.glob("*.jsonl")})


def files_of(folder: Path, replica: str) -> list[Path]:
    """Return the files of a chain in the order of its lines."""
    return sorted(folder.glob(f"{replica}-????-??-??.jsonl"))


def _replica(path: Path) -> str:
    return path.stem[: -len("-2026-05-24")]


def inspect(folder: Path, replica: str, keys: HeadKeys, *, newest: int | None = None) -> Finding:
    """Look at a chain, or only at its newest files, which then are taken to begin rightly."""
    found = Finding(replica)
    # The head first: what a live server writes meanwhile is after it.
    head = _read_head(folder, replica)
    if head is None or head.replica != replica or not keys.hold(head):
        found.broken = (
            f"{replica}.head: {'is missing or unreadable' if head is None else 'is not signed by this secret'}"
        )
        return found
    found.head, found.files = head, files_of(folder, replica)
    signed = GENESIS if head.seq == 0 else None
    looked = found.files if newest is None else found.files[-newest:]
    for seq, line_hash in _links(found, looked, head, begins=len(looked) == len(found.files)):
        signed = line_hash if seq == head.seq else signed
    if found.broken is None and found.seq < head.seq:
        found.broken = f"after line {found.seq}: {head.seq - found.seq} signed lines are missing"
    elif found.broken is None and signed != head.hash:
        found.broken = f"line {head.seq}: is not the one that was signed"
    found.unsigned = max(0, found.seq - head.seq)
    return found


def _links(found: Finding, files: Sequence[Path], head: Head, *, begins: bool) -> Iterator[tuple[int, str]]:
    """Go along the lines as far as they hang together; say in ``found`` where that was."""
    expected: tuple[int, str] | None = (0, GENESIS) if begins else None
    for path in files:
        found.whole_bytes = 0
        for number, raw in enumerate(_raw_lines(path), 1):
            place = f"{path.name}:{number}"
            if not raw.endswith(b"\n") and path == files[-1] and found.seq >= head.seq:
                found.partial = True
                return
            link, line_hash = _read_line(raw)
            if link is None or link.replica != found.replica:
                found.broken = f"{place}: was changed" if link is None else f"{place}: is a line of another chain"
                return
            if expected is not None and (link.seq, link.previous) != (expected[0] + 1, expected[1]):
                found.broken = f"{place}: line {link.seq} does not follow line {expected[0]}"
                return
            expected = found.seq, found.last = link.seq, line_hash
            found.lines += 1
            found.whole_bytes += len(raw)
            yield link.seq, line_hash


def _raw_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _read_line(raw: bytes) -> tuple[Link | None, str]:
    """Return how a line is chained and its hash, ``None`` if the hash is not its own."""
    body, tail = raw[:-_TAIL] + b"}", raw[-_TAIL:]
    own = hashlib.sha256(body).hexdigest()
    if tail != _SEAM + own.encode() + _END:
        return None, ""
    try:
        return msgspec.json.decode(body, type=Link), own
    except msgspec.DecodeError:
        return None, ""


def line_of(what: dict[str, Any]) -> tuple[bytes, str]:
    """Return a line of these facts and its hash."""
    body = msgspec.json.encode(what)
    own = hashlib.sha256(body).hexdigest()
    return body[:-1] + _SEAM + own.encode() + _END, own


def _read_head(folder: Path, replica: str) -> Head | None:
    try:
        return msgspec.json.decode((folder / f"{replica}{HEAD}").read_bytes(), type=Head)
    except (OSError, msgspec.DecodeError):
        return None
