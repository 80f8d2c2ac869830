"""The figures of all worker processes of one server, as those of one: whichever is asked asks the others.

It works on what each would tell Prometheus, so that it depends on nothing inside.
"""

from __future__ import annotations

import asyncio
import functools
import operator
import time
from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from undervoice.metrics import Metrics, Snapshot
from undervoice.peers import Peers

WAIT_SEC = 1.0
"""How long the others have to answer; who does not is left out, and counted."""
KNOWN_SEC = 1.0
"""How long it is known how the others are: anybody may ask that."""
WELL = b"well"

LARGEST = frozenset(
    {
        "undervoice_outbox_oldest_seconds",
        "undervoice_outbox_limit_seconds",
        "undervoice_outbox_failing",
        "undervoice_store_down",
        "undervoice_audit_failing",
        "undervoice_webhooks_down",  # all have the same receivers
        "undervoice_drift_emotions",
        "undervoice_drift_level_db",
        "undervoice_drift_snr_db",
        "undervoice_build_info",
        "undervoice_peers",
        "undervoice_calls_elsewhere",
        "undervoice_exchange_down",
    }
)
"""Figures of which the sum over processes would be wrong: the worst of them is told."""

Key = tuple[str, tuple[tuple[str, str], ...]]


def merged(expositions: Iterable[str]) -> list[Metric]:
    """Return figures that several processes tell, in OpenMetrics' text, as those of one."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[Key, Sample]] = {}
    for text in expositions:
        for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
            families.setdefault(family.name, family)
            known = values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                known[key] = _joined(known[key], sample) if key in known else sample
    for name, family in families.items():
        family.samples = list(values[name].values())
    return list(families.values())


def _joined(one: Sample, other: Sample) -> Sample:
    how = max if one.name in LARGEST else operator.add
    return one._replace(value=how(one.value, other.value))


class Gathering:
    """Asks the workers of this server for their figures and how they are, and answers them.

    Args:
        peers: whoever is on the exchange, which may be workers of other servers too.
        metrics: this process's own figures.
        well: whether this process is.
        crew: what this server's workers are known by; another's have another.
        workers: how many there should be.
    """

    def __init__(self, peers: Peers, metrics: Metrics, well: Callable[[], bool], crew: str, workers: int) -> None:
        self._peers, self._metrics, self._crew, self._workers = peers, metrics, crew.encode(), workers
        self._known = "ok", -KNOWN_SEC
        for kind, answer in (("metrics", self._text), ("health", lambda: WELL if well() else b"ill")):
            peers.answer(kind, functools.partial(self._answer, answer))

    async def exposed(self, accept: str) -> tuple[bytes, str]:
        """Return the figures of all workers that answer in the format that a scraper accepts, and its content type."""
        texts = [self._text(), *await self._ask("metrics")]
        return await asyncio.to_thread(self._encoded, [text.decode() for text in texts], accept)

    async def others(self) -> str:
        """Return how the other workers are: ``ok``, ``degraded``, or ``silent`` where one does not answer."""
        said, at = self._known
        if time.monotonic() - at >= KNOWN_SEC:
            answers = await self._ask("health")
            well = all(answer == WELL for answer in answers)
            said = "silent" if len(answers) < self._workers - 1 else "ok" if well else "degraded"
            self._known = said, time.monotonic()
        return said

    async def _ask(self, kind: str) -> list[bytes]:
        answers = await self._peers.ask(kind, WAIT_SEC, body=self._crew)
        return [answer for answer in answers.values() if answer]

    def _answer(self, answer: Callable[[], bytes], crew: bytes) -> bytes:
        return answer() if crew == self._crew else b""

    def _encoded(self, texts: list[str], accept: str) -> tuple[bytes, str]:
        silent = max(0, self._workers - len(texts))
        families = [
            *merged(texts),
            GaugeMetricFamily("undervoice_workers", "Worker processes whose figures these are.", len(texts)),
            GaugeMetricFamily("undervoice_workers_silent", "Worker processes that did not answer.", silent),
        ]
        encode, content_type = choose_encoder(accept)
        return encode(Snapshot(families)), content_type

    def _text(self) -> bytes:
        return self._metrics.exposition(CONTENT_TYPE_LATEST)[0]
