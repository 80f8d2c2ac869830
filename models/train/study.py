"""A protocol carried out: both networks made and judged in each fold, every fold kept so that a stop loses nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .corpora import Clip
from .protocols import PROTOCOLS, Protocol, clips_of
from .scoring import Said
from .split import Split, speakers
from .workshop import Network, Workshop

Say = Callable[[str], None]
KINDS = ("accurate", "compact")
FEW_EPOCHS = 2
"""Networks that begin from a trained one and have little to learn from hear it this many times as often."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What one network said of the clips of one fold, clear and over the telephone."""

    clips: tuple[Clip, ...]
    studio: Said
    phone: Said


class Study:
    """Carries out protocols; what is done already is read from ``folder``.

    Args:
        own: all clips under the labels of their corpora.
        seven: all clips under the seven.
    """

    def __init__(self, workshop: Workshop, folder: Path, own: Sequence[Clip], seven: Sequence[Clip], say: Say) -> None:
        self.workshop, self.folder, self.own, self.seven, self.say = workshop, folder, own, seven, say

    def run(self, name: str, kinds: Sequence[str] = KINDS) -> dict[str, list[Verdict]]:
        """Return the verdicts of a protocol's folds, for each kind of network."""
        protocol = PROTOCOLS[name]
        clips = clips_of(protocol, self.seven if protocol.start is None else self.own)
        found: dict[str, list[Verdict]] = {kind: [] for kind in kinds}
        for number, split in enumerate(protocol.folds(clips)):
            for kind in kinds:
                place = self.folder / name / f"{kind}-{number}"
                if not place.with_suffix(".npz").is_file():
                    network = self._network(kind, place, protocol, split)
                    said = (
                        self.workshop.judge(network, split.test),
                        self.workshop.judge(network, split.test, phone=True),
                    )
                    write_said(place.with_suffix(".npz"), said)
                    self.say(f"{name} fold {number} {kind}: {self._brief(place, protocol, split)}")
                found[kind].append(Verdict(split.test, *read_said(place.with_suffix(".npz"))))
        return found

    def _brief(self, place: Path, protocol: Protocol, split: Split) -> str:
        detected = read_said(place.with_suffix(".npz"))[0].clips(1.0).argmax(axis=1)
        meant = np.array([protocol.labels.index(clip.label) for clip in split.test])
        recalls = [float(np.mean(detected[meant == label] == label)) for label in np.unique(meant)]
        return f"accuracy {np.mean(detected == meant):.3f}, UAR {np.mean(recalls):.3f}, {len(meant)} clips"

    def _network(self, kind: str, place: Path, protocol: Protocol, split: Split) -> Network:
        """Return the fold's network, made now unless it was kept."""
        weights = place.with_suffix(".pt")
        network = self.workshop.blank(kind, protocol.labels)
        if weights.is_file():
            network.load_state_dict(torch.load(weights, weights_only=True))
            return network.eval()
        made = self._make(kind, place, protocol, split)
        weights.parent.mkdir(parents=True, exist_ok=True)
        torch.save(made.state_dict(), weights)
        return made

    def _make(self, kind: str, place: Path, protocol: Protocol, split: Split) -> Network:
        workshop, start = self._begin(kind, protocol)
        if kind == "accurate":
            return workshop.make_accurate(split.train, protocol.labels, start)  # type: ignore[arg-type]
        teacher = self._network("accurate", place.with_name(place.name.replace(kind, "accurate")), protocol, split)
        tested = speakers(split.test)
        tested_corpora = {clip.corpus for clip in split.test} - {clip.corpus for clip in split.train}
        unheard = tuple(
            clip for clip in workshop.unlabelled if clip.speaker not in tested and clip.corpus not in tested_corpora
        )
        workshop = dataclasses.replace(workshop, unlabelled=unheard)
        return workshop.make_compact(split.train, protocol.labels, teacher, start)  # type: ignore[arg-type]

    def _begin(self, kind: str, protocol: Protocol) -> tuple[Workshop, Network | None]:
        """Return the workshop for a protocol, and the network that never heard its corpus."""
        if protocol.start is None:
            return self.workshop, None
        corpora = PROTOCOLS["corpora"]
        splits = corpora.folds(clips_of(corpora, self.seven))
        number = next(n for n, split in enumerate(splits) if split.test[0].corpus == protocol.start)
        start = self._network(kind, self.folder / "corpora" / f"{kind}-{number}", corpora, splits[number])
        recipes = {
            name: dataclasses.replace(recipe, epochs=FEW_EPOCHS * recipe.epochs)
            for name, recipe in (("accurate", self.workshop.accurate), ("compact", self.workshop.compact))
        }
        return dataclasses.replace(self.workshop, unlabelled=(), **recipes), start  # type: ignore[arg-type]


def write_said(place: Path, said: tuple[Said, Said]) -> None:
    """Keep what a network said."""
    place.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{side}_{name}": getattr(one, name)
        for side, one in zip(("studio", "phone"), said, strict=True)
        for name in ("logits", "owner", "weights")
    }
    np.savez(place, **arrays)


def read_said(place: Path) -> tuple[Said, Said]:
    """Return what was kept."""
    with np.load(place) as file:
        studio, phone = (
            Said(*(file[f"{side}_{name}"] for name in ("logits", "owner", "weights"))) for side in ("studio", "phone")
        )
    return studio, phone
