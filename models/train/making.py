"""A model of one's own: from labelled recordings to a folder that the service takes, stoppable and logged."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from undervoice.emotion import UPSET_WEIGHTS
from undervoice.errors import BadInput
from undervoice.model import Model

from . import codecs
from .accurate import Accurate
from .calibration import choose_threshold, fit_temperature
from .compact import parameters
from .corpora import Clip, Labels, labels_of, read_data
from .encoder import HEAD, Encoder
from .examples import Store
from .export import to_onnx, weights_of
from .latency import noise, time_segment
from .loop import Progress, device
from .metrics import measure
from .recipe import AccurateRecipe, CompactRecipe
from .reference import reference_of
from .runlog import RunLog
from .scoring import Said
from .sidecars import LIMITS, SPECS, describe, sources, write_folder
from .split import Split, hold_out, speakers, split_by
from .workshop import Network, Workshop

WORK = "work"
"""Folder inside the model's, where a training keeps what it needs to go on; it is gone when the model is done."""
HELD_OUT = 0.2
LEAST_DRAWS = 32_000
"""Clips that a compact network hears at least, however few there are to draw from."""
UNKNOWN_TEMPERATURE = 1.5
"""For models that nobody could be kept aside for: networks are surer of themselves than they should be."""
OPEN_TERMS = "the terms of the recordings it was trained on"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for; the command line's options."""

    data: tuple[str, ...]
    out: Path
    kind: str = "compact"
    labels: Labels = "seven"
    upset: Mapping[str, float] | None = None
    """How much each label adds to the upset score; without it, those of the seven that are there."""
    name: str = "own"
    start: Path | None = None
    """Folder of a trained model of this kind to begin from; its terms then bind the new one too."""
    weights: Path | None = None
    """Arrays of a Whisper encoder, for an accurate model without ``start``."""
    noises: tuple[Path, ...] = ()
    epochs: int | None = None
    seed: int = 7
    threads: int = 2
    progress: Progress | None = field(default=None, compare=False)


def make(order: Order) -> dict[str, Any]:
    """Train, calibrate, judge and write a model; return its sidecar.

    A training that was stopped goes on from its last whole epoch when the same order is given again.

    Raises:
        BadInput: data, labels or weights that no model can be made from.
    """
    left_out: Counter[str] = Counter()
    clips = read_data(order.data, order.labels, left_out)
    labels = labels_for(clips)
    with RunLog(order.out) as log:
        split = split_by(clips, set(), hold_out(clips, HELD_OUT, order.seed))
        log.event("data", clips=len(clips), labels=list(labels), left_out=dict(left_out), held_out=len(split.calibrate))
        if lacking := codecs.missing():
            log.event("codecs_missing", names=list(lacking))
        workshop = workshop_for(order, log, len(split.train))
        log.params({"kind": order.kind, "seed": order.seed, **dataclasses.asdict(getattr(workshop, order.kind))})
        network = train(order, workshop, split.train, labels)
        sidecar = finish(order, workshop, network, split, clips)
        log.metrics({name: value for name, value in sidecar["metrics"].get("held_out", {}).items() if number(value)})
        log.event("written", sha256=sidecar["sha256"])
    shutil.rmtree(order.out / WORK, ignore_errors=True)
    return sidecar


def number(value: object) -> bool:
    """Return whether a figure is one number."""
    return isinstance(value, int | float)


