"""Which keys and tokens no longer count, though their signature is right."""

from __future__ import annotations

from pathlib import Path

from undervoice.watched import Watched


def parse_revoked(content: bytes) -> frozenset[str]:
    """Return the ids of a revocation file: one a line; ``#`` begins a remark.

    Raises:
        ValueError: for what is no text.
    """
    lines = (line.partition("#")[0].strip() for line in content.decode("utf-8").splitlines())
    return frozenset(line for line in lines if line)


class Revocations:
    """Asks the operator's file, where there is one; a change counts at the next question."""

    def __init__(self, path: Path | None) -> None:
        self._file = Watched(path, parse_revoked) if path else None

    def cover(self, key_id: str, token_id: str) -> bool:
        """Whether a key, or one token, has been revoked."""
        revoked = self._file.current() if self._file else frozenset()
        return key_id in revoked or token_id in revoked
