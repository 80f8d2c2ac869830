"""However many calls have come and gone, and however they went, the server holds no more than before."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.processes import Process, process
from undervoice.live import RECENT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
USES = ("call", "lose", "be_refused", "resume", "post")
PLENTY = {"UNDERVOICE_REQUESTS_PER_SEC": "100000", "UNDERVOICE_UPLOAD_MB_PER_MIN": "1000000"}
KEPT_KB = 60
"""What may stay of a round, one use of each kind: the records of ended calls, of which the server keeps
the latest 4096 on purpose, and the allocator's own. One call that is never let go is more than that."""
RECORD_KB = 2.5
"""The record of one ended call."""
SETTLED_SEC = 1.5


def use(served: Process, names: tuple[str, ...], times: int) -> int:
    """Use a server in each way so many times in turn; return the memory that it holds then, in kilobytes."""
    for _ in range(times):
        for name in names:
            getattr(served, name)()
    time.sleep(SETTLED_SEC)  # calls whose connection was cut are still written down
    return served.rss_kb


def test_what_is_over_is_let_go(tmp_path: Path, tiny: Path) -> None:
    with process(tmp_path, tiny, **PLENTY) as served:
        use(served, USES, 20)
        before, rounds = use(served, USES, 20), 40
        after = use(served, USES, rounds)
    print(f"\na round keeps {(after - before) / rounds:.0f} KB")
    assert (after - before) / rounds < KEPT_KB


@pytest.mark.timeout(3600)
def test_memory_after_ten_thousand_calls_is_that_after_a_thousand(tmp_path: Path, tiny: Path, long: bool) -> None:
    if not long:
        pytest.skip("takes minutes: make fuzz")
    with process(tmp_path, tiny, **PLENTY) as served:
        early = use(served, ("call",), 1000)
        full = use(served, ("call",), 4000)
        late = use(served, ("call",), 5000)
    megabytes = ", ".join(f"{kilobytes / 1024:.1f}" for kilobytes in (early, full, late))
    print(f"\nmemory after 1,000, 5,000 and 10,000 calls: {megabytes} MB")
    assert late < 1.05 * full
    # In between, the records of the latest calls to end fill up, of which so many are kept on purpose.
    assert late < 1.05 * early + RECENT * RECORD_KB


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", USES[1:])
def test_memory_stays_however_calls_end(tmp_path: Path, tiny: Path, name: str, long: bool) -> None:
    if not long:
        pytest.skip("takes minutes: make fuzz")
    with process(tmp_path, tiny, **PLENTY) as served:
        early = use(served, (name,), 500)
        late = use(served, (name,), 1500)
    print(f"\nmemory, {name}: {early / 1024:.1f} MB after 500, {late / 1024:.1f} MB after 2,000")
    assert late < 1.05 * early + min(RECENT, 1500) * RECORD_KB
