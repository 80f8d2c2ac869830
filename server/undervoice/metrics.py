"""Figures for Prometheus: read where they are kept, at the moment they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from undervoice import __version__
from undervoice.audit import AuditLog
from undervoice.inference import Inference
from undervoice.limits import Connections
from undervoice.live import LiveCalls
from undervoice.store.writer import Writer
from undervoice.webhooks import Webhooks

Row = tuple[str, str, float]
"""Name without prefix, what it is, and its value."""


class Metrics(Collector):
    """One server's figures, in a registry of its own."""

    def __init__(
        self,
        *,
        models: str,
        writer: Writer,
        webhooks: Webhooks,
        audit: AuditLog,
        inference: Inference,
        live: LiveCalls,
        connections: Connections,
    ) -> None:
        self._models, self._writer, self._audit, self._inference = models, writer, audit, inference
        self._webhooks, self._live, self._connections = webhooks, live, connections
        self._agent_sec, self._refusals = 0.0, 0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def discarded_agent(self, seconds: float) -> None:
        """Count audio of agents that was discarded before any feature was computed."""
        self._agent_sec += seconds

    def consent_refused(self) -> None:
        """Count a call that was refused for want of consent."""
        self._refusals += 1

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the figures in the format that a scraper accepts, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def describe(self) -> list[Metric]:
        """Return nothing: that spares the registry a collection before the server runs."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return all figures as they are now."""
        for name, help_text, value in self._gauges():
            yield GaugeMetricFamily(f"undervoice_{name}", help_text, value)
        for name, help_text, value in self._counters():
            yield CounterMetricFamily(f"undervoice_{name}", help_text, value)
        build = {"version": __version__, "models": self._models}
        yield InfoMetricFamily("undervoice_build", "What runs.", build)

    def _gauges(self) -> list[Row]:
        outbox, writer = self._writer.outbox, self._writer
        return [
            ("outbox_records", "Records that the store has not confirmed, on disk.", outbox.records),
            ("outbox_bytes", "Bytes in use by the outbox.", outbox.bytes),
            ("outbox_limit_bytes", "Bytes that the outbox may use; 0 without one.", outbox.limit_bytes),
            ("outbox_oldest_seconds", "Age of the oldest record in the outbox.", outbox.oldest_sec),
            ("outbox_limit_seconds", "Age at which a record is given up; 0 without an outbox.", outbox.limit_sec),
            ("outbox_failing", "1 while the outbox cannot be written.", outbox.error is not None),
            ("writer_waiting", "Records that are not in the store yet.", writer.depth),
            ("store_down", "1 while the store does not take records.", writer.last_error is not None),
            ("audit_waiting", "Lines of the audit log that are not on disk yet.", self._audit.depth),
            (
                "audit_failing",
                "1 while the audit log cannot be written: nothing is erased.",
                self._audit.last_error is not None,
            ),
            ("webhooks_waiting", "Alerts that a receiver does not have yet.", self._webhooks.waiting),
            ("webhooks_down", "Receivers of alerts that take none at the moment.", self._webhooks.down),
            ("calls_live", "Calls that are going on.", len(self._live)),
            ("connections", "Open sockets of calls.", len(self._connections)),
            ("connections_limit", "Sockets that may be open.", self._connections.most),
            ("segments_queued", "Segments that wait to be scored.", self._inference.queued),
        ]

    def _counters(self) -> list[Row]:
        outbox, writer, inference = self._writer.outbox, self._writer, self._inference
        return [
            ("outbox_unkept", "Records that only memory held.", outbox.unkept),
            ("outbox_given_up", "Records that no store took within the age limit.", outbox.given_up),
            ("outbox_unreadable", "Records of the outbox that could not be read again.", outbox.unreadable),
            ("writer_saved", "Records that the store has confirmed.", writer.saved),
            ("writer_dropped", "Records that will never be stored.", writer.dropped),
            ("audit_lost", "Lines of the audit log that will never be written.", self._audit.lost),
            ("webhooks_delivered", "Alerts that a receiver has.", self._webhooks.delivered),
            ("webhooks_failed", "Attempts to deliver an alert that failed.", self._webhooks.failed),
            ("webhooks_given_up", "Alerts that a receiver refused, or did not take in time.", self._webhooks.given_up),
            ("webhooks_unkept", "Alerts for receivers that only memory held.", self._webhooks.unkept),
            ("segments_scored", "Segments scored.", inference.scored),
            ("segments_fell_back", "Final segments that the quick model scored under load.", inference.fell_back),
            ("segments_shed", "Final segments that were given up under load.", inference.shed),
            ("segments_skipped", "Provisional segments that were too late to be scored.", inference.skipped),
            ("discarded_agent_seconds", "Agents' audio, discarded before any feature was computed.", self._agent_sec),
            ("consent_refused", "Calls refused for want of consent.", self._refusals),
        ]
