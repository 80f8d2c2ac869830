"""Which calls a query wants, where no index tells."""

from __future__ import annotations

from undervoice.resources import Call
from undervoice.store import CallQuery
from undervoice.store.cursors import instant


def felt(query: CallQuery) -> bool:
    """Return whether a query asks for how calls felt, and not only for whose and when they were."""
    return query.alerted or query.min_upset_sec is not None or query.min_priority is not None


def fits(query: CallQuery, call: Call) -> bool:
    """Return whether a query wants a call, whether it lives or not; a call without a mood has no upset seconds."""
    upset_sec, priority = (call.mood.upset_sec, call.mood.priority) if call.mood else (0.0, 0.0)
    return (
        query.agent_id in (None, call.agent_id)
        and (query.since is None or instant(call.started_at) >= instant(query.since))
        and (query.until is None or instant(call.started_at) < instant(query.until))
        and upset_sec >= (query.min_upset_sec or 0.0)
        and priority >= (query.min_priority or 0.0)
        and (bool(call.alerts) or not query.alerted)
    )
