"""Small files of the operator's that count as soon as they are changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from undervoice.errors import BadSettings

log = logging.getLogger("undervoice.auth")

T = TypeVar("T")
LONGEST_FILE = 16 * 1024 * 1024
"""Bytes; whoever may write the file means well, but may name the wrong one."""


class Watched(Generic[T]):
    """One file's meaning, read again whenever it has changed."""

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path, self._parse = path, parse
        self._seen = self._mark()
        try:
            self._value = self._read()
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise BadSettings(f"{path} cannot be used: {reason}") from None

    def current(self) -> T:
        """Return what the file says now; one that cannot be read leaves what it said last in force."""
        if (mark := self._mark()) != self._seen:
            self._seen = mark  # of a bad file too, so that it is complained of once
            try:
                self._value = self._read()
            except (OSError, ValueError) as error:
                log.warning("%s cannot be used, what it said before holds: %s", self._path.name, type(error).__name__)
        return self._value

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> T:
        with self._path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise ValueError(f"it is larger than {LONGEST_FILE} bytes")
        return self._parse(content)
