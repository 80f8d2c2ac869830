"""The model's card and licence, written from its sidecar: no figure in them is typed in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PERCENTAGES = {
    "accuracy": "accuracy, seven labels",
    "uar": "unweighted average recall (UAR)",
    "upset_accuracy": "upset or not: accuracy",
    "upset_f1": "upset or not: F1 of upset",
    "not_upset_f1": "upset or not: F1 of not upset",
    "accuracy_most_certain_80": "accuracy on the 80 % most certain",
    "ece": "expected calibration error (15 bins)",
}

INTRODUCTION = """\
# {name} {version}

A small convolutional network ({parameters:,} parameters) that hears 0.5 to 2.5 s of speech and answers calibrated
probabilities of seven emotions: {labels}.
It is for **demonstration and research**: the speech it learned from is not cleared for commercial use.

A reading estimates **how speech sounds, not what a person feels**.

Made on {trained} by `make train` with seed {seed}. One 2.5 s segment (249 frames) takes {latency_ms} ms on one
thread with onnxruntime, features not included (median of 200 runs; {latency_on}).
"""

INPUT = """
## Input and output

`features` `float32[batch, frames, {bands}]`: log mel filter-bank energies as `python_speech_features.logfbank` defines
them, 16 kHz, 25 ms frames every 10 ms. Any number of frames from one on; a segment's answer does not depend on its
batch. `probabilities` `float32[batch, 7]`: rows sum to 1, the temperature is inside the graph. Under a top probability
of {abstain_below} the service shows "unsure".
"""

LIMITS = """
## Limits

- {speech}. Real callers are subtler, and other languages and lines sound otherwise: expect less than
  these figures, and try the model on your own calls before anyone relies on it.
- Actors agree on how to play a feeling; people do not. "Neutral" of one voice is "sad" of another.
- Few speakers: {speakers} in all.
- The telephone figures come from a simulated 8 kHz mu-law line, not from real calls.
- It must not be used to judge a person: not for employment, credit, insurance, health or law.

## A model of your own

Recordings in a folder with a `manifest.csv` (`file,corpus,speaker,label,…`), then
`PYTHONPATH=models python -m train release --data FOLDER --corpora NAME --out models/mine`, and start the server with
`UNDERVOICE_MODEL=models/mine`. Your recordings' terms then decide what the model may be used for.
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


CITED = {
    "ravdess": "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (2018)",
    "emodb": "F. Burkhardt et al.: A Database of German Emotional Speech (2005)",
    "nemo": "I. Christop: nEMO, Dataset of Emotional Speech in Polish (2024)",
}
SPOKEN = {"ravdess": "English", "emodb": "German", "nemo": "Polish", "ased": "Amharic"}
"""The acted corpora and their languages; what other recordings hold is for their owner to say."""


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def limits_section(data: Sequence[dict[str, Any]]) -> str:
    """Tell what the model cannot do."""
    languages = sorted(SPOKEN.get(row["corpus"], "") for row in data)
    acted = f"Acted speech, recorded in studios ({', '.join(languages)})"
    speech = acted if all(languages) else "It learned from the recordings in the table above, and from nothing else"
    return LIMITS.format(speech=speech, speakers=sum(row["speakers"] for row in data))


def data_section(data: Sequence[dict[str, Any]], noises: int) -> str:
    """Tell what the model learned from."""
    rows = [[row["corpus"], str(row["clips"]), str(row["speakers"]), row["licence"]] for row in data]
    bed = f"one of {noises} background recordings (`emospeech_in`), " if noises else ""
    note = (
        "\n`calm` was taken for neutral; `boredom` was left out. Training heard each clip as it is and disturbed:\n"
        f"other pace, simulated rooms, {bed}gain, and 8 kHz mu-law telephone lines.\n"
    )
    return "\n## Data\n\n" + table(["corpus", "clips", "speakers", "licence as stated"], rows) + note


def fold_section(title: str, report: dict[str, Any]) -> str:
    """Tell the figures of one protocol, with their spread over folds."""
    rows = [
        [words, f"{percent(report['mean'][key]['mean'])} ± {percent(report['mean'][key]['std'])}"]
        for key, words in PERCENTAGES.items()
    ]
    loss = report["mean"]["accuracy"]["mean"] - report["telephone"]["accuracy"]["mean"]
    phone = report["telephone"]["accuracy"]
    rows.append(["accuracy through a mu-law 8 kHz line", f"{percent(phone['mean'])} ± {percent(phone['std'])}"])
    rows.append(["points lost on that line", f"{100 * loss:.1f}"])
    rows.append(["segments called unsure", percent(report["abstained"]["mean"])])
    text = f"\n## {title}\n\nProtocol: {report['protocol']}.\n\n" + table(["figure", "mean ± deviation"], rows)
    corpora = [
        [name, percent(found["accuracy"]), percent(found["uar"]), percent(found["upset_accuracy"])]
        for name, found in report["by_corpus"].items()
    ]
    return text + "\n" + table(["corpus", "accuracy", "UAR", "upset or not"], corpora)


def confusion_section(report: dict[str, Any]) -> str:
    """Show what was meant against what was heard, all test clips of the folds together."""
    labels = report["confusion"]["labels"]
    rows = [
        [f"**{label}**", *(str(count) for count in counts), percent(report["recall"].get(label, 0.0))]
        for label, counts in zip(labels, report["confusion"]["rows"], strict=True)
    ]
    intro = "\n### Confusion\n\nRows: what the actor meant; columns: what the model heard; clips of all test folds.\n\n"
    return intro + table(["meant / heard", *labels, "recall"], rows)


def calibration_section(metrics: dict[str, Any]) -> str:
    """Tell how the released network was calibrated."""
    found = metrics["calibration_speakers"]
    return (
        f"\n## Calibration of the released model\n\nThe released network was trained on all corpora above but for "
        f"{found['protocol']} ({found['clips']} clips): temperature {found['temperature']}, accuracy "
        f"{percent(found['accuracy'])}, UAR {percent(found['uar'])}, "
        f"expected calibration error {percent(found['ece'])}. "
        "The figures of the folds above are the ones to quote.\n"
    )


def render_card(sidecar: dict[str, Any]) -> str:
    """Return the whole card as Markdown."""
    metrics = sidecar["metrics"]
    facts = {key: sidecar[key] for key in ("name", "version", "parameters", "trained", "seed")}
    timing = {key: metrics[key] for key in ("latency_ms", "latency_on")}
    text = INTRODUCTION.format(**facts, labels=", ".join(sidecar["labels"]), **timing)
    text += INPUT.format(bands=sidecar["features"]["bands"], abstain_below=sidecar["abstain_below"])
    text += data_section(sidecar["data"], sidecar["noises"])
    if report := metrics.get("speaker_folds"):
        text += fold_section("Figures on unseen speakers", report) + confusion_section(report)
    if report := metrics.get("corpus_folds"):
        text += fold_section("Figures on unseen corpora", report)
    return (
        text
        + calibration_section(metrics)
        + limits_section(sidecar["data"])
        + f"\n## Licence\n\n{sidecar['licence']}; see `LICENSE`.\n"
    )


def write_card(path: Path, sidecar: dict[str, Any]) -> None:
    """Write ``card.md``."""
    path.write_text(render_card(sidecar), encoding="utf-8")


def write_licence(path: Path, sidecar: dict[str, Any]) -> None:
    """Write ``LICENSE`` with the data's terms."""
    rows = []
    for row in sidecar["data"]:
        rows.append(f"  {row['corpus']}: {row['clips']} clips; {row['licence']}")
        rows += [f"    {CITED[row['corpus']]}"] if row["corpus"] in CITED else []
    if sidecar["noises"]:
        rows.append(f"  emospeech_in: {sidecar['noises']} recordings of room and street noise; CC BY-NC-SA 4.0")
    path.write_text(TERMS.format(sources="\n".join(rows)), encoding="utf-8")
