"""Traces for OpenTelemetry, sent as OTLP over HTTP from a thread of their own; needs the extra ``otel``.

A call is one long span, and each final reading a short trace of its own that is linked to it: ``reading``, and in it
``queue``, ``score``, ``outbox``, ``send``. (As children they would make one trace of many thousand spans, whose root
comes last.) No span holds audio, text, tokens, paths, or what anybody feels. A call's span alone bears its ids.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    TraceState,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from undervoice import __version__
from undervoice.emotion import Reading, Segment
from undervoice.inference import Job
from undervoice.tracing import UNTRACED, CallTrace, Tracing

SEND_SEC = 5.0
"""How long a collector may take for a batch."""
CLOSE_SEC = 3.0
"""How long the end waits for what is not sent yet."""
WAITING = 4096
"""Spans at most that wait to be sent; past that they are dropped."""
REFUSED = (401, 403, 429)
"""Whoever is answered this has no say in what is traced."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNASKED = ("/livez", "/readyz", "/health", "/metrics")
"""Probes and scrapers come every few seconds and tell nothing."""


class Linked(Sampler):
    """Samples whatever is linked to what was sampled, and else asks another."""

    def __init__(self, otherwise: Sampler) -> None:
        self._otherwise = otherwise

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return whether a span is recorded."""
        if any(link.context.trace_flags.sampled for link in links or ()):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._otherwise.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Return what it does, in words."""
        return f"Linked({self._otherwise.get_description()})"


@dataclass(frozen=True, slots=True)
class Marks:
    """When a segment was scored, monotonic seconds, and with how many others."""

    queued: float
    began: float
    ended: float
    batch: int


@dataclass(eq=False)
class TracedCall(CallTrace):
    """A call that is traced."""

    spans: Spans
    parent: Context
    marks: dict[Segment, Marks] = field(default_factory=dict)
    span: Span | None = None

    def begin(self, call_id: str, session_id: str) -> str | None:
        """Begin its span; return the trace's id, if it is sampled."""
        ids = {"undervoice.call_id": call_id, "undervoice.session_id": session_id}
        span = self.spans.tracer.start_span("call", self.parent, SpanKind.SERVER, ids)
        if not span.is_recording():
            return None
        self.span = span
        return format_trace_id(span.get_span_context().trace_id)

    def said(self, segment: Segment, reading: Reading, arrived: float, kept: float) -> None:
        """Tell of a reading that was just sent."""
        marks = self.marks.pop(segment, None)
        if self.span is None or marks is None or not reading.final:
            return
        tell, sent = Telling(self.spans), time.monotonic()
        attributes = {"undervoice.model": reading.model, "undervoice.trigger": reading.trigger}
        links = [Link(self.span.get_span_context())]
        whole = tell.begin("reading", Context(), arrived, attributes, links)
        within = set_span_in_context(whole, Context())
        tell.span("queue", within, marks.queued, marks.began)
        tell.span("score", within, marks.began, marks.ended, {"undervoice.batch": marks.batch})
        tell.span("outbox", within, marks.ended, kept)
        tell.span("send", within, kept, sent)
        whole.end(tell.at(sent))

    def end(self, reason: str | None) -> None:
        """End its span."""
        if self.span is not None:
            self.span.set_attribute("undervoice.reason", reason or "failed")
            self.span.end()
            self.span = None


class Telling:
    """Spans of what is over, by monotonic seconds."""

    def __init__(self, spans: Spans) -> None:
        self._spans, self._now, self._epoch_ns = spans, time.monotonic(), time.time_ns()

    def at(self, moment: float) -> int:
        """Return a moment as nanoseconds since the epoch."""
        return self._epoch_ns - round((self._now - moment) * 1e9)

    def begin(
        self, name: str, within: Context, began: float, attributes: Attributes = None, links: Sequence[Link] = ()
    ) -> Span:
        """Return a span that began at a moment."""
        return self._spans.tracer.start_span(name, within, SpanKind.INTERNAL, attributes, links, self.at(began))

    def span(self, name: str, within: Context, began: float, ended: float, attributes: Attributes = None) -> None:
        """Tell of a step."""
        self.begin(name, within, began, attributes).end(self.at(ended))


class Spans(Tracing):
    """Sends traces to a collector.

    Args:
        endpoint: its address, without ``/v1/traces``.
        share: of calls and requests, 0…1; what comes with a sampled ``traceparent`` is traced in any case.
    """

    traces = True

    def __init__(self, endpoint: str, share: float) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_SEC)
        self._provider = TracerProvider(
            sampler=Linked(ParentBased(TraceIdRatioBased(share))),
            resource=Resource.create({"service.name": "undervoice", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=WAITING))
        self.tracer = self._provider.get_tracer("undervoice", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def call(self, headers: Mapping[str, str]) -> CallTrace:
        """Return the trace of a call that comes with these headers."""
        return TracedCall(self, self._parent(headers))

    def _parent(self, headers: Mapping[str, str]) -> Context:
        """Return what a ``traceparent`` says; a ``tracestate`` is a client's free text and goes nowhere."""
        return self._propagator.extract({"traceparent": headers.get("traceparent", "")}, Context())

    def scored(self, batch: Sequence[Job], began: float, ended: float) -> None:
        """Take when a batch was scored."""
        for job in batch:
            trace = getattr(job.call, "trace", UNTRACED)
            if isinstance(trace, TracedCall) and trace.span is not None and job.segment.final:
                trace.marks[job.segment] = Marks(job.queued_at, began, ended, len(batch))

    def answered(self, headers: Mapping[str, str], method: str, route: str | None, status: int, seconds: float) -> None:
        """Tell of a request that was just answered."""
        if route in UNASKED:
            return
        now = time.time_ns()
        method = method if method in METHODS else "_OTHER"  # what is none may be a client's word
        name = f"{method} {route}" if route else method
        attributes: dict[str, str | int] = {"http.request.method": method, "http.response.status_code": status}
        attributes |= {"http.route": route} if route else {}
        parent = Context() if status in REFUSED else self._parent(headers)
        span = self.tracer.start_span(name, parent, SpanKind.SERVER, attributes, None, now - round(seconds * 1e9))
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)

    def close(self) -> None:
        """Hand over what is left, within a few seconds: a collector that is gone holds nobody up."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(CLOSE_SEC)
