"""The models in service together, and what each of them scores."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from undervoice.errors import BadModel
from undervoice.model import Model
from undervoice.resources import ModelsInService, Role, ServedModel


@dataclass(frozen=True, slots=True)
class Lineup:
    """The chosen model, which scores finals, and a quick one for provisionals and overload.

    Alone, the chosen model scores everything. Two must speak of the same labels in the same way, since
    readings of one call may come from either.

    Raises:
        BadModel: when the two do not fit together.
    """

    chosen: Model
    quick: Model | None = None

    def __post_init__(self) -> None:
        if self.quick is not None and (wrong := _misfit(self.chosen, self.quick)):
            raise BadModel(f"{self.chosen.tag} and {self.quick.tag} cannot serve together: {wrong}")

    @classmethod
    def load(cls, folders: Sequence[Path]) -> Lineup:
        """Load the models of one or two folders, the chosen one first.

        Raises:
            BadModel: when one cannot be trusted, or two do not fit together.
        """
        lineup = cls(*map(Model.load, folders))
        _give_back()
        return lineup

    @property
    def models(self) -> tuple[Model, ...]:
        """All in service, the chosen one first."""
        return (self.chosen,) if self.quick is None else (self.chosen, self.quick)

    def cards(self) -> ModelsInService:
        """Return the chosen model's figures and terms, and those of all in service with their roles."""
        models = [_served(self.chosen, "finals" if self.quick else "everything")]
        if self.quick is not None:
            models.append(_served(self.quick, "provisionals and overload"))
        return ModelsInService(**msgspec.structs.asdict(self.chosen.card()), models=models)


def _give_back() -> None:
    """Let the system have what loading took and models do not need any more: glibc keeps it for this process."""
    with suppress(AttributeError, OSError, TypeError):  # other C libraries have no such call
        ctypes.CDLL(None).malloc_trim(0)


def _misfit(chosen: Model, quick: Model) -> str | None:
    if chosen.tag == quick.tag:
        return "readings could not tell one from the other"
    if chosen.labels != quick.labels:
        return f"their labels differ ({', '.join(chosen.labels)}; {', '.join(quick.labels)})"
    if chosen.upset_weights != quick.upset_weights:
        return "their upset_weights differ"
    return None


def _served(model: Model, role: Role) -> ServedModel:
    return ServedModel(**msgspec.structs.asdict(model.card()), role=role)
