"""Both kinds of network made from clips: the accurate one from labels, the compact one from it and from labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from undervoice.errors import BadInput

from .accurate import Accurate
from .compact import Compact
from .corpora import Clip
from .encoder import HEAD, Encoder, read_encoder
from .examples import Store
from .lessons import from_labels, from_teacher
from .loop import Groups, Progress, Training
from .recipe import AccurateRecipe, CompactRecipe

Note = Callable[[int, float], None]
"""Called after each epoch with its number and its mean loss."""
Network = Accurate | Compact


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every training needs: features, encoder weights, and how much of the machine to use.

    Args:
        weights: arrays of a Whisper encoder, for accurate networks.
        unlabelled: clips in which only a teacher is heard, for compact networks.
    """

    store: Store
    weights: Path | None = None
    accurate: AccurateRecipe = field(default_factory=AccurateRecipe)
    compact: CompactRecipe = field(default_factory=CompactRecipe)
    unlabelled: tuple[Clip, ...] = ()
    seed: int = 7
    threads: int = 2
    progress: Progress | None = None
    note: Note | None = None

    def make_accurate(
        self, clips: Sequence[Clip], labels: Sequence[str], start: Accurate | None = None, keep: Path | None = None
    ) -> Accurate:
        """Train an accurate network.

        Args:
            start: a trained one to begin from instead of Whisper's own weights; its labels may be others.
            keep: file to which each epoch is saved, and from which a stopped training goes on.
        """
        recipe = self.accurate
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        network = Accurate(self._encoder(start), labels, recipe.dropout)
        begin_from(network, start)
        heard = self.store.variants(clips, recipe.hearing.variants, self.seed)
        lesson = from_labels(network.kind, clips, heard, labels, recipe)
        training = Training(network, accurate_groups(network, recipe), lesson, recipe, self.seed, keep)
        return training.run(self.progress, self.note)

    def _encoder(self, start: Accurate | None) -> Encoder:
        """Return the encoder to begin from: Whisper's, or one of the shape of ``start``."""
        layers, dropout = self.accurate.layers, self.accurate.layer_dropout
        if self.weights is not None:
            return read_encoder(self.weights, layers, dropout)
        if start is None:
            raise BadInput("an accurate model begins from encoder weights (--weights) or from a trained one (--start)")
        width = start.encoder.width
        return Encoder(width, width // HEAD, len(start.encoder.layers), dropout)

    def make_compact(
        self,
        clips: Sequence[Clip],
        labels: Sequence[str],
        teacher: Accurate | None = None,
        start: Compact | None = None,
        keep: Path | None = None,
    ) -> Compact:
        """Train a compact network, by a teacher where there is one, else by the labels alone."""
        recipe = self.compact
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        network = Compact(labels, recipe.width, recipe.dropout)
        begin_from(network, start)
        everything = [*clips, *self.unlabelled] if teacher else list(clips)
        heard = self.store.variants(everything, recipe.hearing.variants, self.seed)
        if teacher:
            lesson = from_teacher(teacher, network.kind, everything, heard, labels, recipe)
        else:
            lesson = from_labels(network.kind, clips, heard, labels, recipe)
        groups: Groups = [{"params": list(network.parameters()), "lr": recipe.rate}]
        return Training(network, groups, lesson, recipe, self.seed, keep).run(self.progress, self.note)


@torch.no_grad()
def begin_from(network: Network, start: Network | None) -> None:
    """Copy a trained network's weights; what it knows of a label goes where that label now stands."""
    if start is None:
        return
    theirs = {name: value for name, value in start.state_dict().items() if not name.startswith("answer.")}
    network.load_state_dict(theirs, strict=False)
    for place, label in enumerate(network.labels):
        if label in start.labels:
            was = start.labels.index(label)
            network.answer.weight[place] = start.answer.weight[was]
            network.answer.bias[place] = start.answer.bias[was]


def accurate_groups(network: Accurate, recipe: AccurateRecipe) -> Groups:
    """Return an accurate network's parameters with their rates: the lower a layer, the less it learns."""
    encoder, groups = network.encoder, []
    lowest = [*encoder.conv1.parameters(), *encoder.conv2.parameters()]
    levels = [lowest, *(list(layer.parameters()) for layer in encoder.layers)]
    for level, weights in enumerate(levels):
        # Level 0 are the convolutions; a single frozen layer keeps them frozen too.
        if recipe.frozen and level <= recipe.frozen:
            for weight in weights:
                weight.requires_grad = False
        else:
            groups.append({"params": weights, "lr": recipe.rate * recipe.decay ** (len(levels) - 1 - level)})
    rest = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    return [*groups, {"params": rest, "lr": recipe.head_rate}]
