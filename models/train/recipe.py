"""Everything that decides how a model comes out, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

POOL = ("ravdess", "emodb", "nemo")
"""The corpora on which folds are reported."""
TAUGHT = ("ased", "emospeech_in")
"""Corpora in which a compact network hears its teacher alone: their texts give labels away, or nobody knows them."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """How clips are disturbed before a network hears them, and how they are drawn."""

    variants: int = 4
    """Disturbed variants of each clip beside the clean one."""
    balance: float = 0.5
    """0 draws clips as they come, 1 draws every (corpus, label) equally often."""
    shortest: int = 80
    longest: int = 249
    """Frames in a training crop: 0.8 to 2.5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast a network learns."""

    epochs: int
    rate: float
    """Highest learning rate of the one-cycle schedule."""
    batch: int = 32
    smoothing: float = 0.1
    """Share of each target spread evenly over the labels."""
    dropout: float = 0.3
    weight_decay: float = 0.05
    average: float = 0.995
    """How much of the averaged weights is kept at each step."""
    hearing: Hearing = field(default_factory=Hearing)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccurateRecipe(Schedule):
    """The settings of an accurate model's training; the defaults are those of the released one."""

    epochs: int = 15
    rate: float = 1e-3
    batch: int = 128
    smoothing: float = 0.05
    dropout: float = 0.4
    weight_decay: float = 0.01
    layers: int = 3
    """Encoder layers kept, as Whisper has them."""
    hidden: int = 256
    """Numbers in the hidden layer of a head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactRecipe(Schedule):
    """The settings of a compact model's training; the defaults are those of the released one."""

    epochs: int = 8
    rate: float = 2e-3
    dropout: float = 0.2
    weight_decay: float = 0.02
    average: float = 0.997
    width: int = 160
    """Channels of the convolutions."""
    teacher: float = 0.8
    """How much the teacher's probabilities count beside the labels, where there is a teacher."""
    softness: float = 2.0
    """Temperature at which the teacher is heard (Hinton et al. 2015)."""
    unlabelled_variants: int = 2
    """Variants that the teacher hears of a clip without a label."""
    hearing: Hearing = field(default_factory=lambda: Hearing(shortest=50))
