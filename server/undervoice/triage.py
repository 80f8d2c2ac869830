"""Who needs somebody first."""

from __future__ import annotations

UPSET_WEIGHT, AROUSAL_WEIGHT = 100.0, 20.0


def priority(upset_score: float, arousal: float, words: float = 0.0, age: float = 0.0) -> float:
    """Return how much a caller needs somebody: the one formula of the product.

    ``upset_score`` and ``arousal`` are 0…1, ``words`` −20…20 from what was said (0 where no
    transcript is fused), ``age`` grows with every caller who came later.
    """
    return round(UPSET_WEIGHT * upset_score + AROUSAL_WEIGHT * arousal + words + age, 1)
