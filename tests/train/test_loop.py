"""A training can be repeated, stopped and continued, and a teacher is heard where nobody labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

LABELS = ("angry", "neutral", "sad")


def n_of(label: str) -> int:
    return LABELS.index(label)


def lesson() -> Any:
    from train.corpora import Clip
    from train.examples import Heard
    from train.lessons import from_labels
    from train.recipe import CompactRecipe

    rng = np.random.default_rng(0)
    clips = [Clip(Path(f"{n}"), "made", f"s{n}", LABELS[n % 3]) for n in range(9)]
    heard = {}
    for clip in clips:
        # Told apart by how fast they beat: level and colour are taken out before a network hears anything.
        beat = np.sin(np.arange(rng.integers(60, 300)) * (0.1, 0.4, 1.2)[n_of(clip.label)])[:, None]
        piece = (4 * beat + rng.normal(0, 0.5, (len(beat), 40))).astype(np.float16)
        heard[clip.path] = Heard({"logfbank": [piece]}, [1.0])
    return from_labels("logfbank", clips, heard, LABELS, CompactRecipe())


def training(keep: Path | None = None, epochs: int = 3) -> Any:
    from train.compact import Compact
    from train.loop import Training
    from train.recipe import CompactRecipe

    torch.manual_seed(3)
    recipe, network = CompactRecipe(epochs=epochs, batch=4), Compact(LABELS, width=16)
    return Training(network, [{"params": list(network.parameters()), "lr": 1e-3}], lesson(), recipe, 5, keep)


def same(first: Any, second: Any) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_same_seed_makes_the_same_weights() -> None:
    assert same(training().run(), training().run())


class Stopped(Exception):
    pass


def test_a_stopped_training_goes_on_to_what_an_unbroken_one_gives(tmp_path: Path) -> None:
    def stop(epoch: int, loss: float) -> None:
        if epoch == 2:
            raise Stopped

    with pytest.raises(Stopped):
        training(tmp_path / "kept").run(after=stop)
    continued = training(tmp_path / "kept")
    assert continued.epoch == 2
    assert same(continued.run(), training().run())


def test_what_was_kept_of_another_training_is_not_continued(tmp_path: Path) -> None:
    training(tmp_path / "kept").run()
    assert training(tmp_path / "kept", epochs=4).epoch == 0


def test_a_network_learns_what_can_be_learned() -> None:
    from train.scoring import score_pieces

    made = training(epochs=40).run()
    takes = lesson().takes
    logits = score_pieces(made, [each[0].features for each in takes])
    assert (logits.argmax(axis=1) == [each[0].target.argmax() for each in takes]).mean() > 0.9


def test_a_teacher_is_mixed_with_labels_and_alone_where_there_is_none() -> None:
    from train.lessons import blend, spread_target
    from train.recipe import CompactRecipe

    recipe, opinion = CompactRecipe(teacher=0.75, smoothing=0.0), np.array([0.2, 0.5, 0.3], np.float32)
    assert blend(opinion, "", LABELS, recipe) is opinion
    assert blend(opinion, "angry", LABELS, recipe) == pytest.approx([0.4, 0.375, 0.225])
    assert spread_target("sad", LABELS, 0.3) == pytest.approx([0.1, 0.1, 0.8])