def labels_for(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Return what a model of these clips answers: the labels that occur, the seven in their usual order.

    Raises:
        BadInput: fewer than two labels.
    """
    there = {clip.label for clip in clips}
    labels = tuple(label for label in labels_of(clips) if label in there)
    if len(labels) < 2:
        raise BadInput(f"a model needs clips of two labels at least; here are only: {', '.join(labels)}")
    return labels


def workshop_for(order: Order, log: RunLog, clips: int) -> Workshop:
    """Return the workshop with the recipes asked for; few clips are heard more often."""
    often = max(CompactRecipe().epochs, -(-LEAST_DRAWS // clips))
    return Workshop(
        Store(order.out / WORK, order.noises, workers=order.threads),
        order.weights,
        accurate=dataclasses.replace(AccurateRecipe(), epochs=order.epochs or AccurateRecipe().epochs),
        compact=dataclasses.replace(CompactRecipe(), epochs=order.epochs or often),
        seed=order.seed,
        threads=order.threads,
        progress=order.progress,
        note=lambda epoch, loss: log.metrics({"loss": loss}, step=epoch),
    )


def train(order: Order, workshop: Workshop, clips: Sequence[Clip], labels: Sequence[str]) -> Network:
    """Train a network of the kind asked for, from where an earlier run stopped."""
    keep = order.out / WORK / f"{order.kind}.kept"
    if order.kind == "compact":
        return workshop.make_compact(clips, labels, keep=keep)
    return workshop.make_accurate(clips, labels, read_start(order))


def read_start(order: Order) -> Accurate | None:
    """Return the accurate network to begin from.

    Raises:
        BadInput: when it is none, or there is nothing to begin from.
    """
    if order.start is None:
        return None
    labels, state = Model.load(order.start).labels, weights_of(order.start / "model.onnx")
    try:
        layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layers."))
        width = state["encoder.places"].shape[1]
        hidden = state["heads.0.1.weight"].shape[0]
        network = Accurate(Encoder(width, width // HEAD, layers), labels, hidden)
        network.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError) as error:
        raise BadInput(f"{order.start} is no accurate model to begin from") from error
    return network


def finish(order: Order, workshop: Workshop, network: Network, split: Split, clips: Sequence[Clip]) -> dict[str, Any]:
    """Calibrate a network on the speakers kept aside, judge it on them, and write the folder."""
    said = workshop.judge(network, split.calibrate) if split.calibrate else None
    meant = [network.labels.index(clip.label) for clip in split.calibrate]
    temperature, threshold = calibrate(said, meant)
    upset = upset_for(order, network.labels)
    metrics: dict[str, Any] = {}
    if said:
        metrics["held_out"] = held_out_figures(said, meant, temperature, network.labels, upset, split)
    graph = to_onnx(network, temperature, SPECS[network.kind]["bands"])
    sidecar = describe(
        graph,
        name=order.name,
        kind=network.kind,
        labels=network.labels,
        upset=upset,
        abstain_below=threshold,
        parameters=parameters(network),
        seed=order.seed,
        temperature=round(temperature, 3),
        recipe=dataclasses.asdict(getattr(workshop, order.kind)),
        data=sources(clips) + inherited(order),
        noises=len(workshop.store.read_noises()),
        licence=licence_for(order),
        limits=list(LIMITS),
        reference=heard(said, temperature, threshold, network.labels, split) if said else None,
        metrics=metrics | {"bytes": len(graph)},
        trained_on=str(device()),
    )
    write_folder(order.out, graph, sidecar)
    sidecar["metrics"]["latency"] = time_segment(Model.load(order.out), noise())
    write_folder(order.out, graph, sidecar)
    return sidecar


def calibrate(said: Said | None, meant: Sequence[int]) -> tuple[float, float]:
    """Return temperature and the least certainty, from what the network said of speakers unknown to it."""
    if said is None:
        return UNKNOWN_TEMPERATURE, 0.0
    targets = [meant[owner] for owner in said.owner.tolist()]
    temperature = fit_temperature(said.logits, np.array(targets, np.int64))
    return temperature, choose_threshold(said.segments(temperature))


def heard(
    said: Said, temperature: float, abstain_below: float, labels: Sequence[str], split: Split
) -> dict[str, Any] | None:
    """Return what a service compares its calls with: what the network heard in the speakers kept aside."""
    return reference_of(
        said.segments(temperature),
        split.calibrate,
        abstain_below=abstain_below,
        labels=labels,
        made_from=f"{len(speakers(split.calibrate))} speakers kept aside from training",
    )


def held_out_figures(
    said: Said,
    meant: Sequence[int],
    temperature: float,
    labels: Sequence[str],
    upset: Mapping[str, float],
    split: Split,
) -> dict[str, Any]:
    """Return the figures on the speakers kept aside: the temperature has seen them, the network has not."""
    figures = measure(said.clips(temperature), np.array(meant, np.int64), labels, upset)
    count = len(speakers(split.calibrate))
    return {"protocol": f"{count} speakers kept aside from training, who set the temperature", **figures}


def upset_for(order: Order, labels: Sequence[str]) -> dict[str, float]:
    """Return how much each label adds to the upset score.

    Raises:
        BadInput: a label that the model does not answer.
    """
    asked = UPSET_WEIGHTS if order.upset is None else order.upset
    if order.upset is not None and (unknown := sorted(set(asked) - set(labels))):
        raise BadInput(f"no clip has the label {', '.join(unknown)}; there are {', '.join(labels)}")
    return {str(label): weight for label, weight in asked.items() if label in labels}


def inherited(order: Order) -> list[dict[str, Any]]:
    """Return the data of the model that this one began from."""
    if order.start is None:
        return []
    return [row | {"use": f"through {order.start.name}"} for row in Model.load(order.start).sidecar.data]


def licence_for(order: Order) -> str:
    """Return the terms of the new model: those of its recordings, and of the model that it began from."""
    return OPEN_TERMS if order.start is None else f"{Model.load(order.start).sidecar.licence}, and {OPEN_TERMS}"
