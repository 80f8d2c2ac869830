"""What scoring costs is learnt as the service runs, and decides how much is scored in one go."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from tests.rules.made import scores
from undervoice.emotion import Scores, Segment
from undervoice.scorers import BATCH, BATCH_SEC, Measured

SEGMENT = Segment("customer", 0, 160, np.zeros(160, np.int16), "window", -60.0)


class Timed:
    """A scorer that takes as long as it is told."""

    def __init__(self, segment_sec: float, *takes_sec: float) -> None:
        self.segment_sec = segment_sec
        self._takes_sec = list(takes_sec)

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        time.sleep(self._takes_sec.pop(0))
        if len(segments) > BATCH:
            raise ValueError("too many")
        return [scores()] * len(segments)


def learnt(scorer: Timed, goes: int) -> Measured:
    measured = Measured(scorer)
    for _ in range(goes):
        measured.score([SEGMENT])
    return measured


def test_a_slow_model_scores_one_segment_at_a_time_and_a_quick_one_several() -> None:
    assert Measured(Timed(0.03)).at_once == 1
    assert Measured(Timed(BATCH_SEC / 4)).at_once == 4
    assert Measured(Timed(0.0001)).at_once == BATCH
    assert Measured(Timed(1e-9)).at_once == BATCH


def test_a_wrong_guess_at_the_start_is_forgotten_at_once() -> None:
    assert learnt(Timed(1.0, 0.002), 1).segment_sec < 0.5


def test_once_the_machine_stood_still_says_little() -> None:
    measured = learnt(Timed(0.01, *[0.01] * 10, 1.0), 10)
    before = measured.segment_sec
    measured.score([SEGMENT])
    assert measured.segment_sec < 1.2 * before


def test_what_a_model_throws_is_told_for_each_of_its_segments() -> None:
    told = Measured(Timed(0.001, 0.0)).score([SEGMENT] * (BATCH + 1))
    assert [type(each) for each in told] == [ValueError] * (BATCH + 1)


@pytest.mark.parametrize("takes_sec", [0.0, 0.005])
def test_a_cost_stays_above_nothing(takes_sec: float) -> None:
    assert learnt(Timed(0.005, *[takes_sec] * 20), 20).segment_sec > 0
