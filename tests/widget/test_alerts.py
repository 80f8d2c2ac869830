"""The server's own alerts are in the meter's tables, word for word, so that they can be told in every language."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import undervoice

WORDS = Path(__file__).parents[2] / "widget" / "src" / "words"
RULES = tomllib.loads((Path(undervoice.__file__).parent / "rules.toml").read_text())
OF_THE_LINE = {"too_quiet", "clipping", "noisy_line"}
"""What the meter tells by itself, beside the level."""


def table(language: str) -> dict[str, str]:
    """Return what a language calls the server's alerts, by rule."""
    found = re.search(r"\n  alerts: \{\n(.*?)\n  \}", (WORDS / f"{language}.js").read_text(), re.DOTALL)
    assert found
    lines = re.findall(r"^ +(\w+): (['\"])(.*)\2,$", found[1], re.MULTILINE)
    return {rule: text for rule, _, text in lines}


def test_english_says_what_the_rules_say() -> None:
    assert table("en") == {rule: said["message"] for rule, said in RULES.items() if rule not in OF_THE_LINE}


@pytest.mark.parametrize("language", ["de", "es"])
def test_other_languages_say_each_of_them(language: str) -> None:
    told, english = table(language), table("en")
    assert told.keys() == english.keys()
    assert not set(told.values()) & set(english.values())
