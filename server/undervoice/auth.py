"""Who calls: signed tokens (JWT, HS256), what they say, and what their bearer may do (protocol §1)."""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import jwt

from undervoice.errors import BadInput, BadSettings, BadToken
from undervoice.messages import NAME_PATTERN
from undervoice.resources import TokenAnswer

Role = Literal["agent", "supervisor", "integrator"]
ROLES: tuple[Role, ...] = get_args(Role)

AUDIENCE = "undervoice"
ALGORITHM = "HS256"
"""The only one: a token that names another, ``none`` included, is forged."""
LEAST_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 is no shorter than its hash."""
LEEWAY_SEC = 5
"""Clocks of two machines differ by that much at most."""
LONGEST_TTL_SEC = 366 * 86_400
LONGEST_TOKEN = 4096
"""Characters; whatever is longer is not ours and is not worth parsing."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a verified token."""

    role: Role
    subject: str | None
    """The agent's id, where the token names one."""
    call_id: str | None
    """The one call that the token is good for, where it names one."""
    expires_at: float
    """Seconds since 1970."""
    token_id: str

    @property
    def is_agent(self) -> bool:
        """Whether the bearer is confined to own calls."""
        return self.role == "agent"

    def may_see(self, call_id: str | None, agent_id: str | None) -> bool:
        """Whether stored rows of this call, held by this agent, may be read."""
        if not self.is_agent:
            return self.role == "supervisor"
        if self.call_id is not None:
            return call_id == self.call_id
        return self.subject is not None and agent_id == self.subject

    def may_stream(self, call_id: str, agent_id: str | None) -> bool:
        """Whether a live call with these ids may be started."""
        if not self.is_agent:
            return self.role == "integrator"
        return self.call_id in (None, call_id) and agent_id in (None, self.subject)

    def may_analyze(self, call_id: str | None, agent_id: str | None) -> bool:
        """Whether a clip may be scored under these ids."""
        if not self.is_agent:
            return True
        return self.call_id in (None, call_id) and agent_id in (None, self.subject)

    def may_issue(self, role: Role) -> bool:
        """Whether a token of that role may be handed out: an integrator's never above agent."""
        return self.role == "integrator" and role == "agent"


class Tokens:
    """Signs and checks tokens with one secret. Tokens are never logged, nor quoted in errors."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(
        self, role: Role, *, agent_id: str | None = None, call_id: str | None = None, ttl_sec: int = 3600
    ) -> TokenAnswer:
        """Return a token for a role; an agent's names an agent, a call, or both.

        Raises:
            BadInput: for an unknown role, an id that is none, or a lifetime that is none.
        """
        _check_request(role, agent_id, call_id, ttl_sec)
        now = int(time.time())
        claims = {
            "sub": agent_id,
            "role": role,
            "call_id": call_id,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + ttl_sec,
            "jti": uuid.uuid4().hex,
        }
        named = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(named, self._secret, algorithm=ALGORITHM)
        expires = datetime.fromtimestamp(now + ttl_sec, UTC)
        return TokenAnswer(token=token, expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def verify(self, token: str | None) -> Principal:
        """Return who bears this token.

        Raises:
            BadToken: with code ``token_missing``, ``token_expired`` or ``token_invalid``.
        """
        if not token:
            raise BadToken("a token is needed: Authorization: Bearer …", code="token_missing")
        return _principal(self._claims(token))

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise _invalid()
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=LEEWAY_SEC,
                options={"require": ["aud", "exp", "iat", "jti", "role"]},
            )
        except jwt.ExpiredSignatureError:
            raise BadToken("the token has expired", code="token_expired") from None
        # A forger's header is parsed before its signature is looked at, so it may also be nested too
        # deep or be no text at all.
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise _invalid() from None
        return claims


def _invalid() -> BadToken:
    return BadToken("the token is not one of this server's", code="token_invalid")


def _principal(claims: dict[str, Any]) -> Principal:
    role, subject, call_id = claims["role"], claims.get("sub"), claims.get("call_id")
    named = [name for name in (subject, call_id) if name is not None]
    if role not in ROLES or not all(_is_name(name) for name in named) or (role == "agent" and not named):
        raise _invalid()
    return Principal(role, subject, call_id, float(claims["exp"]), str(claims["jti"]))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(NAME_PATTERN, value) is not None


def _check_request(role: str, agent_id: str | None, call_id: str | None, ttl_sec: int) -> None:
    if role not in ROLES:
        raise BadInput(f"no such role; there are {', '.join(ROLES)}", code="bad_role")
    for field, value in (("agent_id", agent_id), ("call_id", call_id)):
        if value is not None and not _is_name(value):
            raise BadInput(f"{field} must match {NAME_PATTERN[:-6]}", code="bad_name")
    if role == "agent" and agent_id is None and call_id is None:
        raise BadInput("an agent's token needs an agent_id or a call_id", code="agent_unnamed")
    if not 1 <= ttl_sec <= LONGEST_TTL_SEC:
        raise BadInput(f"a token lives from one second to a year ({LONGEST_TTL_SEC} seconds)", code="bad_ttl")


# ---------------------------------------------------------------- the secret that is kept


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
