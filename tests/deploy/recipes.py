"""What the Dockerfile says, stage by stage."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from undervoice.places import REPOSITORY

DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"


@dataclass
class Stage:
    """One ``FROM`` and what follows it."""

    name: str
    instructions: dict[str, list[str]] = field(default_factory=dict)
    """The words behind each instruction, in their order."""
    defaults: dict[str, str] = field(default_factory=dict)
    """Arguments of the build, those before the first stage too."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        words = [word for line in self.instructions.get("ENV", []) for word in shlex.split(line)]
        return dict(word.split("=", 1) for word in words)


def stages() -> list[Stage]:
    """Return the stages, the last of which runs."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    found: list[Stage] = []
    given: dict[str, str] = {}
    for instruction in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        verb, _, words = instruction.partition(" ")
        match verb:
            case "ARG":
                name, _, value = words.partition("=")
                (found[-1].defaults if found else given)[name] = value
            case "FROM":
                found.append(Stage(words.partition(" AS ")[2], defaults=dict(given)))
            case str() if verb:
                found[-1].instructions.setdefault(verb, []).append(words)
    return found
