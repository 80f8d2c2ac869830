"""The README tells the truth: its tables are made from the product, or checked against it.

``python -m tests.test_docs`` (``make docs``) writes the generated parts anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Mount, Route, WebSocketRoute

from tests.tiny import write_tiny_model
from undervoice import __version__
from undervoice.__main__ import COMMANDS, parser
from undervoice.app import create_app
from undervoice.audio import RATES
from undervoice.drift import LEAST, QUANTILES
from undervoice.options import SETTINGS
from undervoice.places import RULES_FILE
from undervoice.rulebook import read_rules
from undervoice.settings import load_settings
from undervoice.stages import Stages

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
SERVER = REPOSITORY / "server" / "README.md"
MODELS = ("accurate", "compact")


def settings_table() -> str:
    """Return every setting as a row."""
    rows = [f"| `{row.variable}` | {row.help} | {row.default_text} |" for row in SETTINGS]
    return "\n".join(["| variable | what | default |", "|---|---|---|", *rows])


def metrics_of(model: str) -> dict[str, Any]:
    """Return the figures of a model in service, as its own file states them."""
    metrics: dict[str, Any] = json.loads((REPOSITORY / "models" / model / "model.json").read_text())["metrics"]
    return metrics


JUDGED = {
    "pooled": "three corpora, unheard speakers",
    "corpora": "three corpora, each unheard",
    "emodb-speakers": "EMO-DB, one unheard speaker",
    "emodb-pairs": "EMO-DB, two unheard speakers",
    "ravdess-actors": "RAVDESS, unheard actors",
}
"""The ways of judging, and what readers make of them."""


def accuracy_table() -> str:
    """Return a row for each model and way of judging, and under them how each was done."""
    head = [
        "| judged on | model | accuracy | mean recall (UAR) | upset or not | calibration error | lost by telephone |",
        "|---|---|---|---|---|---|---|",
    ]
    reports = {
        (name, model): metrics_of(model)[name] for name in JUDGED for model in MODELS if name in metrics_of(model)
    }
    rows = [f"| {JUDGED[name]} | {model} | {' | '.join(cells(report))} |" for (name, model), report in reports.items()]
    how = {f"- *{JUDGED[name]}*: {report['protocol']}." for (name, _), report in reports.items()}
    order = [f"- *{words}*" for words in JUDGED.values()]
    told = sorted(how, key=lambda line: [line.startswith(start) for start in order].index(True))
    last = (
        "Means and standard deviations over folds; temperature and certainty of each fold come from the other folds.\n"
        "By telephone: the same clips through 8 kHz mu-law with street noise 15 dB under the voice, in points of\n"
        "accuracy. "
        "Of seven emotions, guessing has a mean recall of 14 %."
    )
    return "\n".join([*head, *rows, "", *told, "", last])


def cells(report: dict[str, Any]) -> list[str]:
    """Return the figures of one row."""
    mean = report["mean"]
    return [
        *(percent(mean[name]) for name in ("accuracy", "uar", "upset_accuracy", "ece")),
        f"{report['points_lost']:.1f}",
    ]


def percent(spread: dict[str, float]) -> str:
    """Return mean and standard deviation of a share."""
    return f"{spread['mean'] * 100:.1f} ± {spread['std'] * 100:.1f} %"


MANIFEST = REPOSITORY / "widget" / "custom-elements.json"


def element() -> dict[str, Any]:
    """Return what the widget's manifest, made from its comments, says of the element."""
    modules = json.loads(MANIFEST.read_text())["modules"]
    (found,) = [each for module in modules for each in module["declarations"] if each.get("tagName")]
    return cast(dict[str, Any], found)


def element_tables() -> str:
    """Return the element's attributes and events as rows, its CSS variables and parts as lists."""
    said = element()
    attributes = [f"| `{each['name']}`{_choice(each)} | {each['description']} |" for each in said["attributes"]]
    events = [f"| `{each['name']}` | {each['description']} |" for each in said["events"]]
    variables = [f"`{each['name']}` {each['description']}" for each in said["cssProperties"]]
    parts = [f"`{each['name']}` {each['description']}" for each in said["cssParts"]]
    return "\n".join(
        [
            *("| attribute | what |", "|---|---|", *attributes, ""),
            *("| event | when |", "|---|---|", *events, ""),
            *(textwrap.fill(f"CSS variables: {'; '.join(variables)}.", 140, break_on_hyphens=False), ""),
            textwrap.fill(f"Parts: {'; '.join(parts)}.", 140, break_on_hyphens=False),
        ]
    )


def _choice(attribute: dict[str, Any]) -> str:
    choices = re.findall(r"'(\w+)'", attribute["type"]["text"])
    return f": {', '.join(f'`{each}`' for each in choices)}" if choices else ""


GENERATED: dict[str, Callable[[], str]] = {
    "element": element_tables,
    "settings": settings_table,
    "accuracy": accuracy_table,
}


def figures_table() -> str:
    """Return every figure that a server tells Prometheus as a row."""
    with tempfile.TemporaryDirectory() as folder:
        tiny = write_tiny_model(Path(folder) / "tiny", reference=_reference())
        app = create_app(load_settings({"UNDERVOICE_STATE": folder, "UNDERVOICE_MODEL": str(tiny)}))
        service = app.state.service
        _fill(service.stages)
        body, _ = service.metrics.exposition("")
        service.inference.close()
    rows = [_row(family) for family in text_string_to_metric_families(body.decode())]
    return "\n".join(["| figure | kind | what |", "|---|---|---|", *rows])


def _reference() -> dict[str, object]:
    flat = [0.0] * QUANTILES
    return {"made_from": "", "segments": 1, "emotions": {"sad": 1}, "uncertain": 0, "level_dbfs": flat, "snr_db": flat}


def _fill(stages: Stages) -> None:
    """Have figures that are told only once something happened be told."""
    stages.answered("/", 200, 0.1)
    for heard in stages.heard.values():
        for _ in range(LEAST):
            assert heard.drift is not None
            heard.drift.hear("sad", 0.0, 0.0)


def _row(family: Metric) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    shown = f"{name}{{{', '.join(labels)}}}" if labels else name
    return f"| `{shown}` | {family.type} | {family.documentation} |"


INSIDE: dict[str, Callable[[], str]] = {"figures": figures_table}
"""Parts of the server's own README."""


def section(text: str, name: str) -> str:
    """Return what stands between a part's markers."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", text, re.DOTALL)
    assert found, f"the README has no part {name}"
    return found[1]


def written(text: str, parts: dict[str, Callable[[], str]]) -> str:
    """Return a text with its generated parts made anew."""
    for name, make in parts.items():
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{before}<!-- {name} -->\n\n{make()}\n\n<!-- /{name} -->{rest.partition(f'<!-- /{name} -->')[2]}"
    return text


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text()


@pytest.mark.parametrize("name", GENERATED)
def test_generated_parts_are_up_to_date(readme: str, name: str) -> None:
    assert section(readme, name).strip() == GENERATED[name](), "run make docs"


def test_every_figure_has_its_row() -> None:
    for name, make in INSIDE.items():
        assert section(SERVER.read_text(), name).strip() == make(), "run make docs"


@pytest.mark.parametrize("model", MODELS)
def test_the_models_figures_are_on_speakers_they_never_heard(model: str) -> None:
    assert "by speaker" in metrics_of(model)["pooled"]["protocol"], "train study, then train release, then make docs"


def test_every_route_is_named(readme: str, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    app = create_app(load_settings({"UNDERVOICE_STATE": str(tmp_path), "UNDERVOICE_MODEL": str(model)}))
    paths = {route.path for route in app.routes if isinstance(route, Route | WebSocketRoute | Mount)}
    assert paths
    missing = {path for path in paths if f"{path.rstrip('/') or '/'}" not in _named(readme)}
    assert not missing


def _named(readme: str) -> set[str]:
    """Return the paths that stand in code marks, without methods and queries."""
    code = re.findall(r"`([^`\n]+)`", readme)
    return {re.split(r"[?…]", word)[0].rstrip("/") or "/" for text in code for word in text.split() if word[0] == "/"}


def test_every_alert_rule_has_its_row(readme: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", section_of(readme, "### Alerts"), re.MULTILINE)
    assert rows == [(rule.name, rule.severity, rule.message) for rule in read_rules(RULES_FILE)]


def section_of(text: str, heading: str) -> str:
    """Return what follows a heading, up to the next one."""
    return re.split(r"^#+ ", text.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_command_and_every_flag_that_is_named_exists(readme: str) -> None:
    rows = section_of(readme, "## On the command line").splitlines()
    commands = {module.__name__.rpartition(".")[2].replace("_", "-") for module in COMMANDS}
    subparsers = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert set(subparsers.choices) == commands
    for name in commands:
        (row,) = [line for line in rows if line.startswith(f"| `undervoice {name}")]
        known = subparsers.choices[name].format_help()
        assert all(flag in known for flag in re.findall(r"--[a-z-]+", row)), row


def test_limits_are_those_of_the_settings(readme: str) -> None:
    limits, settings = section_of(readme, "## Limits"), load_settings({})
    assert f"{settings.max_frame_bytes // 1024} KiB" in limits
    assert f"{settings.max_clip_bytes // 1024**2} MB" in limits
    assert f"{settings.max_call_sec // 3600} hours" in limits
    assert all(f"{rate / 1000:g}" in limits for rate in RATES)


def test_every_variable_that_is_named_exists(readme: str) -> None:
    known = {row.variable for row in SETTINGS} | {"UNDERVOICE_TOKEN"}
    texts = readme + (REPOSITORY / "server" / "README.md").read_text()
    assert set(re.findall(r"UNDERVOICE_\w+", texts)) <= known


def test_every_file_that_is_linked_is_there(readme: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link]
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_every_make_target_that_is_named_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b(?=[` ]|$)", readme.replace("make sure", ""))) <= targets


def test_the_elements_attributes_methods_and_events_are_its_own(readme: str) -> None:
    text, said = section_of(readme, "## In your agents' desk"), element()
    source = (REPOSITORY / "widget" / "src" / "events.js").read_text()
    events = set(re.findall(r"@property \{.+\} (undervoice-[a-z-]+)", source))
    assert events == {each["name"] for each in said["events"]} == set(re.findall(r"`(undervoice-[a-z-]+)`", text))
    tag = re.search(r"<undervoice-meter ([^>]*)>", text)
    assert tag
    attributes = {each["name"] for each in said["attributes"]}
    assert set(re.findall(r"([a-z-]+)=", tag[1])) <= attributes
    for method in re.findall(r"\bmeter\.(\w+)\(", text):
        assert method == "addEventListener" or method in {each["name"] for each in said["members"]}, method


def test_the_elements_parts_and_variables_are_its_own() -> None:
    said, sources = element(), [path.read_text() for path in (REPOSITORY / "widget" / "src").glob("*.js")]
    parts = {part for text in sources for part in re.findall(r"part: '([a-z]+)'", text)}
    assert parts == {each["name"] for each in said["cssParts"]}
    looks = (REPOSITORY / "widget" / "src" / "looks.js").read_text()
    light = dict(re.findall(r"(--uv-[a-z-]+): (#\w+);", looks.split("const DARK")[0]))
    assert light == {each["name"]: each["default"] for each in said["cssProperties"]}


def test_the_manifest_is_what_the_comments_say(tmp_path: Path) -> None:
    cem = REPOSITORY / "widget" / "node_modules" / ".bin" / "cem"
    if not (cem.exists() and shutil.which("node")):
        pytest.skip("the analyzer is not installed: make widget")
    config = ["--config", "custom-elements-manifest.config.mjs"]
    outdir = os.path.relpath(tmp_path, REPOSITORY / "widget")
    subprocess.run([cem, "analyze", *config, "--outdir", outdir, "--quiet"], cwd=REPOSITORY / "widget", check=True)
    assert json.loads((tmp_path / "custom-elements.json").read_text()) == json.loads(MANIFEST.read_text()), (
        "run npm --prefix widget run manifest"
    )


def test_every_module_has_its_floor() -> None:
    text = (REPOSITORY / "server" / "README.md").read_text()
    package = REPOSITORY / "server" / "undervoice"
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    floors = set(re.findall(r"\b\w+(?:\.py\b|/(?=\s))", text.partition("Every import")[0]))
    assert floors == modules | folders


def test_the_floors_that_must_be_covered_wholly_are_those_that_are_kept_pure() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    pure = {name.removeprefix("undervoice.") for name in contracts[1]["source_modules"]}
    line = re.search(r"^PURE := (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert line
    assert {name.removesuffix("/*") for name in line[1].split()} == pure


def test_every_model_is_in_the_wheel_under_terms_of_its_own() -> None:
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for folder in (REPOSITORY / "models").glob("*/model.onnx"):
        name = folder.parent.name
        assert build["force-include"][f"models/{name}"] == f"undervoice/_models/{name}"
        assert (folder.parent / "LICENSE").is_file()


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## [{__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text()


if __name__ == "__main__":
    README.write_text(written(README.read_text(), GENERATED))
    SERVER.write_text(written(SERVER.read_text(), INSIDE))
    sys.exit(0)
