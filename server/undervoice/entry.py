"""How a live call begins, or goes on: its first frame, whose it is, and the hold on its id."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from undervoice import messages as m
from undervoice.auth import Principal
from undervoice.errors import BadInput, BadStart, BadToken, CallExists, Forbidden, GoingAway, StoreDown
from undervoice.live import Claim, Holder
from undervoice.memory import CallMemory
from undervoice.resources import Call
from undervoice.service import Service

log = logging.getLogger("undervoice.stream")

KNOWN_SEC = 1.0
"""How long the store may take to say whether a call exists; a store that is down delays nobody."""

Decode = Callable[[str], tuple[m.ClientMessage | None, list[m.Warned]]]


def read_start(frame: bytes | str, decode: Decode) -> tuple[m.Start, list[m.Warned]]:
    """Return the ``start`` that a call's first frame is.

    Raises:
        BadStart: it is none.
    """
    if isinstance(frame, bytes):
        raise BadStart("the first frame of a call is its start")
    try:
        message, warnings = decode(frame)
    except BadInput as error:
        raise BadStart(error.message) from error
    if not isinstance(message, m.Start):
        raise BadStart("the first frame of a call is its start")
    return message, warnings


def own(service: Service, start: m.Start, bearer: Principal) -> m.Start:
    """Return the start with the agent that it is for.

    Raises:
        BadToken: the token has expired or was revoked since the connection was opened.
        Forbidden: the token is for another call or agent.
    """
    if bearer.expires_at <= time.time():
        raise BadToken("the token has expired", code="token_expired")
    if service.tokens.is_revoked(bearer):
        raise BadToken("the token was revoked", code="token_revoked")
    if not bearer.may_stream(start.call_id, start.agent_id):
        raise Forbidden("this token is for another call or agent", code="foreign_call")
    return msgspec.structs.replace(start, agent_id=start.agent_id or bearer.subject)


async def recall(service: Service, start: m.Start, checkpoint: str) -> CallMemory:
    """Return what the checkpoint of a call that goes on carries.

    Raises:
        BadStart: it is none of this call's.
        CallExists: nor is the call a new one.
    """
    try:
        return service.seals.open(checkpoint, start.call_id, start.agent_id)
    except BadStart:
        await _check(service, msgspec.structs.replace(start, resume=None))
        if service.live.get(start.call_id) is not None or await service.everywhere.goes_on(start.call_id):
            raise CallExists(f"call {start.call_id} exists already") from None
        raise


async def claim(service: Service, start: m.Start, holder: Holder) -> Claim:
    """Take hold of a call's id; one that goes on is taken from whoever held it.

    Raises:
        CallExists: a new call's id is known.
        Forbidden: the call was erased.
        GoingAway: this server is being stopped.
    """
    if service.draining:
        raise GoingAway("this server is being stopped")
    resumed = start.resume is not None
    if not resumed and await service.everywhere.goes_on(start.call_id):
        raise CallExists(f"call {start.call_id} exists already")
    held = service.live.claim(
        start.call_id, holder, again=resumed or _is_untold(service.live.ended(start.call_id), start)
    )
    try:
        await _check(service, start)
    except BaseException:
        held.release()
        raise
    return held


async def _check(service: Service, start: m.Start) -> None:
    try:
        async with asyncio.timeout(KNOWN_SEC):
            kept = None if start.resume else await service.store.call(start.call_id)
            erased = await service.store.is_erased(start.call_id)
    except (StoreDown, TimeoutError):
        # The store keeps the first reading of an id, so a second call overwrites nothing.
        log.warning("the store does not answer: a call starts unchecked")
        return
    if erased:
        raise Forbidden("a call of this id was erased", code="call_erased")
    if kept is not None and not _is_untold(kept, start):
        raise CallExists(f"call {start.call_id} exists already")


def _is_untold(call: Call | None, start: m.Start) -> bool:
    """Whether a call broke off before its first reading: its client may never have had a checkpoint."""
    return (
        call is not None
        and call.kind == "call"
        and (call.totals.segments, call.agent_id) == (0, start.agent_id)
        and call.reason != "stop"
    )
