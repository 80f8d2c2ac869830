"""Both kinds of network made from clips: the accurate one from labels, the compact one from it and from labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from undervoice.errors import BadInput

from .accurate import Accurate
from .calibration import softmax
from .compact import Compact
from .corpora import Clip
from .encoder import HEAD, Encoder, read_encoder
from .examples import Store
from .heads import learn_heads, standardise
from .lessons import from_labels, from_teacher
from .loop import Groups, Progress, Training
from .recipe import AccurateRecipe, CompactRecipe
from .scoring import Said, said_of, say_of
from .vectors import Hearing

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

    def blank(self, kind: str, labels: Sequence[str], start: Accurate | None = None) -> Network:
        """Return a network of a kind that has learned nothing."""
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        if kind == "compact":
            return Compact(labels, self.compact.width, self.compact.dropout)
        return Accurate(self._encoder(start), labels, self.accurate.hidden, self.accurate.dropout)

    def _encoder(self, start: Accurate | None) -> Encoder:
        """Return the encoder to begin from: that of ``start``, else Whisper's."""
        if start is not None:
            width = start.encoder.width
            return Encoder(width, width // HEAD, len(start.encoder.layers))
        if self.weights is None:
            raise BadInput("an accurate model begins from encoder weights (--weights) or from a trained one (--start)")
        return read_encoder(self.weights, self.accurate.layers)

    def make_accurate(self, clips: Sequence[Clip], labels: Sequence[str], start: Accurate | None = None) -> Accurate:
        """Train an accurate network: its encoder stays as it is, its heads learn from what that hears.

        Args:
            start: a trained one to begin from instead of Whisper's own weights; its labels may be others.
        """
        network = self.blank("accurate", labels, start)
        assert isinstance(network, Accurate)  # noqa: S101 -- tells the type checker
        if start is not None:
            network.begin_from(start)
        vectors = self.hearing(network).variants(clips, self.accurate.hearing.variants, self.seed)
        if start is None:
            standardise(network, np.concatenate([vectors[clip.path] for clip in clips]))
        return learn_heads(network, clips, vectors, self.accurate, self.seed, self.note)

    def make_compact(
        self,
        clips: Sequence[Clip],
        labels: Sequence[str],
        teacher: Accurate | None = None,
        start: Compact | None = None,
        keep: Path | None = None,
    ) -> Compact:
        """Train a compact network, by a teacher where there is one, else by the labels alone.

        Args:
            start: a trained one to begin from; its labels may be others, and what it knows of them is left behind.
            keep: file to which each epoch is saved, and from which a stopped training goes on.
        """
        recipe, network = self.compact, self.blank("compact", labels)
        assert isinstance(network, Compact)  # noqa: S101 -- tells the type checker
        if start is not None:
            learned = {name: value for name, value in start.state_dict().items() if not name.startswith("answer.")}
            network.load_state_dict(learned, strict=False)
        everything = [*clips, *self.unlabelled] if teacher else list(clips)
        heard = self.store.variants(everything, recipe.hearing.variants, self.seed)
        if teacher:
            opinions = self.opinions(teacher, everything)
            lesson = from_teacher(network.kind, everything, heard, opinions, labels, recipe)
        else:
            lesson = from_labels(network.kind, clips, heard, labels, recipe)
        groups: Groups = [{"params": list(network.parameters()), "lr": recipe.rate}]
        return Training(network, groups, lesson, recipe, self.seed, keep).run(self.progress, self.note)

    @torch.no_grad()
    def opinions(self, teacher: Accurate, clips: Sequence[Clip]) -> dict[Path, npt.NDArray[np.float32]]:
        """Return a teacher's softened probabilities for each clip's variants, ``float32[variants, labels]``.

        Of clips without a label it hears a few variants only: there are many, and its time is dear.
        """
        hearing, count = self.hearing(teacher), self.compact.hearing.variants
        labelled = [clip for clip in clips if clip.label in teacher.labels]
        others = [clip for clip in clips if clip.label not in teacher.labels]
        vectors = hearing.variants(labelled, count, self.seed)
        vectors |= hearing.variants(others, count, self.seed, self.compact.unlabelled_variants) if others else {}
        found = {}
        for path, rows in vectors.items():
            logits = teacher.opinions(torch.from_numpy(rows)).mean(dim=0).double().numpy()
            found[path] = softmax(logits / self.compact.softness).astype(np.float32)
        return found

    @torch.no_grad()
    def judge(self, network: Network, clips: Sequence[Clip], *, phone: bool = False) -> Said:
        """Return what a network says of the clips' segments, as the service would cut them."""
        if isinstance(network, Compact):
            return say_of(network, network.kind, clips, self.store.segments(clips, phone))
        vectors = self.hearing(network).segments(clips, phone)
        logits = [network.opinions(torch.from_numpy(vectors[clip.path])).mean(dim=0).numpy() for clip in clips]
        heard = self.store.segments(clips, phone)
        return said_of(np.concatenate(logits), clips, {clip.path: heard[clip.path].weights for clip in clips})

    def hearing(self, network: Accurate) -> Hearing:
        """Return what remembers how a network's encoder hears clips."""
        watch = self.progress
        # No loss yet: bars show how many clips have been encoded.
        return Hearing(self.store, network, (lambda done, of: watch(done, of, math.nan)) if watch else None)
