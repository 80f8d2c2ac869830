"""A clip that is streamed gives the figures of ``undervoice evaluate``: what is judged is what is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.servers import Server, finals
from undervoice.lineup import Lineup
from undervoice.places import model_folders

pytest.importorskip("torch")

from train.corpora import Clip, default_data, read_data, read_samples
from train.served import answers
from undervoice.errors import BadInput

CLIPS = 50
WITHIN = 1e-5


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    try:
        data = default_data()
    except BadInput as error:
        pytest.skip(f"needs the labelled speech: {error.message}")
    everything = read_data([data / name for name in ("ravdess", "emodb", "nemo")])
    return everything[:: len(everything) // CLIPS][:CLIPS]


def streamed(server: Server, clip: Clip, number: int) -> np.ndarray:
    """Return a clip's probabilities as a caller's, its segments weighted by duration."""
    pcm = read_samples(clip.path).astype("<i2").tobytes()
    readings = finals(server.call(f"clip-{number}", pcm, config={"live": False}))
    seconds = np.array([reading["end_offset_sec"] - reading["start_offset_sec"] for reading in readings])
    rows = np.array([list(reading["all_emotions_confidence"].values()) for reading in readings])
    return seconds @ rows / seconds.sum() if len(rows) else np.full(7, np.nan)


@pytest.mark.data
def test_fifty_clips_streamed_give_the_figures_of_evaluate(serve: object, clips: list[Clip], tmp_path: Path) -> None:
    folders = model_folders("auto")
    lineup = Lineup.load(folders)
    server: Server = serve(model=lineup.chosen, quick=lineup.quick)  # type: ignore[operator]
    judged = [list(answer.probabilities.values()) for answer in answers(folders[0], clips)]
    called = [streamed(server, clip, number) for number, clip in enumerate(clips)]
    compared = [(ours, theirs) for ours, theirs in zip(judged, called, strict=True) if np.isfinite(theirs).all()]
    # A clip too short to be a segment has a reading when it is judged, and none in a call.
    assert len(compared) >= CLIPS - 3
    worst = max(float(np.abs(np.array(ours) - theirs).max()) for ours, theirs in compared)
    assert worst <= WITHIN
