"""What a live call's client keeps: all that it sent, or will send, after the newest checkpoint.

A log without I/O. Places are call samples at 16 kHz, multiples of 160. What is read from it is what goes
over the wire, the first time as after a lost connection, so that both are the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from undervoice.audio import AudioFormat
from undervoice.emotion import GRID, SAMPLE_RATE
from undervoice.messages import Discarded, Flush, Pause, ResumeAudio, Stop

KEPT_SEC = 30
"""Audio older than this is lost when it has to be sent again (protocol §1)."""

Event = Pause | ResumeAudio | Flush | Stop
Sent = bytes | Discarded | Event


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry: where it stands, and by how many samples it moves the call's clock."""

    start: int
    samples: int
    sent: Sent
    lost: bool = False
    """Audio that is no longer here; the server is told of the gap instead."""

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.start + self.samples


class Kept:
    """The log of one call. Its entries are numbered, so that a reader may come back for more."""

    def __init__(self, audio: AudioFormat, most_sec: float = KEPT_SEC) -> None:
        self._block_bytes = audio.block * audio.frame_bytes
        self._most = round(most_sec * SAMPLE_RATE)
        self._pieces: deque[Piece] = deque()
        self._first = 0
        """The number of the oldest piece."""
        self._trimmed = 0
        """The number of the oldest piece that may still be too old to keep."""
        self._carry = b""
        """Audio that does not fill 10 ms yet; as on the server, it leads what follows."""
        self._told_lost = 0
        self.position = 0
        """The place up to which audio was taken or discarded."""
        self.lost = 0
        """Samples of audio that had to be told as discarded, since they were too old to keep."""

    @property
    def kept(self) -> int:
        """Samples of audio that are here."""
        return sum(piece.samples for piece in self._pieces if isinstance(piece.sent, bytes))

    # ------------------------------------------------------------ what happens in the call

    def take(self, data: bytes) -> None:
        """Append audio in the call's format, of any size."""
        data = self._carry + data
        whole = len(data) - len(data) % self._block_bytes
        self._carry = data[whole:]
        if whole:
            self._append(data[:whole], whole // self._block_bytes * GRID)

    def discard(self, samples: int) -> None:
        """Append audio that is not sent, a multiple of 160 samples: the clock moves on without it."""
        self._append(Discarded(samples), samples)

    def note(self, event: Event) -> None:
        """Append something that the client said at this place."""
        if isinstance(event, Stop) and self._carry:
            self._append(self._carry, 0)  # nothing follows that it could lead
            self._carry = b""
        self._append(event, 0)

    def _append(self, sent: Sent, samples: int) -> None:
        self._pieces.append(Piece(self.position, samples, sent))
        self.position += samples
        self._trim()

    def _trim(self) -> None:
        """Let go of audio that is too old."""
        while (at := self._trimmed - self._first) < len(self._pieces):
            piece = self._pieces[at]
            if piece.start >= self.position - self._most:
                return
            if isinstance(piece.sent, bytes):
                self._pieces[at] = Piece(piece.start, piece.samples, Discarded(piece.samples), lost=True)
            self._trimmed += 1

    # ------------------------------------------------------------ what the server says

    def forget(self, sample: int) -> None:
        """Let go of what lies before a checkpoint.

        What was said at that very place stays: the checkpoint may be older, and hearing it twice harms nothing.
        """
        sample -= sample % GRID
        while self._pieces and self._pieces[0].start < sample and self._pieces[0].end <= sample:
            self._pieces.popleft()
            self._first += 1
        if self._pieces and self._pieces[0].start < sample:
            self._pieces[0] = self._tail(self._pieces[0], sample)
        self._trimmed = max(self._trimmed, self._first)

    def _tail(self, piece: Piece, sample: int) -> Piece:
        rest = piece.end - sample
        if isinstance(piece.sent, bytes):
            return Piece(sample, rest, piece.sent[(sample - piece.start) // GRID * self._block_bytes :])
        return Piece(sample, rest, Discarded(rest), piece.lost)

    def rewind(self, sample: int) -> int:
        """Return the number from which on to read for a server that goes on from ``sample``."""
        sample -= sample % GRID
        self.forget(sample)
        gap = (self._pieces[0].start if self._pieces else self.position) - sample
        if gap > 0:
            self._pieces.appendleft(Piece(sample, gap, Discarded(gap), lost=True))
            self._first -= 1
        return self._first

    # ------------------------------------------------------------ what goes over the wire

    def read(self, number: int) -> tuple[int, Sent] | None:
        """Return the number to go on with and what to send now; nothing while there is no more."""
        at = max(0, number - self._first)
        if at >= len(self._pieces):
            return None
        piece = self._pieces[at]
        if not piece.lost:
            return self._first + at + 1, piece.sent
        end = piece.start
        while at < len(self._pieces) and self._pieces[at].lost:
            end = self._pieces[at].end
            at += 1
        self.lost += max(0, end - max(piece.start, self._told_lost))
        self._told_lost = max(end, self._told_lost)
        return self._first + at, Discarded(end - piece.start)
