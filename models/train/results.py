"""The files that tell what an evaluation found."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from .charts import draw_all
from .page import render_page
from .report import Report
from .served import Answer

COLUMNS = ("file", "corpus", "speaker", "label", "detected", "uncertain")
"""Of ``predictions.csv``; every label's probability follows."""


def write_results(out: Path, report: Report, given: Sequence[Answer]) -> None:
    """Write ``report.json``, ``report.html``, ``predictions.csv`` and the charts as PNG, and make the folder."""
    out.mkdir(parents=True, exist_ok=True)
    model = report["model"]
    charts = draw_all(report["figures"], model["labels"], f"{model['name']}@{model['version']}")
    for name, image in charts.items():
        (out / f"{name}.png").write_bytes(image)
    write_json(out / "report.json", report)
    if comparison := report.get("comparison"):
        write_json(out / "baselines.json", comparison)
    (out / "report.html").write_text(render_page(report, charts), encoding="utf-8")
    write_predictions(out / "predictions.csv", given, model["labels"])


def write_json(path: Path, content: object) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_predictions(path: Path, given: Sequence[Answer], labels: Sequence[str]) -> None:
    """Write one row a clip: what it was meant to be, what was heard, and every probability."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *labels])
        for answer in given:
            clip = answer.clip
            uncertain = "" if answer.error else str(answer.uncertain).lower()
            shares = [answer.probabilities.get(label, "") for label in labels]
            writer.writerow([clip.path, clip.corpus, clip.speaker, clip.label, answer.detected, uncertain, *shares])
