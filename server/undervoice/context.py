"""What a line of the log belongs to: a call, its session, its trace. The task that serves a call carries it along."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Context:
    """Whom what is done at the moment is done for; all empty where it is nobody in particular."""

    call_id: str | None = None
    session_id: str | None = None
    trace_id: str | None = None


# The one thing that is global, and of no task but the one that asks: that is what context variables are.
_context: ContextVar[Context] = ContextVar("undervoice_context", default=Context())  # noqa: B039 - it is frozen


def current() -> Context:
    """Return what the task that asks is about."""
    return _context.get()


def enter(**known: str | None) -> None:
    """Say from here on, in this task and those that it starts, what they are about."""
    _context.set(replace(_context.get(), **known))
