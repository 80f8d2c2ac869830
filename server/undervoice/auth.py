"""Who calls: signed tokens (JWT), what they say, and what their bearer may do (protocol §1)."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import jwt

from undervoice.errors import BadInput, BadToken
from undervoice.jwks import PublicKeys
from undervoice.keys import Key, candidates, secret_key
from undervoice.resources import TokenAnswer
from undervoice.revocation import Revocations
from undervoice.terms import NAME_PATTERN

Role = Literal["agent", "supervisor", "integrator"]
ROLES: tuple[Role, ...] = get_args(Role)

AUDIENCE = "undervoice"
REQUIRED = ("aud", "exp", "iat", "role")
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
    """Its ``jti``; of a foreign token without one, the beginning of its hash."""
    key_id: str = ""
    """The key that signed it."""

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
    """Signs and checks tokens. They are never logged, nor quoted in errors."""

    def __init__(
        self,
        secret: str,
        *,
        previous: str | None = None,
        audience: str = AUDIENCE,
        foreign: PublicKeys | None = None,
        issuer: str | None = None,
        revocations: Revocations | None = None,
    ) -> None:
        """Sign with a secret; verify with it and the previous one, and with the sign-in's own keys."""
        self._key = secret_key(secret)
        self._own = (self._key,) if previous is None else (self._key, secret_key(previous))
        self._audience, self._foreign, self._issuer = audience, foreign, issuer
        self._revocations = revocations or Revocations(None)

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
            "aud": self._audience,
            "iat": now,
            "exp": now + ttl_sec,
            "jti": uuid.uuid4().hex,
        }
        named = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(named, self._key.material, algorithm=self._key.algorithm, headers={"kid": self._key.kid})
        expires = datetime.fromtimestamp(now + ttl_sec, UTC)
        return TokenAnswer(token=token, expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def verify(self, token: str | None) -> Principal:
        """Return who bears this token.

        Raises:
            BadToken: with code ``token_missing``, ``token_expired``, ``token_revoked`` or ``token_invalid``.
        """
        if not token:
            raise BadToken("a token is needed: Authorization: Bearer …", code="token_missing")
        header = _header(token)
        keys = (*self._own, *(self._foreign.current() if self._foreign else ()))
        for key in candidates(keys, header.get("alg"), header.get("kid")):
            if claims := self._claims(token, key):
                bearer = _principal(claims, key, token)
                if self.is_revoked(bearer):
                    raise BadToken("the token has been revoked", code="token_revoked")
                return bearer
        raise _invalid()

    def is_revoked(self, bearer: Principal) -> bool:
        """Whether the operator has revoked this token or its key since; costs one look at a file's date."""
        return self._revocations.cover(bearer.key_id, bearer.token_id)

    async def prepare(self, token: str | None) -> None:
        """Have the key fetched that this token names, where the sign-in's keys are fetched."""
        if not token or self._foreign is None:
            return
        try:
            header = _header(token)
        except BadToken:
            return
        if header.get("alg") != self._key.algorithm:
            await self._foreign.prepare(header.get("kid"))

    def _claims(self, token: str, key: Key) -> dict[str, Any] | None:
        """Return what a token says, or nothing if this key did not sign it."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],  # the key's own: what the header asks for has no say
                audience=self._audience,
                issuer=None if key.own else self._issuer,
                leeway=LEEWAY_SEC,
                options={"require": [*REQUIRED, "jti"] if key.own else list(REQUIRED)},
            )
        except jwt.InvalidSignatureError:
            return None
        except jwt.ExpiredSignatureError:
            raise BadToken("the token has expired", code="token_expired") from None
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise _invalid() from None
        return claims


def _header(token: str) -> dict[str, Any]:
    """Return what a token says of its signature, before that is looked at."""
    # A forger's header may also be nested too deep, or be no text at all.
    if len(token) > LONGEST_TOKEN:
        raise _invalid()
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise _invalid() from None


def _invalid() -> BadToken:
    return BadToken("the token is not one of this server's", code="token_invalid")


def _principal(claims: dict[str, Any], key: Key, token: str) -> Principal:
    role, subject, call_id = claims["role"], claims.get("sub"), claims.get("call_id")
    named = [name for name in (subject, call_id) if name is not None]
    if role not in ROLES or not all(_is_name(name) for name in named) or (role == "agent" and not named):
        raise _invalid()
    token_id = str(claims.get("jti") or hashlib.sha256(token.encode()).hexdigest()[:32])
    return Principal(role, subject, call_id, float(claims["exp"]), token_id, key.kid)


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
