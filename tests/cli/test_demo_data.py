"""``undervoice demo-data``: a past that looks real, is marked as made up, and goes away again."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import soundfile

from tests.store.records import call, segment
from tests.voices import sentence
from undervoice.__main__ import main
from undervoice.cli import demo_calls, demo_voices
from undervoice.model import Model
from undervoice.resources import Call, LoggedFeedback, LoggedSegment
from undervoice.store import CallQuery, LogQuery, MetricsQuery, open_store
from undervoice.store.tallies import Span, answer, tally

Command = Callable[..., int]


@pytest.fixture
def demo_data(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command on a few calls a day, in the voices of nobody: neither corpora nor espeak-ng."""
    monkeypatch.setenv("UNDERVOICE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("UNDERVOICE_MODEL", str(model))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(demo_voices, "VOICES", 2)

    def run(*args: str) -> int:
        return main(["demo-data", "--days", "9", "--calls", "4", *args])

    return run


WITHOUT_A_RECORD = "c-lost"


class Contents:
    """All that a store holds."""

    def __init__(self, path: Path) -> None:
        self.calls: list[Call] = []
        self.readings: list[LoggedSegment] = []
        self.feedback: list[LoggedFeedback] = []
        asyncio.run(self._read(path))

    async def _read(self, path: Path) -> None:
        store = open_store(f"sqlite:///{path}")
        self.calls = (await store.calls(CallQuery(limit=500))).items
        for name in (*(one.call_id for one in self.calls), WITHOUT_A_RECORD):
            self.readings += await store.segments(name)
            self.feedback += await store.feedback(name)
        query = MetricsQuery()
        everybody = [(*key, sums) for key, sums in tally(self.readings).items() if not key[1]]
        assert await store.metrics(query) == answer(query, Span.of(query), everybody)
        await store.close()

    def of_before(self, day: date) -> list[Call]:
        return [one for one in self.calls if one.started_at < str(day)]


def test_a_month_is_made_up_of_marked_calls_of_the_past(
    demo_data: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo_data() == 0
    made = Contents(tmp_path / "state" / "undervoice.db")
    told = capsys.readouterr().out
    assert told.startswith(f"{len(made.calls)} calls with {len(made.readings):,} readings of the last 9 days")
    assert "made sounds" in told
    now = datetime.now(UTC)
    assert len({one.agent_id for one in made.calls}) > 2
    for one in made.calls:
        assert (one.metadata["demo"], one.live, one.kind) == (True, False, "call")
        assert one.ended_at is not None
        assert now - timedelta(days=9) <= datetime.fromisoformat(one.started_at)
        assert datetime.fromisoformat(one.started_at) < datetime.fromisoformat(one.ended_at) <= now
        assert datetime.fromisoformat(one.started_at).weekday() != 6
        mine = [reading for reading in made.readings if reading.call_id == one.call_id]
        assert one.totals.segments == len(mine)
        assert one.summary is not None
        assert one.mood is not None
        ends = [0.0, *(reading.end_offset_sec for reading in mine)]
        assert all(was <= reading.start_offset_sec for was, reading in zip(ends, mine, strict=False))


def test_the_same_seed_makes_the_same_calls(demo_data: Command, tmp_path: Path) -> None:
    stores = [tmp_path / f"{name}.db" for name in ("one", "again", "other")]
    for path, seed in zip(stores, ("7", "7", "8"), strict=True):
        assert demo_data("--store", f"sqlite:///{path}", "--seed", seed) == 0
    assert demo_data("--store", f"sqlite:///{stores[0]}", "--seed", "7") == 0, "and twice is once"
    one, again, other = (Contents(path).of_before(datetime.now(UTC).date()) for path in stores)
    assert one == again
    assert one != other


def test_calls_of_others_are_neither_mixed_with_nor_removed(
    demo_data: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state" / "undervoice.db"

    async def save() -> None:
        store = open_store(f"sqlite:///{path}")
        await store.save([call("c-real", live=False), segment(0, "c-real"), segment(0, WITHOUT_A_RECORD)])
        await store.close()

    asyncio.run(save())
    assert demo_data() == 2
    assert "--force" in capsys.readouterr().err
    assert [one.call_id for one in Contents(path).calls] == ["c-real"]
    assert demo_data("--force") == 0
    assert len(Contents(path).calls) > 9
    assert demo_data("--remove") == 0
    assert [one.call_id for one in Contents(path).calls] == ["c-real"]


def test_what_was_removed_can_be_made_again(demo_data: Command, tmp_path: Path) -> None:
    path = tmp_path / "state" / "undervoice.db"
    assert demo_data() == 0
    first = Contents(path)
    assert demo_data("--remove") == 0

    async def left() -> int:
        store = open_store(f"sqlite:///{path}")
        found = len((await store.logs(LogQuery())).items) + len(await store.metrics(MetricsQuery()))
        await store.close()
        return found

    assert asyncio.run(left()) == 0
    assert demo_data() == 0
    second = Contents(path)
    assert len(second.calls) >= len(first.calls)
    assert not {one.call_id for one in second.calls} & {one.call_id for one in first.calls}


def test_a_seed_is_a_part_of_ids(demo_data: Command) -> None:
    assert demo_data("--seed", "../x") == 2


@pytest.mark.parametrize("source", ["recordings", "espeak-ng"])
def test_voices_are_recordings_or_synthetic_speech_where_there_are_any(
    source: str, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from random import Random

    monkeypatch.setattr(demo_voices, "VOICES", 2)
    folder = None
    if source == "recordings":
        folder = tmp_path
        write_corpus(tmp_path / "made")
    elif not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    told, voices = demo_voices.voices(folder, Model.load(model), Random(1))
    assert told.startswith(source)
    assert len(voices) == 2
    for voice in voices:
        assert len(voice.pieces) >= demo_voices.CLIPS - 1
        assert [piece.upset for piece in voice.pieces] == sorted(piece.upset for piece in voice.pieces)


def write_corpus(folder: Path) -> None:
    """Write three speakers' labelled clips, one of them with too few."""
    (folder / "audio").mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "speaker", "label"])
        for speaker, clips in (("s-1", 14), ("s-2", 14), ("s-3", 3)):
            for n in range(clips):
                name = f"audio/{speaker}-{n}.flac"
                soundfile.write(folder / name, sentence(0.3, 1.0 + n / 10, 0.7), 16_000)
                writer.writerow([name, speaker, ("angry", "neutral")[n % 2]])


def test_weeks_and_days_have_their_rhythm() -> None:
    days = [date(2026, 11, 2) + timedelta(days=n) for n in range(28)]
    made = {day: list(demo_calls.day_of(day, "1", "1", 60)) for day in days}
    assert all((len(calls) == 0) == (day.weekday() == 6) for day, calls in made.items())
    by_weekday = [sum(len(calls) for day, calls in made.items() if day.weekday() == n) for n in range(7)]
    assert min(by_weekday[:5]) > by_weekday[5] > 0
    hours = [one.started_at.hour for calls in made.values() for one in calls]
    assert hours.count(10) > hours.count(13) > hours.count(18) > 0
    assert {one.agent_id for calls in made.values() for one in calls} == set(demo_calls.AGENTS)
