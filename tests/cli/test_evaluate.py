"""A model judged from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Finished
from tests.tiny import write_tiny_model

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from tests.train.test_report import write_corpus

Command = Callable[..., Finished]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    write_corpus(data)
    return data / "made"


def test_it_prints_the_figures_and_writes_the_report(
    undervoice: Command, model: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    finished = undervoice("evaluate", model, data, "--out", out, "--phone", "--baselines", "--folds", "2")
    assert (finished.returncode, finished.stderr) == (0, "")
    for words in ("made (15 clips, 5 speakers)", "mean recall (UAR)", "telephone", "gradient boosting", "ms on one"):
        assert words in finished.stdout.replace("\n", " ")
    assert "not what a person feels" in finished.stdout
    assert {"report.html", "report.json", "predictions.csv", "baselines.json"} <= {path.name for path in out.iterdir()}


def test_json_is_the_report_that_is_written(undervoice: Command, model: Path, data: Path, tmp_path: Path) -> None:
    finished = undervoice("evaluate", model, data, "--json", "--out", tmp_path)
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert answer == json.loads((tmp_path / "report.json").read_text())
    assert answer["model"]["name"] == "tiny"
    assert answer["figures"]["clips"] == 15


def test_a_models_own_labels_are_read_as_they_are(undervoice: Command, tmp_path: Path) -> None:
    for label in ("pleased", "bored"):
        (tmp_path / "data" / label).mkdir(parents=True)
    voices = write_corpus(tmp_path / "voices")
    for number, clip in enumerate(voices):
        label = ("pleased", "bored")[number % 2]
        clip.path.rename(tmp_path / "data" / label / clip.path.name)
    own = write_tiny_model(tmp_path / "own", labels=("bored", "pleased"), upset_weights={"bored": 0.5})
    finished = undervoice("evaluate", own, tmp_path / "data", "--json")
    assert finished.returncode == 0, finished.stderr
    figures = json.loads(finished.stdout)["figures"]
    assert {label: row["support"] for label, row in figures["by_label"].items()} == {"bored": 7, "pleased": 8}


def test_wrong_use_is_one_line_and_exit_status_2(undervoice: Command, model: Path, data: Path, tmp_path: Path) -> None:
    for args in (
        ("none-such", data),
        (model, tmp_path / "nowhere"),
        (model, data, "--baselines", "--folds", "9"),
    ):
        finished = undervoice("evaluate", *args)
        assert (finished.returncode, finished.stdout) == (2, ""), finished.stderr
        assert finished.stderr.count("\n") == 1
        assert finished.stderr.startswith("undervoice evaluate: ")
    assert undervoice("evaluate", model).returncode == 2
    assert undervoice("evaluate", model, data, "--folds", "1").returncode == 2


def test_a_folder_without_a_model_is_exit_status_1(undervoice: Command, data: Path, tmp_path: Path) -> None:
    finished = undervoice("evaluate", tmp_path, data)
    assert finished.returncode == 1
    assert "no model there" in finished.stderr


def test_without_the_train_extra_it_says_how_to_get_it(
    undervoice: Command, model: Path, data: Path, tmp_path: Path
) -> None:
    """The extra is hidden behind a package of the same name that fails as a missing one does."""
    hidden = tmp_path / "sklearn"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError('No module named sklearn', name='sklearn')\n")
    finished = undervoice("evaluate", model, data, PYTHONPATH=str(tmp_path))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "undervoice evaluate: sklearn is missing: pip install 'undervoice[train]'\n"


def test_help_names_every_flag(undervoice: Command) -> None:
    text = undervoice("evaluate", "--help").stdout
    for flag in ("--out", "--labels", "--baselines", "--folds", "--seed", "--phone", "--json"):
        assert flag in text
