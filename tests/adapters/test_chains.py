"""The audit log on disk: chains that show every change, and what a killed process leaves behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undervoice.chains import HeadKeys, files_of, inspect, replicas
from undervoice.ledger import Ledger

KEYS = HeadKeys("a secret that is longer than 32 bytes")
DAYS = ("2026-05-24", "2026-05-25", "2026-05-26")


def write(folder: Path, *, days: tuple[str, ...] = DAYS, lines: int = 4) -> str:
    """Write a chain of some days and return its name."""
    ledger, _ = Ledger.open(folder, KEYS)
    for day in days:
        ledger.append([(f"{day}T10:00:0{n}Z", {"action": "read_call", "call_id": f"c-{n}"}) for n in range(lines)])
    ledger.close()
    return ledger.replica


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the chains of two replicas."""
    folder = tmp_path_factory.mktemp("audit")
    first, _ = Ledger.open(folder, KEYS)  # holds its chain, so that the other gets one of its own
    write(folder)
    first.append([(f"{DAYS[0]}T11:00:00Z", {"action": "read_logs"})])
    first.close()
    assert len(replicas(folder)) == 2
    return folder


# ---------------------------------------------------------------- tampering

Lines = list[bytes]


def changed(lines: Lines, where: int, what: int) -> Lines:
    line = bytearray(lines[where])
    line[what % len(line)] ^= 1 + what % 255
    return [*lines[:where], bytes(line), *lines[where + 1 :]]


def removed(lines: Lines, where: int, _: int) -> Lines:
    return lines[:where] + lines[where + 1 :]


def moved(lines: Lines, where: int, what: int) -> Lines:
    rest = lines[:where] + lines[where + 1 :]
    place = what % len(lines)
    return [*rest[:place], lines[where], *rest[place:]]


def repeated(lines: Lines, where: int, what: int) -> Lines:
    place = what % (len(lines) + 1)
    return [*lines[:place], lines[where], *lines[place:]]


def cut_off(lines: Lines, where: int, _: int) -> Lines:
    return lines[:where]


def cut_within(lines: Lines, where: int, what: int) -> Lines:
    return [*lines[:where], lines[where][: what % len(lines[where])]]


Mutation = Callable[[Lines, int, int], Lines]
MUTATIONS: list[Mutation] = [changed, removed, moved, repeated, cut_off, cut_within]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MUTATIONS), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_whatever_is_done_to_the_lines_of_a_chain_is_found(
    original: Path, mutation: Mutation, which: int, where: int, what: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "log"
        shutil.copytree(original, folder)
        paths = sorted(folder.glob("*.jsonl"))
        path = paths[which % len(paths)]
        before = path.read_bytes()
        lines = before.splitlines(keepends=True)
        after = b"".join(mutation(lines, where % len(lines), what))
        path.write_bytes(after)
        broken = [found.broken for found in (inspect(folder, replica, KEYS) for replica in replicas(folder))]
        assert sum(one is not None for one in broken) == (after != before), broken


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_files_that_are_missing_or_exchanged_are_found(original: Path, which: int, exchange: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "log"
        shutil.copytree(original, folder)
        paths = sorted([*folder.glob("*.jsonl"), *folder.glob("*.head")])
        path, other = paths[which % len(paths)], paths[(which + 1) % len(paths)]
        if exchange:
            kept = path.read_bytes()
            path.write_bytes(other.read_bytes())
            other.write_bytes(kept)
        else:
            path.unlink()
        assert any(inspect(folder, replica, KEYS).broken for replica in replicas(folder))


def test_a_chain_that_was_made_anew_needs_the_secret(original: Path, tmp_path: Path) -> None:
    forger = HeadKeys("another secret of more than 32 bytes")
    ledger, _ = Ledger.open(tmp_path, forger)
    ledger.append([(f"{DAYS[0]}T10:00:00Z", {"action": "read_call"})])
    ledger.close()
    assert inspect(tmp_path, ledger.replica, forger).broken is None
    assert "not signed" in str(inspect(tmp_path, ledger.replica, KEYS).broken)


def test_who_finds_a_broken_chain_leaves_it_and_begins_another(tmp_path: Path) -> None:
    replica = write(tmp_path)
    path = files_of(tmp_path, replica)[-1]
    path.write_bytes(path.read_bytes()[:-40])
    kept = path.read_bytes()
    ledger, broken = Ledger.open(tmp_path, KEYS)
    ledger.close()
    assert ledger.replica != replica
    assert len(broken) == 1
    assert path.read_bytes() == kept


def test_the_previous_secrets_chain_goes_on_under_the_new_one(tmp_path: Path) -> None:
    replica = write(tmp_path)
    newer = "the newer secret, longer than 32 bytes"
    ledger, broken = Ledger.open(tmp_path, HeadKeys(newer, "a secret that is longer than 32 bytes"))
    ledger.close()
    assert (ledger.replica, broken) == (replica, [])
    assert inspect(tmp_path, replica, HeadKeys(newer)).broken is None


def test_a_clock_that_is_set_back_does_not_break_the_chain(tmp_path: Path) -> None:
    replica = write(tmp_path, days=(DAYS[1], DAYS[0], DAYS[2]))
    found = inspect(tmp_path, replica, KEYS)
    assert (found.broken, found.lines, len(found.files)) == (None, 12, 2)


# ---------------------------------------------------------------- a process that was killed


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([DAYS[0], DAYS[1]]))
def test_what_a_killed_process_leaves_behind_is_told_and_goes_on(cut: int, day: str) -> None:
    """It dies after any byte of a batch whose head is not written: on the same day, or in the first of the next."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        replica = write(folder, days=DAYS[:1])
        head = (folder / f"{replica}.head").read_bytes()
        before = {path: path.read_bytes() for path in files_of(folder, replica)}
        write(folder, days=(day,))
        (folder / f"{replica}.head").write_bytes(head)
        path = files_of(folder, replica)[-1]
        kept, whole = before.get(path, b""), path.read_bytes()
        left = whole[: len(kept) + cut % (len(whole) - len(kept) + 1)]
        path.write_bytes(left)
        found = inspect(folder, replica, KEYS)
        unsigned = left[len(kept) :].count(b"\n")
        assert (found.broken, found.unsigned, found.partial) == (
            None,
            unsigned,
            not left.endswith(b"\n") and left != b"",
        )
        ledger, broken = Ledger.open(folder, KEYS)
        assert (ledger.replica, ledger.recovered, broken) == (replica, unsigned, [])
        ledger.append([(f"{DAYS[2]}T10:00:00Z", {"action": "read_call"})])
        ledger.close()
        found = inspect(folder, replica, KEYS)
        assert (found.broken, found.lines, found.unsigned, found.partial) == (None, 4 + unsigned + 1, 0, False)
