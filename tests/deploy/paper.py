"""100,000 live calls on paper: the sums in deploy/README.md, made from its own table of what goes in and from the code.

``python -m tests.deploy.paper`` (``make docs``) writes them anew after a figure that goes in has changed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from tests.deploy.charts import DEPLOY, defaults
from tests.store.records import call, segment
from undervoice import gossip
from undervoice.feed import KEPT
from undervoice.messages import Mood
from undervoice.options import SETTINGS
from undervoice.peers import GONE_SEC
from undervoice.store.documents import SHARDS, Document, day_documents, document_of
from undervoice.store.firestore import COMMIT_SEGMENTS
from undervoice.store.tallies import tally
from undervoice.wall import live_row

README = DEPLOY / "README.md"
BYTES_PER_SEC = 32_000
"""PCM of 16 bits at 16 kHz."""
FRAMES_PER_SEC = 10
SEGMENT_SEC = 2.5
MIB, GIB = 2**20, 2**30
COMPACT, AUTO = (f"CPU seconds a call-minute, `{name}`" for name in ("compact", "auto"))


def size(document: Document) -> int:
    """Return the bytes that Firestore reckons for a document's fields."""
    return 32 + sum(len(name) + 1 + _size(value) for name, value in document.items())


def _size(value: Any) -> int:
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode()) + 1
        case dict():
            return size(value)
        case list():
            return sum(map(_size, value))
        case _:
            return 8


def shown() -> bytes:
    """Return what the other servers are told of a call whose mood has changed."""
    mood = Mood("upset", 312.5, 0.7312, 134.2, 0.31, 88.1)
    row = msgspec.json.encode(live_row(call("c" * 16, agent_id="a" * 8, mood=mood)))
    return gossip.encode(gossip.Shown("c" * 16, gossip.Stake(0, 1.7e9), row))


def read(text: str) -> dict[str, float]:
    """Return what goes in, by the words of its row."""
    part = text.partition("<!-- inputs -->")[2].partition("<!-- /inputs -->")[0]
    rows = re.findall(r"^\| ([^|]+?) \| ([\d.,]+) \|", part, re.MULTILINE)
    return {name: float(value.replace(",", "")) for name, value in rows}


@dataclass
class Limit:
    """What breaks, at how many live calls of one deployment, and what to do about it."""

    what: str
    calls: float
    remedy: str


