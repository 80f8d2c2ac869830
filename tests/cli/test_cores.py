"""Work is shared among processes, and its results come in order, once each."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from undervoice.cli.cores import START_SEC, shared


def remember(path: Path) -> None:
    path.with_name(f"{os.getpid()}").touch()


@pytest.mark.parametrize("parts", [list(range(40)), [5], []])
def test_results_come_in_order_whoever_made_them(parts: list[int], tmp_path: Path) -> None:
    with shared(math.factorial, parts, 2 * START_SEC, remember, tmp_path / "helper") as results:
        assert list(results) == [math.factorial(part) for part in parts]
    assert len(list(tmp_path.iterdir())) == max(0, min(os.cpu_count() or 1, len(parts)) - 1)


SCRIPT = """
import math, threading
from undervoice.cli.cores import START_SEC, shared
if __name__ == "__main__":
    ended = threading.Event()
    {thread}
    with shared(math.factorial, list(range(9)), 2 * START_SEC, int) as results:
        print(list(results) == [math.factorial(part) for part in range(9)])
    ended.set()
"""


@pytest.mark.parametrize("thread", ["", "threading.Thread(target=ended.wait).start()"], ids=["alone", "with a thread"])
def test_work_is_shared_also_by_who_has_threads(thread: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(thread=thread))
    command = [sys.executable, "-W", "error", str(script)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.stdout.strip(), finished.stderr) == ("True", "")


def test_a_little_work_starts_no_process(tmp_path: Path) -> None:
    with shared(math.factorial, [3, 4], START_SEC / 2, remember, tmp_path / "helper") as results:
        assert list(results) == [6, 24]
    assert not list(tmp_path.iterdir())


def test_who_has_seen_enough_need_not_wait_for_the_rest(tmp_path: Path) -> None:
    with shared(math.factorial, list(range(1_000)), 2 * START_SEC, remember, tmp_path / "helper") as results:
        assert next(results) == 1


def test_what_a_part_raises_is_raised_in_its_turn(tmp_path: Path) -> None:
    with shared(math.factorial, [1, 2, -1, 3], 2 * START_SEC, remember, tmp_path / "helper") as results:
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(ValueError, match="negative"):
            next(results)
