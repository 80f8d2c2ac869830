"""The decoders under atheris, which looks for bytes that reach code not reached before.

``python -m tests.fuzz.guided [SECONDS]`` runs each target in a process of its own for so long; where
atheris has no wheel it says so, and ``test_decoders`` with chance bytes has to do.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 20
LONGEST = 65_536
"""Bytes of an input."""


def main(arguments: list[str]) -> int:
    """Run every target; return how many fail."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris has no wheel for this Python: the decoders got chance bytes alone")
        return 0
    seconds = int(arguments[0]) if arguments else SECONDS
    from tests.fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory() as folder:
        return sum(not _explore(name, seconds, Path(folder) / name) for name in TARGETS)


def _explore(name: str, seconds: int, corpus: Path) -> bool:
    corpus.mkdir()
    command = [sys.executable, "-m", "tests.fuzz.guided", "--target", name, str(corpus)]
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=2048"]
    where = ["-print_final_stats=1", f"-artifact_prefix={corpus}/"]
    ran = subprocess.run([*command, *limits, *where], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    said = re.search(r"number_of_executed_units:\s*(\d+)", ran.stderr)
    found = re.findall(r"cov: (\d+)", ran.stderr)
    cases, edges = int(said[1]) if said else 0, found[-1] if found else "?"
    print(f"guided {name}: {cases:,} cases in {seconds} s, {edges} edges", "" if ran.returncode == 0 else "FAILED")
    if ran.returncode:
        print(ran.stdout[-3000:], ran.stderr[-3000:], sep="\n")
    return ran.returncode == 0


def _one(name: str, corpus: str, *flags: str) -> None:
    """Run one target in this process, until its time is over or it fails."""
    import atheris

    with atheris.instrument_imports(include=["undervoice"]):
        from tests.fuzz.targets import TARGETS, refused
    target, seeds = TARGETS[name]
    for number, seed in enumerate(seeds()):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)

    def take(data: bytes) -> None:
        refused(target, data)

    atheris.Setup([sys.argv[0], corpus, *flags], take)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--target"]:
        _one(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
