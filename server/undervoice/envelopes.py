"""What goes over a line that others may see, or write to: sealed, so that it can neither be read nor made up.

AES-256-GCM (NIST SP 800-38D) under a key of the deployment's secret and the sender's name. A sender numbers its
envelopes, so that no nonce is used twice, and none that was seen before, or is old, is taken for news.
"""

from __future__ import annotations

import hmac
import struct
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from undervoice.secret import derived_keys

PURPOSE = b"undervoice exchange v1"
FRESH_SEC = 120.0
"""How far the clocks of two servers may be apart, and how old an envelope may be."""
KNOWN = 4096
"""Senders that are remembered."""
HEAD = struct.Struct(">16sQQ")
"""Sender, number, and milliseconds since 1970; a length before each message."""
LENGTH = struct.Struct(">I")


class Sender(NamedTuple):
    """What is known of one sender."""

    cipher: AESGCM
    number: int
    """Of the last envelope that came."""


class Opened(NamedTuple):
    """What an envelope held."""

    sender: str
    bodies: list[bytes]


class Envelopes:
    """Seals what one server tells, and opens what others told.

    Args:
        secret: the deployment's.
        name: this server's own, 32 hexadecimal digits.
        clock: seconds since 1970.
    """

    def __init__(self, secret: str, name: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._name, self._clock = derived_keys(PURPOSE, secret)[0], bytes.fromhex(name), clock
        self._senders: OrderedDict[bytes, Sender] = OrderedDict()
        self._own = self._cipher(self._name)
        self.channel = "undervoice:" + hmac.digest(self._key, b"channel", "sha256").hex()[:32]
        """Where this deployment meets; it tells nothing of the secret."""

    def seal(self, bodies: list[bytes], number: int, to: str = "") -> bytes:
        """Return messages as one envelope; no two of a server have the same number."""
        head = HEAD.pack(self._name, number, int(self._clock() * 1000))
        body = b"".join(part for each in bodies for part in (LENGTH.pack(len(each)), each))
        return head + self._own.encrypt(_nonce(number), body, head + to.encode())

    def is_own(self, envelope: bytes) -> bool:
        """Whether an envelope says that it is of this server."""
        return envelope.startswith(self._name)

    def knows(self, sender: str) -> bool:
        """Whether an envelope of a server was opened lately."""
        return bytes.fromhex(sender) in self._senders

    def open(self, envelope: bytes, to: str = "") -> Opened | None:
        """Return what an envelope holds; ``None`` for one that is none, was changed, is old, or came before."""
        try:
            name, number, sent_ms = HEAD.unpack_from(envelope)
            known = self._senders.get(name) or Sender(self._cipher(name), 0)
            if number <= known.number or abs(self._clock() - sent_ms / 1000) > FRESH_SEC:
                return None
            head = envelope[: HEAD.size]
            bodies = _parts(known.cipher.decrypt(_nonce(number), envelope[HEAD.size :], head + to.encode()))
        except (struct.error, InvalidTag, ValueError, OverflowError):
            return None
        self._senders[name] = known._replace(number=number)
        self._senders.move_to_end(name)
        if len(self._senders) > KNOWN:
            self._senders.popitem(last=False)
        return Opened(name.hex(), bodies)

    def _cipher(self, name: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, name, "sha256"))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _parts(body: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(body):
        (length,) = LENGTH.unpack_from(body, at)
        at += LENGTH.size
        if at + length > len(body):
            raise ValueError("cut off")
        parts.append(body[at : at + length])
        at += length
    return parts
