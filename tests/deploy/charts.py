"""The chart rendered as Helm does it, without Helm's program and without a cluster.

``python -m tests.deploy.charts`` (``make docs``) writes into values.schema.json which settings the chart takes.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from undervoice.options import SETTINGS
from undervoice.places import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CHART = DEPLOY / "chart"
SCHEMA = CHART / "values.schema.json"
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    **{path.stem: yaml.safe_load(path.read_text()) for path in sorted((CHART / "ci").glob("*.yaml"))},
}
"""What people may install it with, by name; the files are examples as well."""
ELSEWHERE = {"host", "port", "state", "store", "origins", "trusted_proxies", "drain_sec", "rules"}
"""Settings that the image fixes, or that have a value of their own because others follow from them."""

Document = dict[str, Any]


def defaults() -> dict[str, Any]:
    """Return the chart's own values."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return values with others over them, as ``helm --values`` does."""
    result = copy.deepcopy(values)
    for name, value in more.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def rendered(values: dict[str, Any]) -> dict[str, Document]:
    """Return what is installed, by ``Kind/name``."""
    import helm_python as helm

    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name="voice", namespace="calls")
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    documents = [document for text in texts for document in yaml.safe_load_all(text) if document]
    return {f"{document['kind']}/{document['metadata']['name']}": document for document in documents}


def settings_taken() -> list[str]:
    """Return the settings that go into ``settings``: no secrets, nothing that has a value of its own."""
    return [row.name for row in SETTINGS if not row.secret and row.name not in ELSEWHERE]


def pod(documents: dict[str, Document]) -> Document:
    """Return the pod of the servers."""
    found: Document = next(one for key, one in documents.items() if key.startswith("StatefulSet/"))
    template: Document = found["spec"]["template"]["spec"]
    return template


def environment(documents: dict[str, Document]) -> dict[str, Any]:
    """Return a server's variables; ``None`` where Kubernetes fills one in."""
    return {row["name"]: row.get("value") for row in pod(documents)["containers"][0]["env"]}


def write_schema(path: Path = SCHEMA) -> None:
    """Write into the schema which settings there are."""
    schema = json.loads(path.read_text())
    schema["properties"]["settings"]["propertyNames"]["enum"] = settings_taken()
    path.write_text(json.dumps(schema, indent=2) + "\n")


if __name__ == "__main__":
    write_schema()
