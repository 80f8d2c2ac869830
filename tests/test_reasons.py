"""No security rule of the linter is silenced without a reason beside it."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_every_silenced_security_rule_has_a_reason() -> None:
    silenced = [
        (path.relative_to(REPOSITORY), number, line.strip())
        for folder in ("server", "models")
        for path in (REPOSITORY / folder).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"noqa(:[^-]*\bS\d|\s*$)", line)
    ]
    assert silenced, "there are some"
    assert [entry for entry in silenced if not re.search(r"noqa: [A-Z0-9, ]+ -{1,2} \w+", entry[2])] == []
