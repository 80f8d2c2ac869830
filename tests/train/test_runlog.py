"""A run's log can be read while the run goes on, survives its end, and gives nobody's voice or name away."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.runlog import RunLog, plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is mirrored unless a test asks for it."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards, whatever the log sets
        monkeypatch.delenv(name)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run.jsonl").read_text("utf-8").splitlines()]


def test_every_line_is_on_disk_before_the_next_step(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run") as log:
        log.event("data", clips=12, speakers=("ann", "bob"))
        (line,) = lines(tmp_path / "run")
        assert line.pop("time") <= datetime.now(UTC).isoformat()
        assert line == {"event": "data", "clips": 12, "speakers": ["ann", "bob"]}
        log.params({"seed": 7, "data": Path("calls")})
        log.metrics({"uar": np.float32(0.5), "recall": {"angry": 1.0}}, step=3)
        assert lines(tmp_path / "run")[1]["params"] == {"seed": 7, "data": "calls"}
        assert lines(tmp_path / "run")[2]["metrics"] == {"uar": 0.5, "recall": {"angry": 1.0}}
        assert lines(tmp_path / "run")[2]["step"] == 3


def test_a_continued_run_writes_on_even_behind_a_torn_line(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.event("one")
    with (tmp_path / "run.jsonl").open("a") as file:
        file.write('{"time": "2')
    with RunLog(tmp_path) as log:
        log.event("two")
    written = (tmp_path / "run.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in written if not line.endswith('"2')] == [
        "one",
        "finished",
        "two",
        "finished",
    ]


@pytest.mark.parametrize("error", [ValueError("the disk\nis full"), KeyboardInterrupt()])
def test_a_run_that_breaks_says_why(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), RunLog(tmp_path):
        raise error
    assert lines(tmp_path)[-1]["event"] == "failed"
    assert lines(tmp_path)[-1]["error"].startswith(type(error).__name__)


@given(st.dictionaries(st.text(), JSON))
def test_whatever_is_logged_is_json_for_every_reader(fields: dict[str, Any]) -> None:
    json.dumps(plain(fields), allow_nan=False)


def test_numbers_that_are_none_are_null_and_fields_cannot_forge_the_event(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.event("epoch", loss=float("nan"), time="never")
    assert lines(tmp_path)[0]["loss"] is None
    assert lines(tmp_path)[0]["time"] != "never"


@pytest.mark.parametrize("voice", [np.zeros(3, np.int16), b"\0\0", object()])
def test_sound_is_refused(tmp_path: Path, voice: object) -> None:
    with RunLog(tmp_path) as log:
        with pytest.raises(TypeError, match="takes no"):
            log.event("clip", samples=voice)
        assert lines(tmp_path) == []


def test_the_home_folder_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    with RunLog(tmp_path) as log:
        log.event("data", place=Path("/home/ann/calls"), note="in /home/ann", other="/home/annette/calls")
    line = lines(tmp_path)[0]
    assert (line["place"], line["note"], line["other"]) == ("~/calls", "in ~", "/home/annette/calls")


STUB = """
import json, os
from types import SimpleNamespace

class MlflowClient:
    def __init__(self, tracking_uri=None):
        self.told = [("uri", tracking_uri, os.environ["MLFLOW_DISABLE_TELEMETRY"])]
        CLIENTS.append(self)
    def get_experiment_by_name(self, name):
        return None
    def create_experiment(self, name, artifact_location=None):
        return "1"
    def create_run(self, experiment, run_name=None):
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))
    def log_param(self, run_id, key, value):
        if key == "broken":
            raise OSError("no room")
        self.told.append(("param", run_id, key, value))
    def log_metric(self, run_id, key, value, timestamp=None, step=None):
        self.told.append(("metric", run_id, key, value, step))
    def set_terminated(self, run_id, status=None):
        self.told.append(("end", run_id, status))

CLIENTS = []
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a module called mlflow where Python finds it, and return the clients it has made."""
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "mlflow.py").write_text(STUB)
    monkeypatch.syspath_prepend(tmp_path / "stub")
    monkeypatch.delitem(sys.modules, "mlflow")
    clients: list[Any] = importlib.import_module("mlflow").CLIENTS
    return clients


def test_a_stub_of_mlflow_is_told_parameters_figures_and_the_end(tmp_path: Path, stub: list[Any]) -> None:
    with RunLog(tmp_path / "run") as log:
        log.params({"seed": 7, "model": {"width": 160}})
        log.metrics({"recall": {"about to: leave": 0.5}, "loss": float("nan"), "confusion": [[1]]}, step=2)
    (client,) = stub
    assert client.told == [
        ("uri", f"sqlite:///{tmp_path / 'run' / 'mlflow.db'}", "true"),
        ("param", "r1", "seed", 7),
        ("param", "r1", "model.width", 160),
        ("metric", "r1", "recall.about to_ leave", 0.5, 2),
        ("end", "r1", "FINISHED"),
    ]


def test_a_stub_of_mlflow_is_left_to_the_server_that_the_user_names(
    tmp_path: Path, stub: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    RunLog(tmp_path / "run").close()
    assert stub[0].told[0][1] is None


def test_a_stub_of_mlflow_that_breaks_is_named_once_and_stops_nothing(tmp_path: Path, stub: list[Any]) -> None:
    with RunLog(tmp_path / "run") as log:
        log.params({"broken": 1})
        log.metrics({"uar": 0.5})
    events = [line["event"] for line in lines(tmp_path / "run")]
    assert events == ["params", "mlflow_lost", "metrics", "finished"]
    assert all(told[0] == "uri" for told in stub[0].told)