@dataclass
class Paper:
    """The sums. Rates are a second, over all servers, at the number of live calls that is asked about."""

    given: dict[str, float]

    @cached_property
    def calls(self) -> float:
        return self.given["live calls"]

    @cached_property
    def readings(self) -> float:
        """Final readings of one live call."""
        return self.given["share of speech"] / SEGMENT_SEC

    # ------------------------------------------------------------ servers

    def cores(self, cpu_sec: float) -> float:
        """Return the cores for all calls at the CPU seconds that a call-minute takes."""
        return self.calls * cpu_sec / 60 / self.given["share of a core in use"]

    @cached_property
    def calls_a_pod(self) -> int:
        return math.floor(self.calls / self.cores(self.given[COMPACT]) * self.pod_cores)

    @cached_property
    def pod_cores(self) -> int:
        return int(defaults()["resources"]["requests"]["cpu"])

    @cached_property
    def pods(self) -> int:
        return math.ceil(self.calls / self.calls_a_pod)

    @cached_property
    def pod_mb(self) -> float:
        return self.given["memory of a process, MB"] + self.calls_a_pod * self.given["memory of a call, KiB"] / 1024

    # ------------------------------------------------------------ Firestore

    @cached_property
    def writes(self) -> float:
        """Writes of a reading: itself, its agent's day, its call; everybody's day is shared by a commit.

        And once in each hour of a call, that it was heard.
        """
        batch = [segment(n, f"c-{n}", agent_id=f"a-{n}", at_sec=2.5) for n in range(COMMIT_SEGMENTS)]
        counted = len(day_documents(tally(batch), 0, int, list))
        return (len(batch) + counted) / len(batch) + 1 + self.heard / self.readings_a_call

    deletes = 2
    """Tombstones that must not be there, in the reading's commit and in the call's."""

    @cached_property
    def reads(self) -> float:
        """Reads of a reading: the call as it was; and in each hour of a call, before and after, where it was heard.

        With a call's first reading also whether it has others, of an earlier version.
        """
        return 1 + (2 * self.heard + 1) / self.readings_a_call

    @cached_property
    def heard(self) -> float:
        """Hours in which a call is heard."""
        return 1 + self.given["minutes a call"] / 60

    @cached_property
    def readings_a_call(self) -> float:
        return self.readings * 60 * self.given["minutes a call"]

    @cached_property
    def reading_cost(self) -> float:
        dollars = self.given
        counts = {"writes": self.writes, "deletes": self.deletes, "reads": self.reads}
        return sum(count * dollars[f"100,000 {name}, $"] for name, count in counts.items()) / 100_000

    @cached_property
    def reading_bytes(self) -> int:
        kept = document_of(segment(9, "c" * 16, agent_id="a" * 8), retention_days=90) | {"shard": 1, "stored_at": 1.0}
        return size(kept)

    @cached_property
    def readings_a_day(self) -> float:
        return self.calls * self.readings * 3600 * self.given["busy hours a day"]

    @cached_property
    def kept_gib(self) -> float:
        return self.readings_a_day * _default("retention_days") * self.reading_bytes / GIB

    # ------------------------------------------------------------ what a call-hour costs

    @cached_property
    def hour(self) -> dict[str, float]:
        """Dollars of one hour of a call."""
        given = self.given
        month = 365.25 / 12 * given["busy hours a day"]
        return {
            "machines": self.cores(given[COMPACT]) / self.calls * given["a core's hour, $"],
            "Firestore's operations": self.readings * 3600 * self.reading_cost,
            "Firestore's storage": self.kept_gib * given["a GiB's month, $"] / month / self.calls,
            "load balancer": BYTES_PER_SEC * 3600 / GIB * given["a GiB through the balancer, $"],
        }

    # ------------------------------------------------------------ what breaks

    @cached_property
    def limits(self) -> list[Limit]:
        """Return what each thing takes, the first to break on top."""
        given = self.given
        told = self.readings * len(shown())
        found = [
            Limit(
                "`at` and `stored_at` of readings, indexed: their values only grow",
                given["writes a second, growing index"] / self.readings,
                "put a shard before them in the index (readings have one), ask every shard, merge",
            ),
            Limit(
                f"the wall's ring of {KEPT:,} events: under the {GONE_SEC:.0f} s after which a lost server shows",
                KEPT / GONE_SEC / self.readings,
                "a wall each team: choose before telling, not after",
            ),
            Limit(
                f"everybody's day: {SHARDS} documents of a write a second, commits of {COMMIT_SEGMENTS} readings",
                SHARDS * COMMIT_SEGMENTS / self.readings,
                "more shards; commits grow by themselves up to their bound when the store slows down",
            ),
            Limit(
                "a database's writes, before it has grown",
                given["writes a second, a database"] / self.writes / self.readings,
                "write a call's record with every few readings, not with each; open slowly",
            ),
            Limit(
                "Redis: each server hears all others",
                math.sqrt(given["Redis, bytes a second"] * self.calls_a_pod / told),
                "a Redis each region or tenant",
            ),
        ]
        return sorted(found, key=lambda limit: limit.calls)

    @cached_property
    def cell(self) -> int:
        """Live calls of a deployment that breaks nothing, as things are."""
        return math.floor(self.limits[0].calls / 100) * 100

    # ------------------------------------------------------------ in words

    def sums(self) -> list[str]:
        """Return the table of what it comes to."""
        rows = self._traffic() + self._servers() + self._store() + self._money()
        return ["| what | how much |", "|---|---|", *(f"| {name} | {words} |" for name, words in rows)]

    def _traffic(self) -> list[tuple[str, str]]:
        readings, gbit = self.calls * self.readings, self.calls * BYTES_PER_SEC * 8 / 1e9
        told = readings * len(shown()) / 1e6
        return [
            ("audio in", f"{gbit:.1f} Gbit/s, {self.calls * FRAMES_PER_SEC / 1e6:.1f} million frames a second"),
            ("final readings", f"{readings:,.0f} a second, {self.readings_a_day / 1e6:,.0f} million a day"),
            (
                "told between servers",
                f"{told:.1f} MB/s to each; {told * self.pods / 1000:.1f} GB/s out of one Redis",
            ),
        ]

    def _servers(self) -> list[tuple[str, str]]:
        compact, auto = self.cores(self.given[COMPACT]), self.cores(self.given[AUTO])
        held = f"{self.calls_a_pod} calls and {self.pod_mb:,.0f} MB each"
        return [
            ("cores", f"{compact:,.0f} with `compact`, {auto:,.0f} with `auto` and accurate finals for all"),
            ("pods of the chart, `compact`", f"{self.pods:,} of {self.pod_cores} cores, {held}"),
        ]

    def _store(self) -> list[tuple[str, str]]:
        writes = self.calls * self.readings * self.writes
        operations = f"{self.writes:.2f} writes, {self.deletes} deletes, {self.reads:.2f} reads"
        a_second = self.calls_a_pod * self.readings * 2 * self.reading_bytes  # the reading, and its call's record
        hours = _default("outbox_mb") * MIB / a_second / 3600
        return [
            ("Firestore, a reading", f"{operations}; {self.reading_bytes} bytes before indexes"),
            ("Firestore, all", f"{writes:,.0f} writes a second"),
            ("kept over the retention", f"{self.kept_gib / 1024:,.0f} TiB of readings"),
            ("an outage of the store that a pod's outbox holds", f"{hours:.0f} hours"),
        ]

    def _money(self) -> list[tuple[str, str]]:
        hour = sum(self.hour.values())
        shares = ", ".join(f"{name} {dollars / hour:.0%}" for name, dollars in self.hour.items())
        cells, pods = math.ceil(self.calls / self.cell), math.ceil(self.cell / self.calls_a_pod)
        return [
            ("a call-hour", f"${hour:.3f}: {shares}"),
            ("all of it", f"${hour * self.calls:,.0f} an hour while all talk"),
            ("cells, as things are", f"{cells} of {self.cell:,} calls and {pods} pods each"),
        ]

    def breaking(self) -> list[str]:
        """Return the table of what breaks first, the first on top."""
        rows = [f"| {limit.what} | {_round(limit.calls):,} | {limit.remedy} |" for limit in self.limits]
        return ["| what | breaks at live calls | what to do |", "|---|---|---|", *rows]


def _default(name: str) -> int:
    """Return a setting's default, a number."""
    value = next(row.default for row in SETTINGS if row.name == name)
    assert isinstance(value, int)
    return value


def _round(number: float) -> int:
    """Return a number to two figures: none of what goes in is known better."""
    step = 10 ** (math.floor(math.log10(number)) - 1)
    return math.floor(number / step) * step


def written(text: str) -> str:
    """Return the README with its sums made anew."""
    paper = Paper(read(text))
    for name, lines in (("sums", paper.sums()), ("limits", paper.breaking())):
        head, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, tail = rest.partition(f"<!-- /{name} -->")
        assert start, name
        assert end, name
        text = "\n".join([f"{head}{start}", *lines, "", f"{end}{tail}"])
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
