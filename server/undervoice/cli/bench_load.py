"""The load: many calls in one thread, on one selector; cheap, since it shares the machine with what it measures."""

from __future__ import annotations

import gc
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from undervoice.cli.bench_calls import Call
from undervoice.cli.bench_frames import Script, start
from undervoice.cli.bench_server import Place
from undervoice.cli.bench_tally import Tally

Mark = Literal["idle", "talking", "tick", "ended"]
"""All calls are connected and nobody speaks; the first speaks; a second has gone by; all calls have ended."""
IDLE_SEC = 1.0
"""How long all calls are connected before the first speaks, so that what they cost then can be seen."""
GRACE_SEC = 15.0
"""How long a call may take to connect, and to end once it has said everything."""
AT_ONCE = 32
"""Frames that are sent before the lines are looked at again: what comes is not to wait for what goes."""
IDLE_WAIT_SEC = 0.05
SEED = 17


@dataclass(slots=True)
class Outcome:
    """What became of a load, as the calls themselves saw it."""

    calls: list[Call]
    tally: Tally
    late_ms: list[float] = field(default_factory=list)
    """How late the load itself was with each frame."""
    busy_sec: float = 0.0
    """What the load itself took of a processor while the calls spoke."""
    most_at_once: int = 0
    """Calls that spoke at the same time."""


class Load:
    """Opens calls over some seconds, lets them begin to speak over as many, and follows each to its end."""

    def __init__(
        self,
        place: Place,
        script: Script,
        *,
        calls: int,
        over_sec: float,
        upgrade: bytes,
        name: str,
        watch: Callable[[Mark], None],
    ) -> None:
        self._place, self._over_sec, self._watch = place, over_sec, watch
        self._tally = Tally()
        hellos = ((upgrade, start(f"{name}-{number}", script.provisional_ms)) for number in range(calls))
        self._calls = [Call(number, script, hello, self._tally) for number, hello in enumerate(hellos)]
        self._outcome = Outcome(self._calls, self._tally)
        self._selector = selectors.DefaultSelector()
        self._talking: deque[Call] = deque()
        """Those that have more to say, whoever is due next first: all have the same pace, so that is their order."""
        self._length_sec = script.each * script.frame_sec
        # By chance, not evenly: calls at even distances would all send at the same moments.
        self._offsets = np.sort(np.random.default_rng(SEED).uniform(0, over_sec, calls)).tolist()

    def run(self) -> Outcome:
        """Hold the calls."""
        gc.disable()  # bounded in time, and nothing here is cyclic
        try:
            self._open()
            self._wait(IDLE_SEC)
            self._watch("idle")
            self._speak()
            self._watch("ended")
        finally:
            gc.enable()
            for call in self._calls:
                call.close()
                self._drop(call)
            self._selector.close()
        return self._outcome

    # ------------------------------------------------------------ three parts

    def _open(self) -> None:
        family, _, _, _, address = socket.getaddrinfo(self._place.host, self._place.port, type=socket.SOCK_STREAM)[0]
        began = time.perf_counter()
        opening: list[Call] = []
        for call, offset in zip(self._calls, self._offsets, strict=True):
            while (left := began + offset - time.perf_counter()) > 0:
                self._turn(left)
            call.connect(family, address)
            self._selector.register(call.line, selectors.EVENT_READ | selectors.EVENT_WRITE, call)
            opening.append(call)
        end = time.perf_counter() + GRACE_SEC
        while time.perf_counter() < end and any(call.state not in ("idle", "refused", "lost") for call in opening):
            self._turn(IDLE_WAIT_SEC)
        for call in opening:
            if call.state != "idle":
                call.close("lost", "no_start")

    def _wait(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._turn(left)

    def _speak(self) -> None:
        self._watch("talking")
        began, busy = time.perf_counter(), time.process_time()
        silent = deque(zip(self._offsets, self._calls, strict=True))
        end = began + self._over_sec + self._length_sec + GRACE_SEC
        tick = began + 1.0
        while (now := time.perf_counter()) < end:
            while silent and began + silent[0][0] <= now:
                self._begin(silent.popleft()[1], now)
            self._send_due(now)
            if now >= tick:
                tick += 1.0
                self._watch("tick")
                if not silent and all(call.ended for call in self._calls):
                    break
            self._turn(self._until_next(silent, tick))
        self._outcome.busy_sec = time.process_time() - busy

    def _begin(self, call: Call, now: float) -> None:
        if call.state != "idle":
            return
        call.talk(now)
        self._talking.append(call)
        self._outcome.most_at_once = max(self._outcome.most_at_once, len(self._talking))

    # ------------------------------------------------------------ one turn

    def _until_next(self, silent: deque[tuple[float, Call]], tick: float) -> float:
        due = min(tick, self._talking[0].due) if self._talking else tick
        wait = due - time.perf_counter()
        return min(wait, IDLE_WAIT_SEC) if silent else wait

    def _send_due(self, now: float) -> None:
        talking = self._talking
        for _ in range(AT_ONCE):
            if not talking or talking[0].due > now:
                return
            call = talking.popleft()
            if call.ended:
                continue
            now = time.perf_counter()
            self._outcome.late_ms.append((now - call.due) * 1000)
            if call.advance(now):
                talking.append(call)
            if call.waits:
                self._selector.modify(call.line, selectors.EVENT_READ | selectors.EVENT_WRITE, call)

    def _turn(self, wait_sec: float) -> None:
        """Look at the lines, for at most so long."""
        for key, mask in self._selector.select(max(0.0, wait_sec)):
            call: Call = key.data
            now = time.perf_counter()
            if mask & selectors.EVENT_READ:
                call.read(now)
            if mask & selectors.EVENT_WRITE and not call.ended:
                call.write(now)
                if not call.waits:
                    self._selector.modify(call.line, selectors.EVENT_READ, call)
            if call.ended:
                self._drop(call)

    def _drop(self, call: Call) -> None:
        if call.opened and call.line.fileno() >= 0:
            self._selector.unregister(call.line)
            call.line.close()
