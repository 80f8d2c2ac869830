"""The figures of several processes are those that one process would have that did the work of all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from tests.servers import Server
from undervoice.gathering import LARGEST, merged
from undervoice.histogram import Histogram

BOUNDS = (0.1, 1.0, 10.0)
Seen = list[tuple[str, float]]
"""Models, and what was seen of each."""


class Told(Collector):
    """Families, as they are."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def text(families: list[Metric], accept: str = CONTENT_TYPE_LATEST) -> str:
    registry = CollectorRegistry()
    registry.register(Told(families))
    return choose_encoder(accept)[0](registry).decode()


def figures(seen: Seen, oldest: float) -> list[Metric]:
    """Return what a process tells that has seen this."""
    models = list(dict.fromkeys(model for model, _ in seen))
    count = CounterMetricFamily("undervoice_seen", "How many.", labels=["model"])
    spread = HistogramMetricFamily("undervoice_size_seconds", "How large.", labels=["model"])
    for model in models:
        histogram = Histogram(BOUNDS)
        histogram.see_all(value for name, value in seen if name == model)
        count.add_metric([model], histogram.count)
        buckets = [(floatToGoString(bound), n) for bound, n in histogram.cumulative()]
        spread.add_metric([model], buckets, histogram.total)
    return [
        count,
        spread,
        GaugeMetricFamily("undervoice_calls_live", "Calls.", len(seen)),
        GaugeMetricFamily("undervoice_outbox_oldest_seconds", "Age.", oldest),
        InfoMetricFamily("undervoice_build", "What runs.", {"version": "1.2.3"}),
    ]


def values(families: list[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


processes = st.lists(
    st.tuples(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20).map(float))), st.integers(0, 9)),
    min_size=1,
    max_size=4,
)


@given(processes)
def test_several_processes_tell_what_one_would(parts: list[tuple[Seen, int]]) -> None:
    whole = figures([each for seen, _ in parts for each in seen], max(oldest for _, oldest in parts))
    found = merged(text(figures(seen, oldest)) for seen, oldest in parts)
    assert values(found) == values(whole)
    assert {family.name: family.type for family in found} == {family.name: family.type for family in whole}


@pytest.mark.parametrize("accept", ["", CONTENT_TYPE_LATEST])
def test_what_was_merged_can_be_told_as_it_came(accept: str) -> None:
    told = figures([("a", 0.5), ("b", 50.0), ("a", 5.0)], 3)
    assert text(merged([text(told)]), accept) == text(told, accept)


def test_what_is_one_or_none_stays_so(server: Server) -> None:
    own = server.service.metrics.exposition(CONTENT_TYPE_LATEST)[0].decode()
    (families, twice) = (merged([own] * count) for count in (1, 2))
    flags = {family.name for family in families if family.documentation.startswith("1 while")}
    assert flags
    assert flags <= LARGEST
    names = {family.name + ("_info" if family.type == "info" else "") for family in families}
    assert names >= LARGEST, "a name that nobody has any more"
    assert [family.name for family in twice] == [family.name for family in families]
