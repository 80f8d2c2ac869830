"""One live call of a load, by hand on a bare socket: writes what was built beforehand, reads as little as it can."""

from __future__ import annotations

import socket
from array import array
from typing import Any, Literal

from websockets.frames import Opcode

from undervoice.cli.bench_frames import STOP, Script, masked
from undervoice.cli.bench_tally import Said, Tally, decode
from undervoice.emotion import SAMPLE_RATE

State = Literal["connecting", "upgrading", "starting", "idle", "talking", "stopping", "held", "refused", "lost"]
ENDED = ("held", "refused", "lost")
READ = 65_536
LOST = 1006
"""The close code of a line that broke; it is never sent."""


class Call:
    """One call; ``advance``, ``write`` and ``read`` move it on, never wait, and are told the time."""

    __slots__ = (
        "_at",
        "_began",
        "_due",
        "_first",
        "_handed",
        "_hello",
        "_inbox",
        "_partial",
        "_script",
        "_sent",
        "_spoke_at",
        "_tally",
        "dropped_sec",
        "due",
        "finals",
        "line",
        "number",
        "opened",
        "state",
        "waits",
    )

    def __init__(self, number: int, script: Script, hello: tuple[bytes, bytes], tally: Tally) -> None:
        self.number, self._script, self._hello, self._tally = number, script, hello, tally
        self.state: State = "connecting"
        self.due = 0.0
        """When its next frame is to be sent."""
        self.waits = False
        """Whether its line takes no more for the moment."""
        self.line: socket.socket
        self.opened = False
        self.finals, self.dropped_sec = 0, 0.0
        self._first = script.part(number).first
        self._handed = array("d")
        self._due = self._sent = self._partial = 0
        self._began, self._spoke_at = 0.0, -1.0
        self._inbox = b""

    def connect(self, family: int, address: Any) -> None:
        """Begin to open the line."""
        self.line = socket.socket(family)
        self.line.setblocking(False)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.connect_ex(address)
        self.opened = self.waits = True

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ENDED

    @property
    def sent_sec(self) -> float:
        """Audio that it has handed over."""
        return min(self._sent, self._script.each) * self._script.frame_sec

    def close(self, state: State = "lost", why: str = "given_up") -> None:
        """Take note of its end."""
        if self.ended:
            return
        self.state = state
        if state == "refused":
            self._tally.refused[why] += 1
        elif state == "lost":
            self._tally.lost[why] += 1

    # ------------------------------------------------------------ sending

    def talk(self, now: float) -> None:
        """Begin to speak: what is heard from now on is sent once each frame is full."""
        self.state, self._began, self.due = "talking", now, now + self._script.frame_sec

    def advance(self, now: float) -> bool:
        """Send the frame that is due; return whether another follows."""
        self._due += 1
        self.due += self._script.frame_sec
        if not self.waits:
            self._push(now)
        if self._due < self._script.each:
            return True
        self._due += 1  # the stop
        self.state = "stopping"
        if not self.waits:
            self._push(now)
        return False

    def write(self, now: float) -> None:
        """Go on where the line took no more."""
        self.waits = False
        if self.state == "connecting":
            if code := self.line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.close("lost", f"connect_{code}")
                return
            self.line.send(self._hello[0])  # fits into an empty buffer
            self.state = "upgrading"
        else:
            self._push(now)

    def _push(self, now: float) -> None:
        frames, each = self._script.frames, self._script.each
        while self._sent < self._due:
            frame = frames[(self._first + self._sent) % len(frames)] if self._sent < each else STOP
            try:
                taken = self.line.send(frame[self._partial :] if self._partial else frame)
            except BlockingIOError:
                self.waits = True
                return
            except OSError:
                return  # what was said before the line broke is still to be read
            if self._partial + taken < len(frame):
                self._partial += taken
                self.waits = True
                return
            self._partial = 0
            self._sent += 1
            self._handed.append(now)

    # ------------------------------------------------------------ hearing

    def read(self, now: float) -> None:
        """Take what has come."""
        try:
            data = self.line.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close("lost", str(LOST))
            return
        self._inbox = self._inbox + data if self._inbox else data
        if self.state == "upgrading":
            self._enter()
        if self.state != "upgrading":
            self._unpack(now)

    def _enter(self) -> None:
        head, found, rest = self._inbox.partition(b"\r\n\r\n")
        if not found:
            return
        status = head[9:12].decode("ascii", "replace")
        if status != "101":
            self.close("refused", status)
            return
        self._inbox, self.state = rest, "starting"
        self.line.send(self._hello[1])

    def _unpack(self, now: float) -> None:
        """Read whole frames; a server's are not masked, and ours sends none in parts."""
        data, at = self._inbox, 0
        while len(data) - at >= 2:
            length, head = data[at + 1], 2
            if length > 125:
                head = 4 if length == 126 else 10
                length = int.from_bytes(data[at + 2 : at + head], "big") if len(data) - at >= head else READ**2
            end = at + head + length
            if end > len(data):
                break
            self._take(data[at] & 15, data[at + head : end], now)
            at = end
        self._inbox = data[at:]

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == Opcode.TEXT:
            self._hear(decode(payload), now)
        elif opcode == Opcode.CLOSE:
            self.close("lost", str(int.from_bytes(payload[:2], "big") or LOST))
        elif opcode == Opcode.PING:
            self.line.send(masked(payload, Opcode.PONG))

    def _hear(self, said: Said, now: float) -> None:
        kind = said.type
        if kind == "emotion":
            self._reading(said, now)
        elif kind == "speech":
            self._spoke_at = self._began + said.offset_sec if said.state == "started" else -1.0
        elif kind == "stats":
            self.dropped_sec = said.dropped_sec
        elif kind == "warning":
            self._tally.warnings[said.code] += 1
        elif kind == "started":
            self.state = "idle"
        elif kind == "error":
            self._tally.warnings[said.code] += 1
        elif kind == "stopped":
            self.dropped_sec = said.totals.dropped_sec if said.totals else self.dropped_sec
            self.close("held")

    def _reading(self, said: Said, now: float) -> None:
        if not said.final:
            self._tally.provisionals += 1
            if self._spoke_at >= 0:
                self._tally.first_ms.append((now - self._spoke_at) * 1000)
                self._spoke_at = -1.0
            return
        self.finals += 1
        self._tally.models[str(said.model)] += 1
        if said.trigger == "window":
            last = -(-round(said.end_offset_sec * SAMPLE_RATE) // self._script.frame) - 1
            self._tally.latency_ms.append((now - self._handed[last]) * 1000)
