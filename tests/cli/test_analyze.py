"""Recordings scored without a server."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import SAMPLE_CALL, Finished, lines
from tests.tiny import write_tiny_model
from tests.voices import sentence, voice
from undervoice.cli.files import PART_BYTES, PART_FILES, parts_of, score_files
from undervoice.emotion import Scores, Segment
from undervoice.model import Model

Command = Callable[..., Finished]


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.zeros(16_000, np.int16), 16_000)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "notes.wav"
    path.write_text("this is no audio")
    return path


def test_json_gives_a_line_a_file_with_the_fields_of_the_service(undervoice: Command) -> None:
    finished = undervoice("analyze", "--json", SAMPLE_CALL)
    assert finished.returncode == 0, finished.stderr
    (answer,) = lines(finished.stdout)
    assert answer["file"] == str(SAMPLE_CALL)
    assert {"call_id", "detected_emotion", "confidence_score", "all_emotions_confidence", "upset_score"} <= set(answer)
    segments = answer["segments"]
    assert isinstance(segments, list)
    assert len(segments) > 5
    assert segments[0]["segment_id"].startswith(f"{answer['call_id']}:customer:")
    assert sum(answer["all_emotions_confidence"].values()) == pytest.approx(1, abs=1e-4)  # type: ignore[attr-defined]


def test_a_bad_file_does_not_keep_the_good_ones(undervoice: Command, quiet: Path, broken: Path, tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.wav", tmp_path / "empty.wav"
    empty.touch()
    torn = tmp_path / "torn.flac"
    torn.write_bytes(SAMPLE_CALL.read_bytes()[:100])
    files = (broken, SAMPLE_CALL, quiet, missing, empty, torn)
    finished = undervoice("analyze", "--json", *files)
    assert finished.returncode == 1
    answers = lines(finished.stdout)
    assert [answer["file"] for answer in answers] == [str(path) for path in files]
    codes = [answer.get("error", {}).get("code") for answer in answers]  # type: ignore[attr-defined]
    unreadable = ["unreadable_file", "empty_audio", "undecodable_audio"]
    assert codes == ["undecodable_audio", None, "no_speech", *unreadable]


def same(one: Any, other: Any) -> bool:
    """Whether two answers say the same; padding may move a probability, but not by more than rounding shows."""
    if isinstance(one, dict):
        timeless = [key for key in one if key not in ("timestamp", "latency_ms")]
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in timeless)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == pytest.approx(other, abs=1e-5) if isinstance(one, float) else one == other)


def test_one_file_alone_gives_what_it_gives_among_others(undervoice: Command, broken: Path) -> None:
    alone = lines(undervoice("analyze", "--json", SAMPLE_CALL).stdout)[0]
    among = lines(undervoice("analyze", "--json", broken, *[SAMPLE_CALL] * 3).stdout)
    assert [answer["file"] for answer in among] == [str(broken), *[str(SAMPLE_CALL)] * 3]
    assert all(same(answer, alone) for answer in among[1:])


class Choking(Model):
    """Fails on any batch that holds a loud segment."""

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        if any(np.abs(segment.samples).max() > 20_000 for segment in segments):
            raise RuntimeError("too loud")
        return super().score(segments)


def test_what_the_model_cannot_score_does_not_keep_the_files_beside_it(model: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.wav" for name in ("soft", "loud", "softer")]
    for path, level in zip(paths, (0.2, 0.9, 0.1), strict=True):
        soundfile.write(path, sentence(0.4, 3.0, 1.0) if level == 0.2 else voice(3.0, level=level), 16_000)
    soft, loud, softer = score_files(Choking.load(model), paths)
    assert loud["error"]["code"] == "internal"
    assert "too loud" in loud["error"]["message"]
    alone = [score_files(Model.load(model), [path])[0] for path in (paths[0], paths[2])]
    assert same([soft, softer], alone)


def test_parts_hold_all_files_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(PART_FILES + 4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes(PART_BYTES // 3 if number in (2, 3, 4, 5) else 1))
    parts = parts_of(paths)
    assert [path for part in parts for path in part] == paths
    assert all(sum(path.stat().st_size for path in part) <= PART_BYTES for part in parts)
    assert all(1 <= len(part) <= PART_FILES for part in parts)
    assert len(parts_of([paths[2], tmp_path / "missing"])) == 1


def test_the_table_is_for_people(undervoice: Command, broken: Path) -> None:
    finished = undervoice("analyze", SAMPLE_CALL, broken)
    assert finished.returncode == 1
    assert "Emotion" in finished.stdout
    assert "00:00.3" in finished.stdout
    (line,) = finished.stderr.splitlines()
    assert str(broken) in line
    assert undervoice("analyze", broken).stdout == ""


def test_csv_has_a_row_a_segment(undervoice: Command, broken: Path) -> None:
    finished = undervoice("analyze", "--csv", SAMPLE_CALL, broken)
    assert finished.returncode == 1
    assert str(broken) in finished.stderr
    rows = list(csv.DictReader(io.StringIO(finished.stdout)))
    assert len(rows) > 5
    assert {row["file"] for row in rows} == {str(SAMPLE_CALL)}
    assert all(float(row["confidence_score"]) == pytest.approx(float(row[row["detected_emotion"]])) for row in rows)


def test_csv_has_a_column_for_each_label_of_the_model(undervoice: Command, tmp_path: Path) -> None:
    labels = ("calm_voice", "frustrated")
    own = write_tiny_model(tmp_path / "own", labels=labels)
    finished = undervoice("analyze", "--csv", SAMPLE_CALL, UNDERVOICE_MODEL=str(own))
    reader = csv.DictReader(io.StringIO(finished.stdout))
    assert tuple(reader.fieldnames or ())[-2:] == labels
    assert all(float(row["calm_voice"]) + float(row["frustrated"]) == pytest.approx(1, abs=1e-5) for row in reader)


def test_bare_samples_are_read_by_their_suffix(undervoice: Command, tmp_path: Path) -> None:
    audio, rate = soundfile.read(SAMPLE_CALL, dtype="int16")
    raw = tmp_path / "call.raw"
    raw.write_bytes(audio.astype("<i2").tobytes())
    assert rate == 16_000
    found = [lines(undervoice("analyze", "--json", path).stdout)[0]["segments"] for path in (raw, SAMPLE_CALL)]
    assert [len(segments) for segments in found] == [len(found[0])] * 2  # type: ignore[arg-type]


def test_json_and_csv_at_once_is_wrong_use(undervoice: Command) -> None:
    assert undervoice("analyze", "--json", "--csv", SAMPLE_CALL).returncode == 2
