"""What tokens are signed with: this server's secrets, and the public keys of the operator's own sign-in.

A key goes with one algorithm and is never used with another, whatever a token's header says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Algorithm = Literal["HS256", "RS256", "ES256"]
ALGORITHMS: dict[str, Algorithm] = {"RSA": "RS256", "EC": "ES256"}
"""Of each kind of public key; any other kind, ``oct`` above all, has no business in a public set."""
LEAST_RSA_BITS = 2048
"""RFC 7518, section 3.3."""
MOST_KEYS = 64
"""A token that names no key is tried with all of its algorithm: so many and no more."""


@dataclass(frozen=True, slots=True)
class Key:
    """What verifies one kind of signature."""

    kid: str
    """Its name in token headers; empty for a public key without one."""
    algorithm: Algorithm
    material: Any = field(repr=False)

    @property
    def own(self) -> bool:
        """Whether this server signs with it."""
        return self.algorithm == "HS256"


def secret_key(secret: str) -> Key:
    """Return a secret as a key; its name follows from it and tells nothing of it."""
    name = hmac.new(secret.encode(), b"undervoice kid", hashlib.sha256).hexdigest()[:16]
    return Key(name, "HS256", secret.encode())


def public_keys(content: bytes) -> tuple[Key, ...]:
    """Return the usable keys of a JWKS document; those that serve another purpose are passed over.

    Raises:
        ValueError: for what is no key set, or one without any usable key.
    """
    try:
        listed = msgspec.json.decode(content, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError("it is no JWKS document") from None
    usable = [key for entry in listed[:MOST_KEYS] if (key := _public_key(entry))] if isinstance(listed, list) else []
    if not usable:
        raise ValueError("it holds no RSA or P-256 signing key")
    return tuple(usable)


def _public_key(entry: object) -> Key | None:
    if not isinstance(entry, dict) or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    algorithm = ALGORITHMS.get(str(entry.get("kty")))
    kid = entry.get("kid", "")
    if algorithm is None or entry.get("alg", algorithm) != algorithm or not isinstance(kid, str):
        return None
    try:
        material = jwt.PyJWK(entry, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return Key(kid, algorithm, material) if _strong(material) else None


def _strong(material: object) -> bool:
    if isinstance(material, RSAPublicKey):
        return material.key_size >= LEAST_RSA_BITS
    return isinstance(material, EllipticCurvePublicKey) and isinstance(material.curve, SECP256R1)


def candidates(keys: Iterable[Key], algorithm: object, kid: object) -> list[Key]:
    """Return the keys that may have made a signature, by what its header says."""
    return [key for key in keys if key.algorithm == algorithm and (kid is None or kid == key.kid)]
