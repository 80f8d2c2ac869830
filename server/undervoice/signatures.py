"""Webhooks that a receiver can believe: Standard Webhooks 1.0 (standardwebhooks.com), symmetric signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
"""Of a key, as the specification has it."""


def signing_key(secret: str) -> bytes:
    """Return the key that a secret holds.

    Raises:
        ValueError: it is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise ValueError("no base64") from None
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError("no key of a fitting length")
    return key


def message_id(alert_id: str) -> str:
    """Return the id under which a receiver knows an alert, the same at every attempt.

    It is made of the alert's id, but is not that: a call's id may name a person or hold a full stop, and this one
    lands in receivers' access logs and in a text whose parts a full stop divides.
    """
    return f"alert_{hashlib.sha256(alert_id.encode()).hexdigest()[:32]}"


def signed_headers(keys: Sequence[bytes], identity: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers that vouch for a body.

    Args:
        keys: the one in force, and older ones that some receivers may still go by.
        identity: the message's id.
        now: seconds since the epoch.
        body: the exact bytes that are sent.
    """
    text = f"{identity}.{now}.".encode() + body
    marks = (base64.b64encode(hmac.digest(key, text, "sha256")).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }
