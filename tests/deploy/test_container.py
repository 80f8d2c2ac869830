"""The image and its compositions, by their own words: nothing here has an engine to build them with."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.charts import CHART, DEPLOY
from tests.deploy.recipes import stages
from undervoice import __version__
from undervoice.app import DRAIN_SEC
from undervoice.cli.serving import GRACE_SEC
from undervoice.drain import LAST_WORDS_SEC
from undervoice.options import SETTINGS
from undervoice.places import REPOSITORY
from undervoice.settings import load_settings

COMPOSED = sorted(DEPLOY.glob("compose*.yaml"))
WRITTEN = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")
NOT_SERVING = {"bench", "dev", "fuzz", "train"}
"""Extras that a server has no use for."""
NOT_SETTINGS = {"UNDERVOICE_URL"}
"""Variables that no setting is: where the chart's own check finds the service."""


def program(name: str) -> str:
    """Return a tool that the dev extra brings, or skip."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(params=COMPOSED, ids=lambda path: path.name)
def composition(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A compose file, its variables filled in."""
    text = re.sub(r"\$\{UNDERVOICE_SECRET:\?[^}]*\}", "s" * 32, request.param.read_text())
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def ours(composition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in composition["services"].items() if one["image"].startswith("undervoice:")}


# ------------------------------------------------------------ the image


def test_hadolint_finds_nothing_to_complain_of() -> None:
    subprocess.run([program("hadolint"), DEPLOY / "Dockerfile"], check=True)


def test_what_runs_is_an_image_of_its_own_without_what_built_it() -> None:
    *building, last = stages()
    assert {stage.name for stage in building} == {"bundles", "wheel", "installed"}
    assert last.instructions["COPY"] == ["--from=installed /opt/undervoice /opt/undervoice"]
    (run,) = last.instructions["RUN"]
    assert "pip uninstall --yes pip setuptools wheel" in run
    assert "apt-get" not in "".join(
        word for stage in stages() for words in stage.instructions.values() for word in words
    )


def test_it_is_nobody_in_particular_and_writes_in_one_place() -> None:
    last = stages()[-1]
    assert last.instructions["USER"] == ["10001:10001"]
    state = last.environment["UNDERVOICE_STATE"]
    assert json.loads(last.instructions["VOLUME"][0]) == [state]
    assert f"install -d -m 0700 -o 10001 -g 10001 {state}" in last.instructions["RUN"][0]


def test_signals_reach_the_service_itself() -> None:
    last = stages()[-1]
    command = json.loads(last.instructions["ENTRYPOINT"][0]) + json.loads(last.instructions["CMD"][0])
    assert command == ["undervoice", "serve"]
    assert last.instructions["STOPSIGNAL"] == ["SIGTERM"]


def test_its_port_is_the_one_that_everything_asks() -> None:
    last = stages()[-1]
    port = last.environment["UNDERVOICE_PORT"]
    assert last.instructions["EXPOSE"] == [port]
    assert f"containerPort: {port}" in (CHART / "templates" / "statefulset.yaml").read_text()
    assert re.findall(r"server \w+ \w+:(\d+)", (DEPLOY / "haproxy.cfg").read_text()) == [port, port]
    (published,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["undervoice"]["ports"]
    assert published.endswith(f":{port}")


def test_it_has_exact_versions_and_every_extra_that_serves() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    (install,) = next(stage for stage in stages() if stage.name == "installed").instructions["RUN"]
    extras = re.search(r"undervoice-\*\.whl\)\[([a-z,]+)\]", install)
    assert extras
    assert set(extras[1].split(",")) == set(project["optional-dependencies"]) - NOT_SERVING
    assert "--constraint /lock.txt" in install
    python = stages()[0].defaults["PYTHON_IMAGE"]
    assert re.fullmatch(r"python:3\.1\d-slim-\w+", python)


def test_the_build_sees_what_the_wheel_is_made_of_and_nothing_else() -> None:
    """Each folder that is copied is let in, and what tests and machines leave behind is not."""
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line[1:] for line in rules if line.startswith("!")}
    copied = {
        word
        for stage in stages()
        for words in stage.instructions.get("COPY", [])
        if not words.startswith("--from")
        for word in words.split()[:-1]
    }
    assert {word for word in copied if not any(word == one or word.startswith(f"{one}/") for one in let_in)} == set()
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*build["packages"], *build["force-include"], build["hooks"]["custom"]["path"]}
    assert {path for path in wanted if not any(path == one or path.startswith(f"{one}/") for one in copied)} == set()


# ------------------------------------------------------------ the compositions


def test_compose_takes_them() -> None:
    checked = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *map(str, COMPOSED)]
    subprocess.run(checked, check=True, stdout=subprocess.DEVNULL)


