"""REST: one function and one row of ``OPERATIONS`` a route. The OpenAPI document is made from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from undervoice import board, dossier, sheets
from undervoice import messages as m
from undervoice import resources as r
from undervoice.admission import principal
from undervoice.answers import answer, decode_body, query
from undervoice.auth import Principal, Role
from undervoice.errors import BadInput, Forbidden
from undervoice.params import LIMIT, CallAuditParams, CallsParams, EmotionsParams, LogsParams, MetricsParams
from undervoice.readings import rfc3339
from undervoice.rulebook import written
from undervoice.service import Service
from undervoice.store import CallQuery, LogQuery, MetricsQuery
from undervoice.trail import Handler, noted, tell
from undervoice.uploads import analyze_clip
from undervoice.wall import LiveCall, Snapshot, WaitingCaller, WaitingPage
from undervoice.wrappings import ClipParams

Everyone: tuple[Role, ...] = ("agent", "supervisor", "integrator")
Readers: tuple[Role, ...] = ("agent", "supervisor")


async def emotions(request: Request, service: Service) -> Response:
    """Return a bare list of one call's segments in the order of the audio."""
    bearer = principal(request, service, *Readers)
    params = query(request, EmotionsParams)
    call_id = params.call_id or params.audio_id
    if call_id is None:
        raise BadInput("call_id is needed", code="bad_parameter")
    segments = await service.store.segments(call_id)
    visible = [segment for segment in segments if bearer.may_see(call_id, segment.agent_id)]
    if not visible:
        await dossier.visible_call(service, bearer, call_id)
    return answer(visible)


async def logs(request: Request, service: Service) -> Response:
    """Return a page of segments of all calls, newest first; as CSV all of them."""
    found = await _logs(request, service)
    return found if isinstance(found, Response) else answer(found)


async def bare_logs(request: Request, service: Service) -> Response:
    """Return the newest segments as the bare list that clients of the earlier system read."""
    found = await _logs(request, service)
    return found if isinstance(found, Response) else answer(found.items)


async def _logs(request: Request, service: Service) -> r.SegmentPage | Response:
    bearer = principal(request, service, *Readers)
    params = query(request, LogsParams)
    as_csv = sheets.wanted(request, params.format)
    most = params.limit if as_csv else params.limit or LIMIT
    if bearer.is_agent and bearer.call_id is not None:
        pages, wanted = _one_call(service, bearer.call_id, most), LogQuery()
    else:
        pages, wanted = service.store.logs, _log_query(bearer, params, as_csv)
    if not as_csv:
        return await pages(wanted)
    _tell_csv(request)
    return await sheets.log_sheet(pages, wanted, most, service.policy.model.labels)


def _one_call(service: Service, call_id: str, most: int | None) -> sheets.Pages:
    """Return a log of one call alone, which is but one page."""

    async def page(_: LogQuery) -> r.SegmentPage:
        return r.SegmentPage(items=(await service.store.segments(call_id))[::-1][:most])

    return page


def _log_query(bearer: Principal, params: LogsParams, as_csv: bool) -> LogQuery:
    if params.follow is not None and (params.cursor or params.since or params.until or as_csv):
        raise BadInput("follow goes without cursor, since, until and CSV", code="bad_parameter")
    return LogQuery(
        limit=params.limit or LIMIT,
        cursor=params.cursor,
        agent_id=_own(bearer, params.agent_id),
        emotion=params.emotion,
        since=_moment(params.since),
        until=_moment(params.until),
        follow=params.follow,
    )


def _tell_csv(request: Request) -> None:
    """Note the form in the audit log, also where ``Accept`` alone asked for it."""
    tell(request, filters=(request.state.audited.filters or {}) | {"format": "csv"})


def _own(bearer: Principal, agent_id: str | None) -> str | None:
    """Return the agent whose rows are asked for; an agent's own and no other's."""
    if not bearer.is_agent:
        return agent_id
    if agent_id not in (None, bearer.subject):
        raise Forbidden("these are another agent's calls", code="foreign_call")
    return bearer.subject


def _moment(text: str | None) -> str | None:
    """Return a moment as the store compares them; without an offset it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return rfc3339((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is no RFC 3339 moment", code="bad_parameter") from error


async def calls(request: Request, service: Service) -> Response:
    """Return a page of calls, newest first; ``live=true`` those that are going on now, at any server."""
    bearer = principal(request, service, *Readers)
    params = query(request, CallsParams)
    wanted = CallQuery(
        limit=params.limit,
        cursor=params.cursor,
        agent_id=_own(bearer, params.agent_id),
        live=params.live,
        since=_moment(params.since),
        until=_moment(params.until),
        min_upset_sec=params.min_upset_sec,
        min_priority=params.min_priority,
        alerted=params.alerts,
    )
    if bearer.is_agent and bearer.call_id is not None:
        return answer(r.CallPage(items=[await dossier.visible_call(service, bearer, bearer.call_id)]))
    if params.live:
        return answer(r.CallPage(items=await service.everywhere.calls(wanted)))
    return answer(await service.store.calls(wanted))


async def rules(request: Request, service: Service) -> Response:
    """Return the alert rules in force, in the order of their file."""
    principal(request, service, *Readers)
    return answer(r.RuleList([*map(written, service.policy.rules)]))


async def metrics(request: Request, service: Service) -> Response:
    """Return a bare list of counts by day, by hour, or by the agent whose customers were heard."""
    principal(request, service, "supervisor")
    params = msgspec.structs.asdict(query(request, MetricsParams))
    as_csv = sheets.wanted(request, params.pop("format"))
    rows = await service.store.metrics(MetricsQuery(**params, min_calls=service.bounds.min_calls))
    if not as_csv:
        return answer(rows)
    _tell_csv(request)
    return sheets.metrics_sheet(rows, params["interval"], service.policy.model.labels)


async def tokens(request: Request, service: Service) -> Response:
    """Return a short-lived agent token, for an integrator's own pages."""
    bearer = principal(request, service, "integrator")
    wanted = await decode_body(request, r.TokenRequest)
    if not bearer.may_issue(wanted.role):
        raise Forbidden("an integrator hands out agent tokens only", code="wrong_role")
    issued = service.tokens.issue(wanted.role, agent_id=wanted.agent_id, call_id=wanted.call_id, ttl_sec=wanted.ttl_sec)
    lasts = {"role": wanted.role, "ttl_sec": wanted.ttl_sec, "token_id": service.tokens.verify(issued.token).token_id}
    tell(request, call_id=wanted.call_id, agent_id=wanted.agent_id, filters=lasts)
    return answer(issued)


