"""What a frozen encoder hears is computed once, and heads learn from it what an accurate network answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.made import write_corpus, write_weights

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from train.corpora import read_data

    return read_data([write_corpus(tmp_path_factory.mktemp("data"), 4)])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "encoder.npz", width=64)


def workshop(weights: Path, folder: Path | None) -> Any:
    from train.examples import Store
    from train.workshop import Workshop

    return Workshop(Store(folder, workers=1), weights)


def test_heads_learn_from_vectors_and_the_encoder_stays_as_it_was(clips: Any, weights: Path, tmp_path: Path) -> None:
    made = workshop(weights, tmp_path)
    labels = ("angry", "neutral", "sad")
    network = made.make_accurate(clips, labels)
    before = made.blank("accurate", labels).encoder.state_dict()
    assert all(torch.equal(before[name], value) for name, value in network.encoder.state_dict().items())
    vectors = made.hearing(network).variants(clips, 4, 7)
    right = [
        network.opinions(torch.from_numpy(vectors[c.path])).mean(0).argmax(1) == labels.index(c.label) for c in clips
    ]
    assert torch.cat(right).float().mean() > 0.8


def test_what_was_heard_is_kept_and_the_same_as_hearing_it_again(clips: Any, weights: Path, tmp_path: Path) -> None:
    labels = ("angry", "neutral", "sad")
    first = workshop(weights, tmp_path)
    network = first.blank("accurate", labels)
    heard = first.hearing(network).segments(clips)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("vectors-*")}
    assert len(files) == 1
    again = workshop(weights, tmp_path).hearing(network).segments(clips)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    alone = workshop(weights, None).hearing(network).segments(clips)
    for path, rows in heard.items():
        assert np.array_equal(rows, again[path])
        assert np.allclose(rows, alone[path], atol=1e-5)


def test_judging_from_vectors_is_judging_the_whole_network(clips: Any, weights: Path, tmp_path: Path) -> None:
    from train.scoring import say_of

    made = workshop(weights, tmp_path)
    network = made.blank("accurate", ("angry", "neutral", "sad")).eval()
    whole = say_of(network, network.kind, clips, made.store.segments(clips))
    assert np.allclose(made.judge(network, clips).logits, whole.logits, atol=1e-4)


def test_what_is_known_of_a_label_goes_where_the_label_now_stands(weights: Path) -> None:
    made = workshop(weights, None)
    old, new = made.blank("accurate", ("a", "b", "c")), made.blank("accurate", ("c", "new", "a"))
    new.begin_from(old)
    vectors = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (5, 128)).astype(np.float32))
    theirs, ours = old.eval().opinions(vectors), new.eval().opinions(vectors)
    assert torch.allclose(ours[:, :, 0], theirs[:, :, 2])
    assert torch.allclose(ours[:, :, 2], theirs[:, :, 0])
