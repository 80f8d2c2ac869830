"""Figures for Prometheus: read where they are kept, at the moment they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from undervoice import __version__
from undervoice.audit import AuditLog
from undervoice.histogram import Histogram
from undervoice.inference import Inference
from undervoice.limits import Connections
from undervoice.live import LiveCalls
from undervoice.stages import Stages
from undervoice.store.writer import Writer
from undervoice.webhooks import Webhooks

Row = tuple[str, str, float]
"""Name without prefix, what it is, and its value."""
Labelled = dict[tuple[str, ...], Histogram]
Spread = tuple[str, str, tuple[str, ...], Labelled]
"""Name without prefix, what it is, the names of its labels, and the histograms by their values."""


class Metrics:
    """One server's figures; nothing of them is global."""

    def __init__(
        self,
        *,
        stages: Stages,
        writer: Writer,
        webhooks: Webhooks,
        audit: AuditLog,
        inference: Inference,
        live: LiveCalls,
        connections: Connections,
    ) -> None:
        self._stages, self._writer, self._audit, self._inference = stages, writer, audit, inference
        self._webhooks, self._live, self._connections = webhooks, live, connections
        self._agent_sec, self._refusals = 0.0, 0
        self._process = ProcessCollector(namespace="undervoice", registry=None)

    def discarded_agent(self, seconds: float) -> None:
        """Count audio of agents that was discarded before any feature was computed."""
        self._agent_sec += seconds

    def consent_refused(self) -> None:
        """Count a call that was refused for want of consent."""
        self._refusals += 1

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the figures in the format that a scraper accepts, and its content type."""
        return self._encoded(accept, self._gauges(), self._counters())

    async def exposed(self, accept: str) -> tuple[bytes, str]:
        """Return the same, put together off the event loop: that takes some 10 ms."""
        # These walk what the loop changes; of all else a thread takes copies in one step.
        gauges, counters = self._gauges(), self._counters()
        return await asyncio.to_thread(self._encoded, accept, gauges, counters)

    def _encoded(self, accept: str, gauges: list[Row], counters: list[Row]) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        return encode(Snapshot(self._families(gauges, counters))), content_type

    def _families(self, gauges: list[Row], counters: list[Row]) -> Iterator[Metric]:
        for name, help_text, value in gauges:
            yield GaugeMetricFamily(f"undervoice_{name}", help_text, value)
        for name, help_text, value in counters:
            yield CounterMetricFamily(f"undervoice_{name}", help_text, value)
        yield from (_family(*spread) for spread in self._spreads())
        yield from self._heard()
        yield from (family for family in self._process.collect() if family.name in PROCESS)
        build = {"version": __version__, "models": " ".join(self._stages.heard)}
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
            ("peers", "Other servers, or workers, that are heard.", len(self._live.peers.names)),
            ("calls_elsewhere", "Calls on the wall that others hold.", len(self._live.elsewhere)),
            ("exchange_down", "1 while the others cannot be reached.", not self._live.peers.up),
        ]

    def _counters(self) -> list[Row]:
        outbox, writer, inference = self._writer.outbox, self._writer, self._inference
        return [
            ("outbox_unkept", "Records that only memory held.", outbox.unkept),
            ("outbox_given_up", "Records that no store took within the age limit.", outbox.given_up),
            ("outbox_unreadable", "Records of the outbox that could not be read again.", outbox.unreadable),
            ("writer_saved", "Records that the store has confirmed.", writer.saved),
            ("writer_dropped", "Records that will never be stored.", writer.dropped),
            ("writer_uncounted", "Readings that are stored, but that the store refused to count.", writer.uncounted),
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
            ("store_failures", "Batches that the store was asked to take in vain.", writer.failures),
            ("exchange_lost", "Messages that the others did not get.", self._live.peers.exchange.lost),
            ("exchange_ignored", "Messages that were no others' of this deployment.", self._live.peers.ignored),
            ("audio_bytes", "Bytes of live calls' audio that came.", self._stages.audio_bytes),
            ("audio_seconds", "Seconds of live calls' audio that came.", self._stages.audio_sec),
        ]

    def _spreads(self) -> list[Spread]:
        stages, inference, writer = self._stages, self._inference, self._writer
        lags: Labelled = {(str(final).lower(),): lag for final, lag in stages.lags.items()}
        costs: Labelled = {(tag,): cost for tag, cost in zip(stages.heard, inference.costs, strict=True)}
        answers: Labelled = dict(list(stages.answers.items()))
        return [
            (
                "reading_lag_seconds",
                "From the audio that decided a cut to its live reading's send.",
                ("final",),
                lags,
            ),
            ("queue_wait_seconds", "How long segments waited to be scored.", (), {(): inference.waits}),
            ("batch_segments", "Segments scored in one go.", (), {(): inference.batches}),
            ("scoring_seconds", "What a segment took to be scored, features included.", ("model",), costs),
            ("outbox_commit_seconds", "What a group of records took to be written down.", (), {(): writer.commits}),
            ("store_save_seconds", "What the store took for a batch, in vain or not.", (), {(): writer.saves}),
            ("loop_lag_seconds", "By how much the event loop was late, ten times a second.", (), {(): stages.loop}),
            ("level_dbfs", "Levels of final segments in dB relative to full scale.", (), {(): stages.levels}),
            ("snr_db", "Signal-to-noise ratios of final segments.", (), {(): stages.ratios}),
            (
                "http_answer_seconds",
                "To the head of an answer; handshakes of calls that are let in are 1xx.",
                ("route", "status"),
                answers,
            ),
        ]

    def _heard(self) -> Iterator[Metric]:
        """Return what final readings told, and how far that is from the models' cards."""
        emotions = CounterMetricFamily(
            "undervoice_emotions",
            "Final readings by what was detected, unsure ones included.",
            labels=("model", "emotion"),
        )
        unsure = CounterMetricFamily("undervoice_uncertain", "Final readings that are unsure.", labels=("model",))
        drifts = {
            name: GaugeMetricFamily(f"undervoice_drift_{name}", words, labels=("model",))
            for name, words in DRIFTS.items()
        }
        for tag, heard in self._stages.heard.items():
            for emotion, count in heard.emotions.items():
                emotions.add_metric((tag, emotion), count)
            unsure.add_metric((tag,), heard.uncertain)
            if heard.drift is not None:
                drifts["readings"].add_metric((tag,), heard.drift.heard)
                figures = heard.drift.figures()
                for name in ("emotions", "level_db", "snr_db") if figures else ():
                    drifts[name].add_metric((tag,), getattr(figures, name))
        yield from (emotions, unsure, *drifts.values())


PROCESS = {f"undervoice_process_{name}" for name in ("cpu_seconds", "open_fds", "resident_memory_bytes")}
"""What may be added up over the processes of a server."""
DRIFTS = {
    "emotions": "How far the last final readings' labels are from the model card's: 0 the same, 1 nothing in common.",
    "level_db": "Mean distance of the last final segments' levels from the model card's, in dB.",
    "snr_db": "Mean distance of the last final segments' signal-to-noise ratios from the model card's, in dB.",
    "readings": "Final readings that the drift is told of; nothing is told of fewer than 200.",
}


def _family(name: str, help_text: str, labels: tuple[str, ...], spread: Labelled) -> Metric:
    """Return histograms as Prometheus knows them."""
    family = HistogramMetricFamily(f"undervoice_{name}", help_text, labels=labels)
    for values, histogram in spread.items():
        buckets = [(told(bound), count) for bound, count in histogram.cumulative()]
        family.add_metric(values, buckets, histogram.total)
    return family


def told(bound: float) -> str:
    """Return a bucket's upper end as parsers want it: ``1.0``, ``+Inf``."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]


class Snapshot(Collector):
    """Families as an encoder takes them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        return iter(self._families)
