"""Everything that decides how a model comes out, in one place."""

from __future__ import annotations

from dataclasses import dataclass

POOL = ("ravdess", "emodb", "nemo")
"""The corpora on which folds are reported."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one training; the defaults are those of the released model."""

    corpora: tuple[str, ...] = POOL
    """Corpora to learn from; ``name:01+02`` takes only those sentences."""
    seed: int = 7
    variants: int = 4
    """Disturbed variants of each clip beside the clean one."""
    epochs: int = 24
    epoch_clips: int = 4_000
    """Draws in one epoch."""
    batch: int = 32
    width: int = 160
    """Channels of the convolutions."""
    dropout: float = 0.2
    rate: float = 2e-3
    """Highest learning rate of the one-cycle schedule."""
    decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.2
    """Beta parameter of mixup; 0 switches it off."""
    average: float = 0.997
    """How much of the averaged weights is kept at each step."""
    balance: float = 0.5
    """0 draws clips as they come, 1 draws every (corpus, label) equally often."""
    held_out: float = 0.12
    """Share of each corpus's training speakers kept for calibration."""
    shortest: int = 50
    longest: int = 249
    """Frames in a training crop: 0.5 to 2.5 s."""
    threads: int = 2
