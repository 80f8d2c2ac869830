"""Reading an audit log from its newest line back, as far as is asked for and no further than is bearable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec

from undervoice.chains import files_of, replicas
from undervoice.resources import AuditLine, CallAudit

BLOCK_BYTES = 1 << 20
MOST_BYTES = 256 << 20
"""What one look reads at most: some 700,000 lines."""


class Line(AuditLine, frozen=True, kw_only=True):
    """A line as far as it has to be understood to be found."""

    call_id: str | None = None
    replica: str = ""
    seq: int = 0


_decode = msgspec.json.Decoder(Line).decode


def lines_of_call(folder: Path, call_id: str, limit: int) -> CallAudit:
    """Return the newest lines about a call, of all chains in a folder; intact or not is not looked at.

    Raises:
        OSError: the folder cannot be read.
    """
    looked = Looked()
    found: list[Line] = []
    files = [path for replica in replicas(folder) for path in files_of(folder, replica)]
    for _, of_day in groupby(sorted(files, key=_day, reverse=True), key=_day):
        for path in of_day:
            found += looked.at(path, call_id, limit + 1)
        if len(found) > limit or looked.enough:
            break
    found.sort(key=lambda line: (line.time, line.replica, line.seq), reverse=True)
    fields = AuditLine.__struct_fields__
    items = [AuditLine(**{name: getattr(line, name) for name in fields}) for line in found[:limit]]
    return CallAudit(call_id, items, complete=len(found) <= limit and not looked.enough)


def _day(path: Path) -> str:
    return path.stem[-10:]


class Looked:
    """How much of a log has been read for one answer."""

    def __init__(self) -> None:
        self._bytes = 0

    @property
    def enough(self) -> bool:
        """Whether no more is read."""
        return self._bytes >= MOST_BYTES

    def at(self, path: Path, call_id: str, limit: int) -> list[Line]:
        """Return a file's newest lines about a call."""
        found: list[Line] = []
        needle = b'"call_id":' + msgspec.json.encode(call_id)
        for raw in self._lines(path, needle):
            try:
                line = _decode(raw)
            except msgspec.DecodeError:
                continue  # it is being written, or was changed
            if line.call_id == call_id:
                found.append(line)
            if len(found) == limit:
                break
        return found

    def _lines(self, path: Path, needle: bytes) -> Iterator[bytes]:
        """Yield the lines that hold the needle, from the last to the first."""
        rest = b""
        with path.open("rb") as file:
            place = file.seek(0, os.SEEK_END)
            while place and not self.enough:
                size = min(BLOCK_BYTES, place)
                place = file.seek(place - size)
                self._bytes += size
                block = file.read(size) + rest
                if needle not in block:  # as a rule: then nothing has to be taken apart
                    rest = block.partition(b"\n")[0]
                    continue
                rest, *whole = block.split(b"\n")
                yield from (raw for raw in reversed(whole) if needle in raw)
        if not place and needle in rest:
            yield rest
