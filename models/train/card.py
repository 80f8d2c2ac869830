"""The model's card and licence, written from its sidecar: no figure in them is typed in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PERCENTAGES = {
    "accuracy": "accuracy",
    "uar": "unweighted average recall (UAR)",
    "upset_accuracy": "upset or not: accuracy",
    "upset_f1": "upset or not: F1 of upset",
    "not_upset_f1": "upset or not: F1 of not upset",
    "accuracy_most_certain_80": "accuracy on the 80 % most certain",
    "ece": "expected calibration error (15 bins)",
}
KINDS = {
    "log_mel": "Three layers of a Whisper encoder, mean and deviation of what they hear, and four small heads",
    "logfbank": "A small convolutional network, pooled by attention",
}
INPUTS = {
    "log_mel": "Whisper's log mel energies (80 bands, 25 ms Hann windows every 10 ms)",
    "logfbank": "log mel energies as `python_speech_features.logfbank` defines them (40 bands, 25 ms every 10 ms)",
}

INTRODUCTION = """\
# {name} {version}

{what} ({parameters:,} parameters, {megabytes:.1f} MB). It hears 0.5 to 2.5 s of speech and answers calibrated
probabilities of: {labels}.

A reading is an estimate of **how speech sounds, not of what a person feels**.

Made on {trained} with seed {seed}. One 2.5 s segment takes {median_ms} ms (95th percentile {p95_ms} ms) on one
thread, features included ({on}).

## Input and output

`features` `float32[batch, frames, {bands}]`: {input}, 16 kHz; `lengths` `int64[batch]`: how many of each row's frames
are no padding. Any number of frames from one on; a segment's answer does not depend on its batch. `probabilities`
`float32[batch, {count}]`: rows sum to 1, the temperature ({temperature}) is inside the graph. Under a top probability
of {abstain_below} the service shows "unsure".
"""

OWN = """
## A model of your own

`undervoice train RECORDINGS --out FOLDER` makes one from labelled recordings; `UNDERVOICE_MODEL=FOLDER` serves it.
Your recordings' terms then decide what it may be used for.
"""

TERMS = """\
The model in this folder (model.onnx, with model.json and card.md)

This model was trained on recordings whose owners allow non-commercial use only. It is offered under
Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International (CC BY-NC-SA 4.0),
https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode, for demonstration and research.
It may not be used commercially. The software around it has a licence of its own (Apache-2.0, see the
LICENSE file of the repository): the model's licence is not the code's.

What it was trained on, and the terms its sources state:

{sources}

Who trains a model on recordings of their own is bound by the terms of those recordings instead.
The model is provided "as is", without warranty of any kind.
"""

OWN_TERMS = """\
The model in this folder (model.onnx, with model.json and card.md)

It may be used under {licence}:

{sources}
"""

CITED = {
    "ravdess": "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (2018)",
    "emodb": "F. Burkhardt et al.: A Database of German Emotional Speech (2005)",
    "nemo": "I. Christop: nEMO, Dataset of Emotional Speech in Polish (2024)",
}
WHISPER = """\

It began from the encoder of Whisper base (Radford et al. 2022), (c) OpenAI, MIT licence:
  Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
  documentation files, to deal in it without restriction, provided that this notice is included in all copies. It is
  provided "as is", without warranty of any kind. Full text: https://opensource.org/license/mit
"""


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def introduction(sidecar: dict[str, Any]) -> str:
    """Tell what the model is, takes and answers."""
    facts = {key: sidecar[key] for key in ("name", "version", "parameters", "trained", "seed", "abstain_below")}
    kind, latency = sidecar["features"]["kind"], sidecar["metrics"].get("latency", {})
    return INTRODUCTION.format(
        **facts,
        what=KINDS[kind],
        input=INPUTS[kind],
        megabytes=sidecar["metrics"]["bytes"] / 1e6,
        labels=", ".join(sidecar["labels"]),
        count=len(sidecar["labels"]),
        bands=sidecar["features"]["bands"],
        temperature=sidecar["temperature"],
        **{key: latency.get(key, "?") for key in ("median_ms", "p95_ms", "on")},
    )


def data_section(sidecar: dict[str, Any]) -> str:
    """Tell what the model learned from."""
    rows = [
        [row["corpus"], str(row["clips"]), str(row["speakers"]), row["use"], row["licence"]] for row in sidecar["data"]
    ]
    bed = f"one of {sidecar['noises']} recordings of background noise, " if sidecar["noises"] else ""
    note = (
        "\nTraining heard each clip as it is and disturbed: other pace, simulated rooms, "
        f"{bed}gain, overdrive,\nand telephone lines (G.711 mu-law and A-law, GSM, Opus).\n"
    )
    return "\n## Data\n\n" + table(["corpus", "clips", "speakers", "used for its", "licence as stated"], rows) + note


def fold_section(report: dict[str, Any]) -> str:
    """Tell the figures of one protocol, with their spread over folds."""
    mean = report["mean"]
    rows = [
        [words, f"{percent(mean[key]['mean'])} ± {percent(mean[key]['std'])}"]
        for key, words in PERCENTAGES.items()
        if key in mean
    ]
    phone = report["telephone"]["accuracy"]
    rows.append(["accuracy over the telephone", f"{percent(phone['mean'])} ± {percent(phone['std'])}"])
    rows.append(["points lost there", f"{report['points_lost']:.1f}"])
    rows.append(["segments called unsure", percent(report["abstained"]["mean"])])
    intro = f"\n### {report['protocol']}\n\n{report['clips']} clips, {report['speakers']} speakers.\n\n"
    text = intro + table(["figure", "mean ± deviation over folds"], rows)
    if len(report["by_corpus"]) > 1:
        text += "\n" + corpora_table(report["by_corpus"])
    return text


def corpora_table(found: dict[str, dict[str, float]]) -> str:
    """Show the figures of each corpus."""
    rows = [
        [name, *(percent(each[key]) for key in ("accuracy", "uar", "upset_accuracy"))] for name, each in found.items()
    ]
    return table(["corpus", "accuracy", "UAR", "upset or not"], rows)


PROTOCOL = """
## Figures on unseen speakers

