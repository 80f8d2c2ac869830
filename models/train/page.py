"""An evaluation as one page of HTML: no script, nothing from elsewhere, every picture with its figures in words."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; --warn: #D55E00 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 }
caption { text-align: left; color: light-dark(#555, #bbb); padding-bottom: .25rem }
summary { cursor: pointer }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right }
th[scope=row], thead th:first-child { text-align: left; font-weight: 600 }
.wide { overflow-x: auto } img { max-width: 100%; height: auto; background: white; border-radius: 4px }
figure { margin: 1rem 0 } .note { border-left: 4px solid var(--line); padding: .25rem 1rem; background: var(--soft) }
.warning { border-color: var(--warn) } .statement { font-size: 1.15rem }
"""

WORDS = {
    "accuracy": "Accuracy",
    "uar": "Mean recall (UAR)",
    "macro_f1": "Mean F1",
    "ece": "Calibration error (ECE, 15 bins)",
    "upset_accuracy": "Upset or not: accuracy",
    "upset_f1": "Upset or not: F1 of upset",
    "not_upset_f1": "Upset or not: F1 of not upset",
    "accuracy_most_certain_80": "Accuracy on the 80 % most certain",
}
"""The quoted figures in words."""
CURVE = ("top probability", "mean", "right", "clips")
DESCRIBED = {
    "confusion": "Confusion matrix; the table under “What was meant and what was heard” holds the same counts.",
    "calibration": "How often the model was right against how sure it was; the table below holds the same figures.",
    "risk": "Accuracy where only the most certain clips are answered; the table below holds the same figures.",
}


def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def spread_text(figure: Mapping[str, float] | None) -> str:
    """Return mean and deviation over folds; a dash where there is none."""
    return "–" if figure is None else f"{100 * figure['mean']:.1f} ± {100 * figure['std']:.1f} %"


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table whose first column names the rows."""
    top = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def section(title: str, *parts: str) -> str:
    """Return a section under a heading."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{''.join(parts)}</section>\n"


def note(text: str, kind: str = "") -> str:
    """Return a paragraph that stands out."""
    return f'<p class="note {kind}">{escape(text)}</p>\n'


def folded(words: str, content: str) -> str:
    """Return content that is shown on demand."""
    return f"<details><summary>{escape(words)}</summary>\n{content}</details>\n"


def picture(name: str, image: bytes) -> str:
    """Return a chart that carries its own bytes."""
    data = base64.b64encode(image).decode("ascii")
    return f'<figure><img alt="{escape(DESCRIBED[name])}" src="data:image/png;base64,{data}"></figure>\n'


def headline_section(report: Mapping[str, Any]) -> str:
    """Tell the figures that are quoted."""
    figures, ranges = report["figures"], report["intervals"]
    rows = [
        [words, percent(figures[name]), " to ".join(map(percent, ranges[name])) if name in ranges else ""]
        for name, words in WORDS.items()
    ]
    rows.append(["Clips called “unsure”", percent(report["uncertain"]), ""])
    caption = "Of all clips; the range holds for other speakers of the same kind (95 %, speakers drawn anew)."
    corpora = [
        [name, found["clips"], *(percent(found.get(key)) for key in ("accuracy", "uar", "upset_accuracy", "ece"))]
        for name, found in report["by_corpus"].items()
    ]
    head = ["corpus", "clips", "accuracy", "UAR", "upset or not", "ECE"]
    return section("Figures", table(caption, ["figure", "share", "range"], rows), table("By corpus.", head, corpora))


def label_shares(found: Mapping[str, Any]) -> list[float | None]:
    """Return a label's precision, recall and F1; none where no clip was meant so."""
    return [found[key] if found["support"] else None for key in ("precision", "recall", "f1")]


def label_section(report: Mapping[str, Any], charts: Mapping[str, bytes]) -> str:
    """Tell each label's figures, and what was taken for what."""
    figures, labels = report["figures"], report["model"]["labels"]
    rows = [
        [name, *(percent(share) for share in label_shares(found)), found["support"]]
        for name, found in figures["by_label"].items()
    ]
    counts = [[name, *row] for name, row in zip(labels, figures["confusion"], strict=True)]
    return section(
        "What was meant and what was heard",
        table("Each label.", ["label", "precision", "recall", "F1", "clips"], rows),
        table("Rows were meant, columns heard; clips.", ["meant / heard", *labels], counts),
        picture("confusion", charts["confusion"]),
    )


