"""What REST does with one call: its record, what was said of it, who looked at it, its erasure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from undervoice import messages as m
from undervoice import resources as r
from undervoice.admission import principal
from undervoice.answers import answer, decode_body, query
from undervoice.auth import Principal
from undervoice.errors import BadInput, NotFound
from undervoice.params import CallAuditParams
from undervoice.recap import logged_feedback
from undervoice.service import Service
from undervoice.terms import NAME_PATTERN
from undervoice.trail import announce


async def call(request: Request, service: Service) -> Response:
    """Return one call with its mood, alerts, totals and summary."""
    bearer = principal(request, service, "agent", "supervisor")
    return answer(await visible_call(service, bearer, request.path_params["call_id"]))


async def visible_call(service: Service, bearer: Principal, call_id: str) -> r.Call:
    """Return a call that the bearer may see; somebody else's is as unknown as none."""
    found = await service.everywhere.call(call_id) or await service.store.call(call_id)
    if found is None or not bearer.may_see(found.call_id, found.agent_id):
        raise NotFound("no such call", code="unknown_call")
    return found


async def feedback(request: Request, service: Service) -> Response:
    """Return what agents said of one call's readings and hints."""
    bearer = principal(request, service, "supervisor")
    call_id = (await visible_call(service, bearer, request.path_params["call_id"])).call_id
    items, hints = await service.store.feedback(call_id), await service.store.hint_feedback(call_id)
    return answer(r.CallFeedback(call_id, items, hints))


async def correct(request: Request, service: Service) -> Response:
    """Keep what an agent says of a reading of an own call, also once that is over; the last word counts."""
    bearer = principal(request, service, "agent", "supervisor")
    said = await visible_call(service, bearer, request.path_params["call_id"])
    event = await decode_body(request, m.Feedback)
    kept = logged_feedback(event, said.call_id, said.agent_id, service.policy.model.labels, datetime.now(UTC))
    if isinstance(kept, m.Warned):
        raise BadInput(kept.message, code=kept.code)
    # As many as there are readings, so that nobody can fill a store with them.
    if all(segment.segment_id != kept.segment_id for segment in await service.store.segments(said.call_id)):
        raise NotFound("no such segment", code="unknown_segment")
    await service.writer.keep([kept])
    await service.writer.settle()
    return Response(status_code=204)


async def audit(request: Request, service: Service) -> Response:
    """Return the newest lines of the audit log about one call, also where it was erased or never was."""
    principal(request, service, "supervisor")
    call_id = request.path_params["call_id"]
    if not re.fullmatch(NAME_PATTERN, call_id):
        raise NotFound("no such call", code="unknown_call")
    return answer(await service.audit.of_call(call_id, query(request, CallAuditParams).limit))


async def erase(request: Request, service: Service) -> Response:
    """Erase one call everywhere: a running one ends, and nothing of it is stored again; the audit log keeps its id."""
    principal(request, service, "supervisor")
    call_id = request.path_params["call_id"]
    if not re.fullmatch(NAME_PATTERN, call_id):
        raise NotFound("no such call", code="unknown_call")
    await announce(request, service)
    known = service.live.get(call_id) is not None or service.live.elsewhere.get(call_id) is not None
    await service.webhooks.erase(call_id)
    stored = await service.writer.erase(call_id)
    await service.everywhere.erase(call_id)
    if not (known or stored):
        raise NotFound("no such call", code="unknown_call")
    return Response(status_code=204)