async def model(request: Request, service: Service) -> Response:
    """Return the models in service: labels, figures, data, terms and limits; the chosen one's at the top too."""
    principal(request, service, *Everyone)
    return answer(service.lineup.cards())


async def analyze(request: Request, service: Service) -> Response:
    """Score one clip, as the stream would have scored the same audio."""
    bearer = principal(request, service, *Everyone)
    return answer(await analyze_clip(request, service, bearer))


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: where, who, what it takes, what it answers, and how it can fail."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    answers: Any
    roles: tuple[Role, ...]
    takes: type[msgspec.Struct] | None = None
    body: Any = None
    errors: tuple[int, ...] = ()
    csv: bool = False
    """Whether it answers CSV too."""
    action: str | None = None
    """How the audit log calls it; ``None``: it shows nothing of anybody."""

    def at(self, path: str) -> Handler:
        """Return what answers under a path, noted in the audit log where that is due."""
        return noted(self.handler, self.action, path, self.takes) if self.action else self.handler


CLIP = Operation(
    "POST", "/analyze/stream", analyze, r.ClipResult, Everyone, ClipParams, "clip", (400, 403, 413, 415, 422, 503)
)
EMOTIONS = Operation(
    "GET", "/emotions", emotions, list[r.LoggedSegment], Readers, EmotionsParams,
    errors=(400, 403, 404, 503), action="read_emotions",
)  # fmt: skip
METRICS = Operation(
    "GET", "/metrics/emotions", metrics, list[r.EmotionMetrics], ("supervisor",), MetricsParams,
    errors=(400, 403, 503), csv=True, action="read_metrics",
)  # fmt: skip
LIVE_EVENTS = {
    "snapshot": Snapshot, "call": LiveCall, "mood": LiveCall, "alert": r.LoggedAlert, "ended": LiveCall,
    "error": m.Failed,
}  # fmt: skip
"""What server-sent events carry, by name."""
OPERATIONS = (
    CLIP,
    EMOTIONS,
    METRICS,
    Operation("GET", "/logs", logs, r.SegmentPage, Readers, LogsParams,
              errors=(400, 403, 503), csv=True, action="read_logs"),
    Operation("GET", "/calls", calls, r.CallPage, Readers, CallsParams,
              errors=(400, 403, 404, 503), action="read_calls"),
    Operation("GET", "/calls/{call_id}", dossier.call, r.Call, Readers, errors=(403, 404, 503), action="read_call"),
    Operation("GET", "/calls/{call_id}/feedback", dossier.feedback, r.CallFeedback, ("supervisor",),
              errors=(403, 404, 503), action="read_feedback"),
    Operation("POST", "/calls/{call_id}/feedback", dossier.correct, None, Readers, body=m.Feedback,
              errors=(400, 403, 404, 413, 503), action="correct_reading"),
    Operation("GET", "/calls/{call_id}/audit", dossier.audit, r.CallAudit, ("supervisor",), CallAuditParams,
              errors=(400, 403, 404, 503), action="read_audit"),
    Operation("DELETE", "/calls/{call_id}", dossier.erase, None, ("supervisor",),
              errors=(403, 404, 503), action="erase_call"),
    Operation("GET", "/queue", board.queue, WaitingPage, ("supervisor",), board.QueueParams,
              errors=(400, 403, 503), action="read_queue"),
    Operation("POST", "/queue", board.join, WaitingCaller, ("supervisor", "integrator"), ClipParams, "caller",
              (400, 403, 404, 413, 415, 422, 503), action="join_queue"),
    Operation("DELETE", "/queue/{call_id}", board.leave, None, ("supervisor",), board.QueueLeaveParams,
              errors=(400, 403, 404, 503), action="leave_queue"),
    Operation("GET", "/rules", rules, r.RuleList, Readers, errors=(403,)),
    Operation("GET", "/live", board.live, LIVE_EVENTS, ("supervisor",), errors=(403, 503), action="watch_live"),
    Operation("POST", "/tokens", tokens, r.TokenAnswer, ("integrator",), body=r.TokenRequest,
              errors=(400, 403, 413), action="issue_token"),
    Operation("GET", "/model", model, r.ModelsInService, Everyone, errors=(403,)),
)  # fmt: skip
"""Under ``/api/v1``."""
EARLIER = (
    CLIP,
    EMOTIONS,
    METRICS,
    Operation("GET", "/logs", bare_logs, list[r.LoggedSegment], Readers, LogsParams,
              errors=(400, 403, 503), csv=True, action="read_logs"),
)  # fmt: skip
"""Without a prefix, as clients of the earlier system call them."""
