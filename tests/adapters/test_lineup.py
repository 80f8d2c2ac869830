"""Two models serve together when they speak of the same labels in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import write_tiny_model
from undervoice.errors import BadModel
from undervoice.lineup import Lineup
from undervoice.messages import ModelInfo
from undervoice.model import Model


def test_two_models_have_their_roles_and_the_chosen_one_stands_at_the_top(tmp_path: Path) -> None:
    limits = ["Trained on acted speech."]
    chosen = write_tiny_model(tmp_path / "a", name="big", kind="log_mel", limits=limits, metrics={"uar": 0.7})
    lineup = Lineup.load([chosen, write_tiny_model(tmp_path / "b", name="small", seed=8)])
    cards = lineup.cards()
    assert [(card.name, card.role) for card in cards.models] == [
        ("big", "finals"),
        ("small", "provisionals and overload"),
    ]
    assert (cards.name, cards.sha256, cards.metrics) == ("big", lineup.chosen.sha256, {"uar": 0.7})
    assert cards.limits == cards.models[0].limits == limits
    assert cards.models[1].limits == []
    assert "not what a person feels" in cards.notice


def test_one_model_scores_everything(tiny: Path) -> None:
    lineup = Lineup.load([tiny])
    assert lineup.quick is None
    assert [card.role for card in lineup.cards().models] == ["everything"]
    assert isinstance(lineup.chosen.info(), ModelInfo)


@pytest.mark.parametrize(
    ("quick", "says"),
    [
        ({"name": "small", "labels": ("calm", "angry")}, "labels differ"),
        ({"name": "small", "upset_weights": {"angry": 0.5}}, "upset_weights differ"),
        ({"name": "tiny"}, "tell one from the other"),
    ],
)
def test_models_that_do_not_fit_together_are_refused_in_one_line(
    tmp_path: Path, tiny: Path, quick: dict[str, object], says: str
) -> None:
    folder = write_tiny_model(tmp_path / "quick", **quick)  # type: ignore[arg-type]
    with pytest.raises(BadModel, match=says) as refused:
        Lineup(Model.load(tiny), Model.load(folder))
    assert "\n" not in refused.value.message