Every figure is on speakers whom the model judged had not heard, from models trained on the other folds; the model in
this folder was then trained on everything. Clips are cut by the product's own segmenter, and a clip's probabilities are
the mean over its segments weighted by duration. Temperature and least certainty of each fold were fitted on what the
*other* folds' models said of speakers unknown to them. "Over the telephone": the same segments through 8 kHz mu-law,
with street noise 15 dB under the voice.
"""


def confusion_section(report: dict[str, Any]) -> str:
    """Show what was meant against what was heard, all test clips of the folds together."""
    labels = report["labels"]
    rows = [
        [f"**{label}**", *(str(count) for count in counts), percent(report["recall"].get(label, 0.0))]
        for label, counts in zip(labels, report["confusion"], strict=True)
    ]
    intro = "\nRows: what the actor meant; columns: what the model heard; clips of all folds.\n\n"
    return intro + table(["meant / heard", *labels, "recall"], rows)


def held_out_section(found: dict[str, Any]) -> str:
    """Tell the figures of a model whose trainer kept speakers aside."""
    rows = [[words, percent(found[key])] for key, words in PERCENTAGES.items() if found.get(key) is not None]
    intro = f"\n## Figures\n\nOn {found['protocol']} ({found['clips']} clips).\n\n"
    return intro + table(["figure", "value"], rows)


REFERENCE = """
## What its material sounds like

Drift is measured against this ({segments:,} segments): {made_from}. The model called {uncertain} of them unsure.

"""


def reference_section(reference: dict[str, Any]) -> str:
    """Tell what a service compares its calls with."""
    shares = [[label, percent(share)] for label, share in reference["emotions"].items()]
    intro = REFERENCE.format(**reference | {"uncertain": percent(reference["uncertain"])})
    rows = [
        [words, *(f"{reference[key][place]:.1f}" for place in (0, 5, 14, -1))]
        for words, key in (("level, dBFS", "level_dbfs"), ("signal over noise, dB", "snr_db"))
    ]
    places = ["2.5 %", "27.5 %", "72.5 %", "97.5 %"]
    return intro + table(["detected", "share"], shares) + "\n" + table(["quantile", *places], rows)


def render_card(sidecar: dict[str, Any]) -> str:
    """Return the whole card as Markdown."""
    text, metrics = introduction(sidecar) + data_section(sidecar), sidecar["metrics"]
    reports = [report for report in metrics.values() if isinstance(report, dict) and "folds" in report]
    if reports:
        text += PROTOCOL + fold_section(reports[0]) + confusion_section(reports[0])
        text += "".join(fold_section(report) for report in reports[1:])
    if "held_out" in metrics:
        text += held_out_section(metrics["held_out"])
    if sidecar.get("reference"):
        text += reference_section(sidecar["reference"])
    text += "\n## Limits\n\n" + "".join(f"- {limit}\n" for limit in sidecar["limits"])
    return text + OWN + f"\n## Licence\n\n{sidecar['licence']}; see `LICENSE`.\n"


def write_card(path: Path, sidecar: dict[str, Any]) -> None:
    """Write ``card.md``."""
    path.write_text(render_card(sidecar), encoding="utf-8")


def write_licence(path: Path, sidecar: dict[str, Any]) -> None:
    """Write ``LICENSE`` with the data's terms."""
    rows = []
    for row in sidecar["data"]:
        rows.append(f"  {row['corpus']}: {row['clips']} clips ({row['use']}); {row['licence']}")
        rows += [f"    {CITED[row['corpus']]}"] if row["corpus"] in CITED else []
    terms = TERMS if "CC-BY-NC" in sidecar["licence"] else OWN_TERMS
    text = terms.format(sources="\n".join(rows), licence=sidecar["licence"])
    path.write_text(text + (WHISPER if sidecar["features"]["kind"] == "log_mel" else ""), encoding="utf-8")
