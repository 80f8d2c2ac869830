"""One replica's chain of an audit log, open for its next lines (see ``chains.py`` for how it lies on disk)."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from undervoice.chains import GENESIS, HEAD, Finding, HeadKeys, files_of, inspect, line_of, replicas


class Ledger:
    """One replica's chain, open for its next lines."""

    def __init__(self, folder: Path, replica: str, keys: HeadKeys, lock: int, found: Finding) -> None:
        self.replica = replica
        self.recovered = found.unsigned
        """Lines after the signed head that an earlier process left behind."""
        self._folder, self._keys, self._lock = folder, keys, lock
        self._seq, self._last = found.seq, found.last
        self._day = found.files[-1].stem[-10:] if found.files else ""
        if found.partial:
            os.truncate(found.files[-1], found.whole_bytes)
        # There is a head before there are lines, and one of the secret in force before the next change of it.
        self._sign(*((found.head.seq, found.head.hash) if found.head else (0, GENESIS)))

    @classmethod
    def open(cls, folder: Path, keys: HeadKeys) -> tuple[Ledger, list[str]]:
        """Go on with a chain of the folder that nobody else writes, or begin one; tell which were found broken.

        Raises:
            OSError: the folder cannot be used.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        broken: list[str] = []
        for replica in replicas(folder):
            with contextlib.ExitStack() as held:
                lock = _lock(folder / f"{replica}.lock")
                if lock is None:
                    continue
                held.callback(os.close, lock)
                found = _tail(folder, replica, keys)
                if found.broken is None:
                    ledger = cls(folder, replica, keys, lock, found)
                    held.pop_all()  # it is the ledger's now
                    return ledger, broken
                broken.append(found.broken)
        return cls._begin(folder, keys), broken

    @classmethod
    def _begin(cls, folder: Path, keys: HeadKeys) -> Ledger:
        replica = secrets.token_hex(4)
        path = folder / f"{replica}.lock"
        lock = _lock(path)
        if lock is None:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
        try:
            return cls(folder, replica, keys, lock, Finding(replica))
        except OSError:
            os.close(lock)
            path.unlink()
            raise

    def append(self, lines: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Write lines (when, what) and then the head that signs them; on return they are on disk.

        Raises:
            OSError: nothing is told to be written; open the ledger anew.
        """
        self._day = max(self._day, lines[0][0][:10])  # a clock that is set back does not reorder files
        seq, last, data = self._seq, self._last, b""
        for time, what in lines:
            seq += 1
            raw, last = line_of({"seq": seq, "time": time, "replica": self.replica, **what, "previous": last})
            data += raw
        path = self._folder / f"{self.replica}-{self._day}.jsonl"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            before = os.fstat(handle).st_size
            try:
                _write(handle, data)
                self._sign(seq, last)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        self._seq, self._last = seq, last

    def close(self) -> None:
        """Let another process go on with the chain."""
        os.close(self._lock)

    def _sign(self, seq: int, last: str) -> None:
        path = self._folder / f"{self.replica}{HEAD}"
        draft = path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(handle, msgspec.json.encode(self._keys.sign(self.replica, seq, last)) + b"\n")
            os.replace(draft, path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)


def _tail(folder: Path, replica: str, keys: HeadKeys) -> Finding:
    """Look at as many of the newest files as it takes to find the signed line."""
    for newest in range(1, len(files_of(folder, replica))):
        found = inspect(folder, replica, keys, newest=newest)
        if found.broken is None or (found.lines and found.head and found.seq - found.lines < found.head.seq):
            return found
    return inspect(folder, replica, keys)


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)


def _lock(path: Path) -> int | None:
    """Return a hold on a chain that ends with the process, or ``None`` while somebody else has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
