"""Splits by speaker: nobody stands on both sides, or the split refuses to exist."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from undervoice.errors import BadInput

from .corpora import Clip


class SharedSpeaker(BadInput):
    """A speaker stands on more than one side of a split."""

    code = "shared_speaker"


@dataclass(frozen=True, slots=True)
class Split:
    """Clips to learn from, to calibrate on and to be judged on: three disjoint sets of speakers.

    Raises:
        SharedSpeaker: if any two of them have a speaker in common.
    """

    train: tuple[Clip, ...]
    calibrate: tuple[Clip, ...]
    test: tuple[Clip, ...]

    def __post_init__(self) -> None:
        sides = [speakers(side) for side in (self.train, self.calibrate, self.test)]
        for first, second in ((0, 1), (0, 2), (1, 2)):
            if shared := sides[first] & sides[second]:
                raise SharedSpeaker(f"on both sides of a split: {', '.join(sorted(shared))}")


def speakers(clips: Iterable[Clip]) -> set[str]:
    """Return who speaks in these clips."""
    return {clip.speaker for clip in clips}


def deal(clips: Sequence[Clip], hands: int, seed: int) -> list[set[str]]:
    """Deal every corpus's speakers to ``hands`` sets of about equal numbers of clips."""
    rng = np.random.default_rng(seed)
    dealt: list[set[str]] = [set() for _ in range(hands)]
    by_corpus: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        by_corpus[clip.corpus][clip.speaker] += 1
    for corpus in sorted(by_corpus):
        counts = by_corpus[corpus]
        load = rng.permutation(hands) * 1e-3  # ties go to a random hand
        names = sorted(counts)
        for index in rng.permutation(len(names)):
            hand = int(np.argmin(load))
            dealt[hand].add(names[index])
            load[hand] += counts[names[index]]
    return dealt


def hold_out(clips: Sequence[Clip], share: float, seed: int) -> set[str]:
    """Return about ``share`` of each corpus's speakers, at least one of each that has three or more (none for 0)."""
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for corpus in sorted({clip.corpus for clip in clips}):
        names = sorted(speakers(clip for clip in clips if clip.corpus == corpus))
        count = max(1, round(share * len(names))) if share and len(names) >= 3 else 0
        chosen |= {names[index] for index in rng.permutation(len(names))[:count]}
    return chosen


def split_by(clips: Sequence[Clip], test: set[str], calibrate: set[str]) -> Split:
    """Split clips by two sets of speakers; whoever is in neither is trained on."""
    return Split(
        train=tuple(clip for clip in clips if clip.speaker not in test | calibrate),
        calibrate=tuple(clip for clip in clips if clip.speaker in calibrate),
        test=tuple(clip for clip in clips if clip.speaker in test),
    )


def speaker_folds(clips: Sequence[Clip], folds: int, share: float, seed: int) -> list[Split]:
    """Return ``folds`` splits in which every speaker is judged exactly once."""
    splits = []
    for number, test in enumerate(deal(clips, folds, seed)):
        rest = [clip for clip in clips if clip.speaker not in test]
        splits.append(split_by(clips, test, hold_out(rest, share, seed + 1 + number)))
    return splits


def corpus_folds(clips: Sequence[Clip], share: float, seed: int) -> list[Split]:
    """Return one split for each corpus, which is judged by a model that never heard it."""
    splits = []
    for number, corpus in enumerate(sorted({clip.corpus for clip in clips})):
        rest = [clip for clip in clips if clip.corpus != corpus]
        test = speakers(clip for clip in clips if clip.corpus == corpus)
        splits.append(split_by(clips, test, hold_out(rest, share, seed + 1 + number)))
    return splits
