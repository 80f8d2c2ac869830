"""The arithmetic in deploy/README.md follows from what it says goes in, and from the code."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.paper import README, Paper, read, shown, size, written
from tests.store.records import segment
from undervoice.store.commits import unless_erased
from undervoice.store.documents import document_of


@pytest.fixture
def paper() -> Paper:
    return Paper(read(README.read_text()))


def test_the_readme_has_the_sums_of_what_goes_in() -> None:
    assert written(README.read_text()) == README.read_text(), "run make docs"


def test_twice_the_calls_are_twice_the_sums_and_no_other_limit(paper: Paper) -> None:
    twice = Paper(paper.given | {"live calls": 2 * paper.calls})
    assert twice.pods == pytest.approx(2 * paper.pods, abs=1)
    assert sum(twice.hour.values()) == pytest.approx(sum(paper.hour.values()))
    assert [dataclasses.astuple(one) for one in twice.limits] == [dataclasses.astuple(one) for one in paper.limits]


def test_a_cell_breaks_nothing(paper: Paper) -> None:
    assert 0 < paper.cell <= min(limit.calls for limit in paper.limits)


def test_a_reading_writes_what_a_commit_of_the_store_writes(paper: Paper) -> None:
    """Counted where they are made: each commit also sees to it that its calls are not erased."""

    class Client:
        def collection(self, _: str) -> Client:
            return self

        def document(self, _: str) -> Client:
            return self

        def write_option(self, **_: bool) -> None: ...

    class Write:
        deleted = 0

        def delete(self, *_: object) -> None:
            self.deleted += 1

    write = Write()
    unless_erased(Client(), write, [segment(0), segment(1)])
    assert write.deleted * 2 == paper.deletes  # once with the reading, once with its call's record
    assert paper.writes - paper.heard / paper.readings_a_call == pytest.approx(3, abs=0.02)


def test_what_is_told_and_kept_has_about_the_size_of_its_parts() -> None:
    document = document_of(segment(0))
    assert size(document) > sum(len(name) for name in document)
    assert 200 < len(shown()) < 600


def links() -> Iterator[tuple[str, Path]]:
    for place in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        yield place, README.parent / place


def test_what_the_readme_points_to_is_there() -> None:
    assert [place for place, path in links() if not path.exists()] == []
