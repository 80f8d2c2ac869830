"""The chart: what it installs is what Kubernetes takes, and what it must keep to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from tests.deploy.charts import (
    CHART,
    SCHEMA,
    VALUES,
    Document,
    defaults,
    environment,
    merged,
    pod,
    rendered,
    settings_taken,
)
from undervoice import __version__
from undervoice.app import DRAIN_SEC
from undervoice.cli.serving import GRACE_SEC
from undervoice.drain import LAST_WORDS_SEC
from undervoice.options import SETTINGS
from undervoice.rulebook import read_rules
from undervoice.settings import load_settings

helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")

KUBERNETES = ("1.30", "1.37")
"""The first version that takes it, and the newest that the validator knows."""
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
"""Kinds that the Prometheus operator brings, which Kubernetes has no schema of."""
STORE = {"store": "firestore://example"}
SHARED = STORE | {"secret": {"existing": "shared"}}


@pytest.fixture(params=VALUES)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    return VALUES[request.param]


@pytest.fixture
def documents(values: dict[str, Any]) -> dict[str, Document]:
    return rendered(values)


def test_helm_finds_nothing_to_complain_of(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values, strict=True, namespace="calls")
    grave = [message for message in report["messages"] if message["severity"] > 1]
    assert (report["errors"], grave) == ([], [])


@pytest.fixture(scope="module")
def validate() -> Iterator[Callable[..., str]]:
    """Kubernetes' own schemas, each read once."""
    utils = pytest.importorskip("kubernetes_validate").utils
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield utils.validate


def test_kubernetes_takes_every_document(documents: dict[str, Document], validate: Callable[..., str]) -> None:
    for document in documents.values():
        for version in KUBERNETES if document["kind"] not in CUSTOM else ():
            validate(document, version, strict=True)


def test_the_chart_is_of_the_version_that_it_installs(documents: dict[str, Document], values: dict[str, Any]) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
    tag = values.get("image", {}).get("tag", __version__)
    assert pod(documents)["containers"][0]["image"].endswith(f"undervoice:{tag}")


@pytest.mark.parametrize("drain_sec", [0, 15, 600])
@pytest.mark.parametrize("propagation_sec", [0, 10, 120])
def test_a_pod_is_not_killed_before_its_calls_have_moved(drain_sec: int, propagation_sec: int) -> None:
    documents = rendered({"drainSec": drain_sec, "propagationSec": propagation_sec})
    server = pod(documents)
    told = server["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert told == propagation_sec
    assert environment(documents)["UNDERVOICE_DRAIN_SEC"] == str(drain_sec)
    longest = told + drain_sec + LAST_WORDS_SEC + GRACE_SEC + DRAIN_SEC
    assert server["terminationGracePeriodSeconds"] > longest


def test_proxies_hear_that_a_pod_goes_before_it_takes_no_calls() -> None:
    """Not ready comes from Kubernetes' own word at once; the sleep covers how long proxies take to follow."""
    assert defaults()["propagationSec"] >= 5
    probe = pod(rendered({}))["containers"][0]["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < defaults()["propagationSec"]


def test_every_container_is_as_small_as_can_be(documents: dict[str, Document]) -> None:
    for spec in (pod(documents), documents["Pod/voice-undervoice-check"]["spec"]):
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        for container in spec["containers"]:
            held = container["securityContext"]
            assert held["readOnlyRootFilesystem"]
            assert not held["allowPrivilegeEscalation"]
            assert held["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(container["resources"])


def test_what_is_not_stored_yet_outlives_the_pod(documents: dict[str, Document]) -> None:
    mounts = {one["name"]: one["mountPath"] for one in pod(documents)["containers"][0]["volumeMounts"]}
    servers = documents["StatefulSet/voice-undervoice"]["spec"]
    (claim,) = servers["volumeClaimTemplates"]
    assert mounts[claim["metadata"]["name"]] == "/var/lib/undervoice"
    assert servers["persistentVolumeClaimRetentionPolicy"] == {"whenScaled": "Retain", "whenDeleted": "Retain"}


def test_labels_select_the_servers_alone(documents: dict[str, Document]) -> None:
    servers = documents["StatefulSet/voice-undervoice"]["spec"]["template"]["metadata"]["labels"]
    asked = documents["Pod/voice-undervoice-check"]["metadata"]["labels"]
    for key, document in documents.items():
        if not key.startswith(("Service/", "PodDisruptionBudget/", "NetworkPolicy/")):
            continue
        spec = document["spec"]
        wanted = spec["podSelector"] if "podSelector" in spec else spec["selector"]
        wanted = wanted.get("matchLabels", wanted)
        assert wanted.items() <= servers.items(), key
        assert not wanted.items() <= asked.items(), key


def test_the_servers_start_with_what_they_are_given(values: dict[str, Any], documents: dict[str, Document]) -> None:
    """The image's variables, the chart's and the secret's are settings that the service takes."""
    image = {"UNDERVOICE_HOST": "0.0.0.0", "UNDERVOICE_STATE": "/var/lib/undervoice", "UNDERVOICE_SECRET": "s" * 32}
    given = {name: value for name, value in environment(documents).items() if value is not None}
    settings = load_settings(image | given)
    assert settings.drain_sec == merged(defaults(), values)["drainSec"]
    for name, value in values.get("settings", {}).items():
        assert str(getattr(settings, name)) == str(value)


def test_a_large_number_stays_a_number() -> None:
    documents = rendered({"settings": {"max_clip_bytes": 1_073_741_824}})
    assert environment(documents)["UNDERVOICE_MAX_CLIP_BYTES"] == "1073741824"


def test_threads_are_as_many_as_the_pod_has_cores() -> None:
    (row,) = [one for one in pod(rendered({}))["containers"][0]["env"] if one["name"] == "UNDERVOICE_THREADS"]
    assert row["valueFrom"]["resourceFieldRef"]["resource"] == "requests.cpu"
    assert environment(rendered({"settings": {"threads": 3}}))["UNDERVOICE_THREADS"] == "3"


def test_a_secret_is_made_once_and_none_where_there_is_one() -> None:
    import base64

    made = rendered({"secret": {"redis": "redis://redis:6379"}})["Secret/voice-undervoice"]
    told = {name: base64.b64decode(value).decode() for name, value in made["data"].items()}
    assert set(told) == {"UNDERVOICE_SECRET", "UNDERVOICE_METRICS_TOKEN", "UNDERVOICE_REDIS"}
    load_settings(told)
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert not [key for key in rendered(SHARED) if key.startswith("Secret/")]


def test_rules_of_ones_own_are_in_force(tmp_path_factory: pytest.TempPathFactory) -> None:
    documents = rendered(VALUES["firestore-redis-values"])
    held = documents["ConfigMap/voice-undervoice"]["data"]
    folder = environment(documents)["UNDERVOICE_RULES"].rpartition("/")[0]
    assert folder in [one["mountPath"] for one in pod(documents)["containers"][0]["volumeMounts"]]
    file = tmp_path_factory.mktemp("rules") / "rules.toml"
    file.write_text(held["rules.toml"])
    assert [rule.name for rule in read_rules(file)] == ["upset"]


def test_long_calls_pass_the_ingress() -> None:
    told = rendered({})["Ingress/voice-undervoice"]["metadata"]["annotations"]
    told = {name.rpartition("/")[2]: value for name, value in told.items()}
    settings = load_settings({})
    assert int(told["proxy-read-timeout"]) == int(told["proxy-send-timeout"]) > settings.idle_sec
    assert told["proxy-buffering"] == told["proxy-request-buffering"] == "off"
    # A clip may come as base64, which is a third longer.
    assert int(told["proxy-body-size"].removesuffix("m")) * 2**20 > settings.max_clip_bytes * 4 / 3


def test_a_canary_is_a_second_release_on_the_same_host() -> None:
    first, second = rendered(VALUES["firestore-redis-values"]), rendered(VALUES["canary-values"])
    hosts = [one["Ingress/voice-undervoice"]["spec"]["rules"][0]["host"] for one in (first, second)]
    assert hosts[0] == hosts[1]
    told = second["Ingress/voice-undervoice"]["metadata"]["annotations"]
    assert told["nginx.ingress.kubernetes.io/canary"] == "true"
    assert told["nginx.ingress.kubernetes.io/canary-weight"] == "10"
    assert not [name for name in first["Ingress/voice-undervoice"]["metadata"]["annotations"] if "canary" in name]
    assert environment(first)["UNDERVOICE_STORE"] == environment(second)["UNDERVOICE_STORE"]
    secrets = [pod(one)["containers"][0]["envFrom"] for one in (first, second)]
    assert secrets[0] == secrets[1]


def test_servers_come_with_the_calls_and_go_slowly() -> None:
    documents = rendered(VALUES["firestore-redis-values"])
    scaler = documents["HorizontalPodAutoscaler/voice-undervoice"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == documents["StatefulSet/voice-undervoice"]["metadata"]["name"]
    assert "replicas" not in documents["StatefulSet/voice-undervoice"]["spec"]
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == "undervoice_calls_live"
    down, up = scaler["behavior"]["scaleDown"], scaler["behavior"]["scaleUp"]
    (policy,) = down["policies"]
    # One goes at a time, and the next not before its calls have moved.
    assert policy["value"] == 1
    assert policy["periodSeconds"] > pod(documents)["terminationGracePeriodSeconds"]
    assert down["stabilizationWindowSeconds"] > up["stabilizationWindowSeconds"]


def test_strangers_reach_nothing_and_servers_only_what_they_need() -> None:
    policy = rendered(VALUES["firestore-redis-values"])["NetworkPolicy/voice-undervoice"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (entry,) = policy["ingress"]
    assert all(any(selector.values()) for selector in entry["from"])
    ports = sorted({port["port"] for way in policy["egress"] for port in way["ports"]})
    assert ports == [53, 80, 443, 988, 4318, 6379]  # the last but one by its own values
    alone = rendered({})["NetworkPolicy/voice-undervoice"]["spec"]
    assert sorted({port["port"] for way in alone["egress"] for port in way["ports"]}) == [53]


def test_prometheus_asks_each_server_with_its_token() -> None:
    documents = rendered(VALUES["firestore-redis-values"])
    monitor = documents["ServiceMonitor/voice-undervoice"]["spec"]
    pods = documents["Service/voice-undervoice-pods"]
    assert monitor["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    other = documents["Service/voice-undervoice"]["metadata"]["labels"]
    assert not monitor["selector"]["matchLabels"].items() <= other.items()
    assert monitor["endpoints"][0]["authorization"]["credentials"]["key"] in {row.variable for row in SETTINGS}


def test_alerts_and_dashboard_come_as_they_are() -> None:
    documents = rendered(VALUES["firestore-redis-values"])
    alerts = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert documents["PrometheusRule/voice-undervoice"]["spec"] == alerts
    held = documents["ConfigMap/voice-undervoice-dashboard"]
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(held["data"]["undervoice.json"]) == json.loads((CHART / "files" / "dashboard.json").read_text())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"drainSec": 601}, "drainSec"),
        ({"drainsec": 10}, "drainsec"),
        ({"settings": {"no_such": 1}}, "no_such"),
        ({"settings": {"secret": "x" * 32}}, "invalid propertyName .secret"),
        ({"settings": {"drain_sec": 20}}, "drain_sec"),
        ({"secret": {"secret": "short"}}, "secret"),
        ({"secret": {"redis": "http://redis"}}, "redis"),
        ({"image": {"repository": ""}}, "repository"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"origins": ["desk.example.com"]}, "origins"),
        ({"store": "mysql://host/db"}, "store"),
        ({"canary": {"weight": 101}}, "weight"),
        ({"ingress": {"timeoutSec": 60}}, "timeoutSec"),
        ({"volume": {"whenScaled": "Forget"}}, "whenScaled"),
        ({"resources": {"limits": {"memory": "lots"}}}, "memory"),
        ({"metrics": {"serviceMonitor": {"intervalSec": "15s"}}}, "intervalSec"),
    ],
)
def test_wrong_values_are_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.HelmError, match=named):
        rendered(wrong)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"replicas": 2}, "several servers need one that they share"),
        (STORE | {"replicas": 2}, "several servers need Redis"),
        ({"autoscaling": {"enabled": True}}, "several servers need one that they share"),
        ({"ingress": {"enabled": False}}, "name the pages that may use the service"),
        (
            {"store": "firestore://example", "secret": {"redis": "redis://r"}, "canary": {"enabled": True}},
            "first release",
        ),
        (SHARED | {"autoscaling": {"enabled": True, "minReplicas": 9, "maxReplicas": 3}}, "above maxReplicas"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(helm.HelmError, match=why):
        rendered(wrong)


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [each for one in schema.get("properties", {}).values() for each in objects(one)]
    return [schema, *inner] if "properties" in schema else inner


def test_the_schema_lets_nothing_unknown_pass_and_knows_every_value() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert all(one["additionalProperties"] is False for one in objects(schema))

    def same(part: dict[str, Any], value: Any) -> None:
        if "properties" in part:
            assert set(value) == set(part["properties"]) - {"global"}
            for name in value:
                same(part["properties"][name], value[name])

    shown = defaults()
    shown["resources"] = {
        "requests": dict.fromkeys(schema["properties"]["resources"]["properties"]["requests"]["properties"]),
        "limits": dict.fromkeys(schema["properties"]["resources"]["properties"]["limits"]["properties"]),
    }
    same(schema, shown)


def test_the_chart_takes_every_setting_by_its_name() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema["properties"]["settings"]["propertyNames"]["enum"] == settings_taken(), "run make docs"
