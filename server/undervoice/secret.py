"""The deployment's secret: kept in the state folder where nobody gave one, and the keys that are made of it."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from undervoice.errors import BadSettings

LEAST_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 is no shorter than its hash."""


def derived_keys(purpose: bytes, secret: str, previous: str | None = None) -> list[bytes]:
    """Return a key for one purpose alone, and that of the secret before the last change, if there was one."""
    return [hmac.digest(each.encode(), purpose, "sha256") for each in (secret, previous) if each]


def kept_secret(state: Path) -> str:
    """Return the state folder's secret; of several processes that make one, the first wins."""
    path = state / "secret"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_secret(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadSettings(f"{path} can be read by others: chmod 600 it, or make a new one")
        kept = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadSettings(f"the state folder cannot be used: {path}: {error.strerror}") from None
    if len(kept.encode()) < LEAST_SECRET_BYTES:
        raise BadSettings(f"{path} holds no usable secret: remove it and start again")
    return kept


def _make_secret(path: Path) -> None:
    """Write a secret beside its place and link it there: nobody ever reads half of one."""
    draft = path.with_name(f"secret.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        draft.unlink()