def test_they_are_tidy() -> None:
    rules = "{extends: default, rules: {line-length: {max: 140}, document-start: disable, braces: disable}}"
    plain = [path for path in WRITTEN if path.suffix == ".yaml" and "templates" not in path.parts]
    subprocess.run([program("yamllint"), "--strict", "-d", rules, *map(str, plain)], check=True)


def test_every_service_is_held_tight(composition: dict[str, Any]) -> None:
    for name, service in composition["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.search(r":[\w.-]+$", service["image"]), name
        assert not service["image"].endswith(":latest"), name
    for service in ours(composition).values():
        assert service["read_only"]
        assert service["user"] == stages()[-1].instructions["USER"][0]
        assert service["image"] == f"undervoice:{__version__}"
        assert service["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}


def test_servers_are_not_killed_before_their_calls_have_moved(composition: dict[str, Any]) -> None:
    for service in ours(composition).values():
        drain_sec = int(service["environment"]["UNDERVOICE_DRAIN_SEC"])
        grace_sec = int(service["stop_grace_period"].removesuffix("s"))
        assert grace_sec > drain_sec + LAST_WORDS_SEC + GRACE_SEC + DRAIN_SEC


def test_servers_have_a_state_of_their_own_each_and_take_their_settings(composition: dict[str, Any]) -> None:
    image = stages()[-1].environment
    volumes = [volume for one in ours(composition).values() for volume in one["volumes"]]
    assert all(volume.endswith(f":{image['UNDERVOICE_STATE']}") for volume in volumes)
    assert len(set(volumes)) == len(volumes) == len(ours(composition))
    assert {volume.partition(":")[0] for volume in volumes} == set(composition["volumes"])
    for service in ours(composition).values():
        settings = load_settings(image | service["environment"])
        assert settings.given_secret
        assert not settings.loopback


def test_several_servers_share_what_makes_them_one_deployment() -> None:
    text = (DEPLOY / "compose.firestore.yaml").read_text()
    servers = ours(yaml.safe_load(text))
    assert len(servers) == 2
    one, two = (service["environment"] for service in servers.values())
    assert one == two
    assert {"UNDERVOICE_SECRET", "UNDERVOICE_STORE", "UNDERVOICE_REDIS", "UNDERVOICE_TRUSTED_PROXIES"} <= set(one)
    proxy = yaml.safe_load(text)["services"]["haproxy"]["networks"]["inside"]["ipv4_address"]
    assert one["UNDERVOICE_TRUSTED_PROXIES"] == proxy
    behind = re.findall(r"server \w+ (\w+):", (DEPLOY / "haproxy.cfg").read_text())
    assert behind == list(servers)


def test_outside_they_are_reached_from_this_machine_alone(composition: dict[str, Any]) -> None:
    """There is no TLS in them: that is for whoever puts them before others."""
    published = [port for one in composition["services"].values() for port in one.get("ports", [])]
    assert len(published) == 1
    assert published[0].startswith("127.0.0.1:")


# ------------------------------------------------------------ Cloud Run


def test_cloud_run_is_told_what_the_service_needs() -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    template = yaml.safe_load((DEPLOY / "cloud-run.yaml").read_text())["spec"]["template"]
    own = {"containerConcurrency", "timeoutSeconds"}
    spec = {name: value for name, value in template["spec"].items() if name not in own}
    (container,) = spec["containers"]
    container["name"] = "undervoice"  # which Cloud Run does by itself
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "undervoice"}, "spec": spec}
    validate(pod, "1.37", strict=True)
    image = stages()[-1].environment
    secrets = {"UNDERVOICE_SECRET": "s" * 32, "UNDERVOICE_REDIS": "redis://redis"}
    given = {row["name"]: row.get("value") or secrets[row["name"]] for row in container["env"]}
    settings = load_settings(image | given)
    # An instance that is full says so itself, and one that goes has ten seconds.
    assert template["spec"]["containerConcurrency"] == settings.max_calls
    assert settings.drain_sec + LAST_WORDS_SEC < 10
    assert template["spec"]["timeoutSeconds"] == 3600
    assert template["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"] == "false"
    assert int(template["metadata"]["annotations"]["autoscaling.knative.dev/minScale"]) > 1
    assert container["ports"][0]["containerPort"] == int(image["UNDERVOICE_PORT"])


# ------------------------------------------------------------ what they name


def test_every_setting_that_is_named_is_one() -> None:
    known = {row.variable for row in SETTINGS} | NOT_SETTINGS
    for path in WRITTEN:
        named = set(re.findall(r"\bUNDERVOICE_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
        assert named <= known, path.name


def test_every_image_of_ours_is_of_this_version() -> None:
    for path in WRITTEN:
        tags = set(re.findall(r"\bundervoice:([\d.]+)\b", path.read_text(encoding="utf-8")))
        assert tags <= {__version__}, path.name
    assert stages()[-1].defaults["VERSION"] == __version__
