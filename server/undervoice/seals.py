"""Checkpoints as clients carry them: sealed with the deployment's secret, opened by any server that has it.

The key is derived from the secret for this purpose alone, so a checkpoint is never a token, nor a
token a checkpoint. Whoever carries one can read it (it tells only of the carrier's own call), and cannot change it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib

import msgspec

from undervoice.alerts import AlertMemory
from undervoice.course import CourseMemory
from undervoice.errors import BadStart
from undervoice.memory import CallMemory
from undervoice.secret import derived_keys

PURPOSE = b"undervoice checkpoint v1"
MAC_BYTES = 16
"""128 bits of HMAC-SHA-256 (RFC 2104, section 5)."""
LONGEST_TOKEN = 2048
"""Characters."""
LARGEST_MEMORY = 64 * 1024
"""Bytes of an opened checkpoint, so that a forged one cannot unfold without end."""


class Sealed(msgspec.Struct, frozen=True):
    """A call's memory, bound to the call and to whose it is."""

    call_id: str
    agent_id: str | None
    memory: CallMemory


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Sealed).decode


class Seals:
    """Makes and opens checkpoints.

    Args:
        secret: what new ones are sealed with.
        previous: the secret before the last change; what it sealed is still opened.
    """

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._keys = derived_keys(PURPOSE, secret, previous)

    def seal(self, call_id: str, agent_id: str | None, memory: CallMemory) -> str:
        """Return the token; where it would be too long, alerts (the store has them) and the mood's course stay behind.

        Should that not be enough, cooldowns do: an alert may then be raised again, and the call goes on.
        """
        recap = msgspec.structs.replace(memory.recap, alerts=(), course=CourseMemory())
        brief = msgspec.structs.replace(memory, recap=recap)
        briefer = msgspec.structs.replace(brief, alerts=AlertMemory(state=brief.alerts.state))
        tokens = (self._sealed(Sealed(call_id, agent_id, each)) for each in (memory, brief, briefer))
        return next((token for token in tokens if len(token) <= LONGEST_TOKEN), "")

    def _sealed(self, sealed: Sealed) -> str:
        body = zlib.compress(_encode(sealed))
        return base64.urlsafe_b64encode(_mac(self._keys[0], body) + body).decode().rstrip("=")

    def open(self, token: str, call_id: str, agent_id: str | None) -> CallMemory:
        """Return the memory of this call of this agent.

        Raises:
            BadStart: ``bad_checkpoint``: not sealed here, changed, or another call's or agent's.
        """
        sealed = self._opened(token)
        if sealed is None or (sealed.call_id, sealed.agent_id) != (call_id, agent_id):
            raise BadStart("this is no checkpoint of this call", code="bad_checkpoint")
        return sealed.memory

    def _opened(self, token: str) -> Sealed | None:
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            data = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
            mac, body = data[:MAC_BYTES], data[MAC_BYTES:]
            if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
                return None
            unfolding = zlib.decompressobj()
            return _decode(unfolding.decompress(body, LARGEST_MEMORY))
        except (binascii.Error, zlib.error, ValueError, msgspec.DecodeError):
            return None


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:MAC_BYTES]
