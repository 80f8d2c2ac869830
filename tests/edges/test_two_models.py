"""Two models in one service: who scores what is told with each reading."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile

from tests.servers import Serve, Server, finals, of_type
from tests.tiny import write_tiny_model
from tests.voices import sentence
from undervoice.model import Model

SPEECH = sentence(0.5, 6.0, 1.0)


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Server:
    chosen = write_tiny_model(tmp_path / "a", name="big", kind="log_mel", limits=["Acted speech only."])
    quick = write_tiny_model(tmp_path / "b", name="small", version="3", seed=8)
    return serve(model=Model.load(chosen), quick=Model.load(quick))


def test_finals_are_the_chosen_models_and_provisionals_the_quick_ones(server: Server) -> None:
    messages = server.call("c-1", SPEECH.tobytes())
    assert messages[0]["model"]["name"] == "big"
    assert {reading["model"] for reading in finals(messages)} == {"big@1"}
    provisionals = [reading for reading in of_type(messages, "emotion") if not reading["final"]]
    assert {reading["model"] for reading in provisionals} <= {"small@3"}


def test_a_clip_and_a_stored_call_are_scored_alike_by_the_chosen_model(server: Server) -> None:
    config = {"live": False, "provisional_ms": 0}
    streamed = finals(server.call("c-1", SPEECH.tobytes(), config=config))
    file = io.BytesIO()
    soundfile.write(file, SPEECH, 16_000, format="WAV")
    with server.http() as http:
        clip = http.post("/api/v1/analyze/stream?store=false", content=file.getvalue()).json()
    assert {clip["model"], *(segment["model"] for segment in clip["segments"])} == {"big@1"}
    for ours, theirs in zip(clip["segments"], streamed, strict=True):
        assert ours["all_emotions_confidence"] == pytest.approx(theirs["all_emotions_confidence"], abs=1e-5)


def test_the_models_and_what_they_are_for_can_be_asked(server: Server) -> None:
    with server.http("agent") as http:
        told = http.get("/api/v1/model").json()
    assert (told["name"], told["version"], len(told["labels"])) == ("big", "1", 7)
    assert [(model["name"], model["role"]) for model in told["models"]] == [
        ("big", "finals"),
        ("small", "provisionals and overload"),
    ]
    assert told["limits"] == ["Acted speech only."]
    assert told["licence"] == told["models"][1]["licence"] == "Apache-2.0"
    assert told["notice"] == "A reading estimates how speech sounds, not what a person feels."