def certainty_section(report: Mapping[str, Any], charts: Mapping[str, bytes]) -> str:
    """Tell whether the model knows how sure it may be."""
    figures = report["figures"]
    bins = [
        [f"from {percent(each['above'])}", percent(each["certainty"]), percent(each["accuracy"]), each["count"]]
        for each in figures["reliability"]
    ]
    points = [[percent(each["coverage"]), percent(each["accuracy"])] for each in figures["risk_coverage"]]
    at = figures["at_threshold"]
    said = (
        f"Under a top probability of {report['model']['abstain_below']} the model says “unsure”. "
        f"It answers {percent(at['coverage'])} of these clips and is right on {percent(at['accuracy'])} of them."
    )
    return section(
        "How sure it may be",
        note(said),
        picture("calibration", charts["calibration"]),
        folded("The figures of this chart", table("Certainty and accuracy.", CURVE, bins)),
        picture("risk", charts["risk"]),
        folded("The figures of this chart", table("The most certain clips first.", ["answered", "right"], points)),
    )


def telephone_section(found: Mapping[str, Any]) -> str:
    """Tell what a poor line costs."""
    lost = found["points_lost"]
    rows = [[words, percent(found["figures"].get(name)), lost.get(name, "")] for name, words in WORDS.items()]
    return section(
        "Over the telephone",
        f"<p>Protocol: {escape(found['protocol'])}.</p>\n",
        table("On the same clips.", ["figure", "share", "points lost"], rows),
    )


def comparison_section(found: Mapping[str, Any]) -> str:
    """Tell how classical baselines do on the same folds."""
    keys = ("accuracy", "uar", "macro_f1", "upset_accuracy", "ece")
    rows = [[name, *(spread_text(each["mean"].get(key)) for key in keys)] for name, each in found["candidates"].items()]
    heard = ", ".join(found["heard_before"])
    flattered = note(f"The last row has heard the speakers of {heard}; the baselines have not.", "warning")
    head = ["candidate", *(WORDS[key] for key in keys)]
    return section(
        "Beside classical baselines",
        f"<p>Protocol: {escape(found['protocol'])}.</p>\n",
        flattered if heard else "",
        table("Mean and deviation over the folds.", head, rows),
    )


def data_section(report: Mapping[str, Any]) -> str:
    """Tell what the figures rest on and how long a segment takes."""
    rows = [
        [row["corpus"], row["clips"], row["speakers"], ", ".join(f"{k} {n}" for k, n in row["labels"].items())]
        for row in report["data"]
    ]
    latency, model = report["latency"], report["model"]
    left_out = ", ".join(f"{number} {label}" for label, number in report["left_out"].items())
    told = [
        f"Protocol: {report['protocol']}.",
        f"Left out, since the model does not know these labels: {left_out}." if left_out else "",
        f"{len(report['failed'])} clips could not be read." if report["failed"] else "",
        f"In {report['unheard']} clips the segmenter heard nobody: they were cut where their energy lies."
        if report["unheard"]
        else "",
        f"One segment of 2.5 s takes {latency['median_ms']} ms on one thread, features included (median of "
        f"{latency['runs']}; 95 % within {latency['p95_ms']} ms; {latency['on']}).",
        f"The model has {model['size_mb']} MB; its terms: {model['licence']}.",
    ]
    text = "".join(f"<p>{escape(line)}</p>\n" for line in told if line)
    return section("How this was found", text, table("Data.", ["corpus", "clips", "speakers", "labels"], rows))


def render_page(report: Mapping[str, Any], charts: Mapping[str, bytes]) -> str:
    """Return the whole page."""
    model = report["model"]
    title = f"{model['name']}@{model['version']}, judged"
    parts = [
        f'<p class="statement"><strong>{escape(report["statement"])}</strong></p>\n',
        *(note(f"Mind: {warning}.", "warning") for warning in report["warnings"]),
        headline_section(report),
        label_section(report, charts),
        certainty_section(report, charts),
        telephone_section(report["telephone"]) if "telephone" in report else "",
        comparison_section(report["comparison"]) if "comparison" in report else "",
        data_section(report),
    ]
    made = f"undervoice {report['undervoice']}, {report['made']}, sha256 {model['sha256'][:16]}…"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(made)}</p>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )
