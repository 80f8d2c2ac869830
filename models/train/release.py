"""The models in service: trained on all the data, calibrated by the folds of the study, written as folders."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from undervoice.emotion import UPSET_WEIGHTS
from undervoice.errors import BadInput
from undervoice.model import Model

from .accurate import Accurate
from .card import write_card
from .compact import Compact, parameters
from .corpora import LABELS, Clip
from .export import to_onnx
from .latency import noise, time_segment
from .protocols import PROTOCOLS, clips_of
from .reference import reference_of
from .sidecars import LICENCE, SEVEN_LIMITS, SPECS, describe, sources, write_folder
from .study import Verdict, read_said
from .verdicts import temperature_of, threshold_of
from .workshop import Network, Workshop

Say = Callable[[str], None]
JUDGED = "pooled"
"""The protocol whose folds calibrate the released models."""
SOURCE = (
    "acted speech in studios, not calls: what the folds' models detected in speakers unknown to them, and the levels "
    "of the same recordings ({corpora}), cut by the product's own segmenter"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """What the folds of the study taught: the temperature, and when to abstain."""

    temperature: float
    abstain_below: float


def verdicts_of(kind: str, clips: Sequence[Clip], folder: Path) -> list[Verdict]:
    """Return what the folds' networks of a kind said of speakers unknown to them.

    Raises:
        BadInput: when the study has not been carried out.
    """
    protocol = PROTOCOLS[JUDGED]
    splits = protocol.folds(clips_of(protocol, clips))
    places = [folder / JUDGED / f"{kind}-{number}.npz" for number in range(len(splits))]
    if not all(place.is_file() for place in places):
        raise BadInput(f"no study of {kind} models yet: run `study {JUDGED}` first")
    return [Verdict(split.test, *read_said(place)) for split, place in zip(splits, places, strict=True)]


def calibration_of(kind: str, clips: Sequence[Clip], folder: Path) -> Calibration:
    """Return how to calibrate a network of a kind, by what its folds said of speakers unknown to them.

    Raises:
        BadInput: when the study has not been carried out.
    """
    verdicts = verdicts_of(kind, clips, folder)
    temperature = temperature_of(verdicts, LABELS)
    return Calibration(temperature, threshold_of(verdicts, temperature))


def release(
    workshop: Workshop, clips: Sequence[Clip], runs: Path, models: Path, kinds: Sequence[str], say: Say
) -> None:
    """Make the released models of the kinds asked for; a compact one needs the accurate one as its teacher."""
    accurate = made(Accurate, runs / "release" / "accurate.pt", lambda _: workshop.make_accurate(clips, LABELS), say)
    if "accurate" in kinds:
        finish("accurate", accurate, workshop, clips, runs, models, say)
    if "compact" in kinds:
        compact = made(
            Compact,
            runs / "release" / "compact.pt",
            lambda keep: workshop.make_compact(clips, LABELS, accurate, keep=keep),
            say,
        )
        finish("compact", compact, workshop, clips, runs, models, say)


def made(kind: type[Network], place: Path, make: Callable[[Path], Any], say: Say) -> Any:
    """Return a network that was made earlier, or make it now."""
    if place.is_file():
        return torch.load(place, weights_only=False)  # our own file, written below
    started = time.monotonic()
    network = make(place.with_suffix(".kept"))
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network, place)
    say(f"{kind.__name__}: {(time.monotonic() - started) / 60:.1f} minutes")
    return network


def finish(
    name: str, network: Network, workshop: Workshop, clips: Sequence[Clip], runs: Path, models: Path, say: Say
) -> None:
    """Calibrate, export and describe a network."""
    calibration = calibration_of(name, clips, runs / "study")
    graph = to_onnx(network, calibration.temperature, SPECS[network.kind]["bands"])
    taught = sources(workshop.unlabelled, "teacher's probabilities") if name == "compact" else []
    sidecar = describe(
        graph,
        name=name,
        kind=network.kind,
        labels=LABELS,
        upset={str(label): weight for label, weight in UPSET_WEIGHTS.items()},
        abstain_below=calibration.abstain_below,
        parameters=parameters(network),
        seed=workshop.seed,
        temperature=round(calibration.temperature, 3),
        recipe=dataclasses.asdict(getattr(workshop, name)),
        data=sources(clips) + taught,
        noises=len(workshop.store.read_noises()),
        licence=LICENCE,
        limits=list(SEVEN_LIMITS),
        reference=heard_in_folds(name, clips, runs / "study"),
        metrics={**read_figures(models / "figures", name), "bytes": len(graph)},
    )
    write_folder(models / name, graph, sidecar)
    sidecar["metrics"]["latency"] = time_segment(Model.load(models / name), noise())
    write_folder(models / name, graph, sidecar)
    say(f"{models / name}: {len(graph) / 1e6:.1f} MB")


def read_figures(folder: Path, kind: str) -> dict[str, Any]:
    """Return the study's reports on a kind of network, by protocol."""
    places = {name: folder / f"{name}-{kind}.json" for name in PROTOCOLS}
    return {name: json.loads(place.read_text(encoding="utf-8")) for name, place in places.items() if place.is_file()}


def heard_in_folds(kind: str, clips: Sequence[Clip], folder: Path) -> dict[str, Any] | None:
    """Return what a service compares its calls with.

    Raises:
        BadInput: when the study has not been carried out.
    """
    calibration, verdicts = calibration_of(kind, clips, folder), verdicts_of(kind, clips, folder)
    judged = [clip for verdict in verdicts for clip in verdict.clips]
    return reference_of(
        np.concatenate([verdict.studio.segments(calibration.temperature) for verdict in verdicts]),
        judged,
        abstain_below=calibration.abstain_below,
        labels=PROTOCOLS[JUDGED].labels,
        made_from=SOURCE.format(corpora=", ".join(sorted({clip.corpus for clip in judged}))),
    )


def refer(kind: str, clips: Sequence[Clip], runs: Path, models: Path) -> None:
    """Put the reference of a model that was released into its sidecar and card; nothing else of it changes."""
    place = models / kind / "model.json"
    sidecar = json.loads(place.read_text(encoding="utf-8"))
    metrics = sidecar.pop("metrics")
    sidecar |= {"reference": heard_in_folds(kind, clips, runs / "study"), "metrics": metrics}
    place.write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    write_card(models / kind / "card.md", sidecar)
