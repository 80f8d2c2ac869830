"""Under load the finals of live calls fall to the quick model, and nothing is shed where that suffices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import write_tiny_model
from tests.voices import voice
from undervoice.emotion import Scores, Segment
from undervoice.inference import PER_CALL, Inference, Urgency
from undervoice.model import Model

SLOW_SEC = 0.02
SOUND = voice(0.6)


class SlowModel(Model):
    """A real model that takes its time."""

    def score(self, segments: Sequence[Segment]) -> list[Scores]:
        time.sleep(SLOW_SEC * len(segments))
        return super().score(segments)


def slow_model(folder: Path, **described: Any) -> SlowModel:
    model = SlowModel.load(write_tiny_model(folder, **described))
    model.segment_sec = SLOW_SEC  # as it is meant: what was measured says how busy the machine is, too
    return model


def quick_model(folder: Path) -> Model:
    model = Model.load(write_tiny_model(folder, name="quick", seed=8))
    model.segment_sec = 0.001
    return model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    folder = tmp_path_factory.mktemp("models")
    return slow_model(folder / "a", name="chosen", kind="log_mel"), quick_model(folder / "b")


@pytest.fixture
def inference(models: tuple[Model, Model]) -> Iterator[Inference]:
    inference = Inference(*models, threads=1, queue_ms=400)
    yield inference
    inference.close()


def segment(start: int = 0) -> Segment:
    return Segment("customer", start * 160, start * 160 + len(SOUND), SOUND, "window", -60.0)


async def scored(inference: Inference, jobs: Sequence[tuple[object, Urgency]]) -> list[str | None]:
    """Submit jobs at once; return which model scored each, or ``None``."""
    futures = [inference.submit(segment(n), call, urgency) for n, (call, urgency) in enumerate(jobs)]
    return [scores and scores.model.partition("@")[0] for scores in await asyncio.gather(*futures)]


async def test_each_model_has_its_work(inference: Inference) -> None:
    assert await scored(inference, [("a", Urgency.LIVE)]) == ["chosen"]
    assert await scored(inference, [("a", Urgency.STORED)]) == ["chosen"]
    assert await scored(inference, [("a", Urgency.PROVISIONAL)]) == ["quick"]
    assert (inference.fell_back, inference.shed) == (0, 0)


async def test_a_rush_of_live_finals_falls_to_the_quick_model_and_nothing_is_shed(inference: Inference) -> None:
    by = await scored(inference, [(n, Urgency.LIVE) for n in range(60)])
    assert None not in by
    assert inference.shed == 0
    assert by.count("quick") == inference.fell_back >= 40  # 60 × 20 ms is far above half of 400 ms
    assert by.count("chosen") >= 3  # what fits into the bound still gets the better model


async def test_a_few_live_finals_wait_for_the_chosen_model(inference: Inference) -> None:
    assert await scored(inference, [(n, Urgency.LIVE) for n in range(4)]) == ["chosen"] * 4
    assert inference.fell_back == 0


async def test_finals_leave_the_better_model_so_that_provisionals_get_their_turn(inference: Inference) -> None:
    finals = [inference.submit(segment(n), n, Urgency.LIVE) for n in range(9)]  # 180 ms: the bound would allow that
    provisionals = [inference.submit(segment(n), n, Urgency.PROVISIONAL) for n in range(3)]
    assert None not in await asyncio.gather(*finals, *provisionals)
    by = Counter(done.result().model.partition("@")[0] for done in finals)  # type: ignore[union-attr]
    assert min(by["chosen"], by["quick"]) >= 3
    assert (inference.skipped, inference.shed) == (0, 0)


async def test_clips_and_stored_calls_never_fall_back(inference: Inference) -> None:
    jobs: list[tuple[object, Urgency]] = [(n, Urgency.LIVE) for n in range(40)]
    jobs += [("clip", Urgency.STORED)] * 15
    by = await scored(inference, jobs)
    assert by[40:] == ["chosen"] * 15
    assert by[:40].count("quick") == inference.fell_back > 0
    assert inference.shed == 0


async def test_a_call_that_catches_up_falls_back_and_loses_nothing(inference: Inference) -> None:
    by = await scored(inference, [("call", Urgency.LIVE)] * (2 * PER_CALL))
    assert inference.shed == 0
    assert by.count("quick") == inference.fell_back > 0
    assert by[-1] == "chosen"


async def test_only_what_the_quick_model_cannot_do_either_is_shed(models: tuple[Model, Model], tmp_path: Path) -> None:
    inference = Inference(models[0], slow_model(tmp_path, name="as slow"), threads=1, queue_ms=50)
    by = await scored(inference, [(n, Urgency.LIVE) for n in range(30)])
    assert by.count(None) == inference.shed > 10
    assert by[-1] is not None  # the oldest go, the newest is still worth something
    inference.close()


@settings(max_examples=15, deadline=None)
@given(jobs=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Urgency)), min_size=1, max_size=12))
def test_whatever_comes_every_final_is_read_once_by_a_model_that_may(
    models: tuple[Model, Model], jobs: list[tuple[int, Urgency]]
) -> None:
    inference = Inference(*models, threads=2, queue_ms=400)
    by = asyncio.run(scored(inference, jobs))
    inference.close()
    seen = Counter((urgency, model) for (_, urgency), model in zip(jobs, by, strict=True))
    assert seen[Urgency.LIVE, None] == seen[Urgency.STORED, None] == inference.shed == 0
    assert seen[Urgency.STORED, "quick"] == seen[Urgency.PROVISIONAL, "chosen"] == 0
    assert seen[Urgency.LIVE, "quick"] == inference.fell_back
    assert seen[Urgency.PROVISIONAL, None] == inference.skipped
