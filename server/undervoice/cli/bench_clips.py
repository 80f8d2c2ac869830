"""A load of clips: users who each post a short recording every few seconds, over a connection of their own."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from undervoice.cli.bench_load import Mark
from undervoice.cli.bench_server import Place
from undervoice.emotion import SAMPLE_RATE, Samples

CLIP_SEC = (1.0, 5.0)
ANSWER_SEC = 30.0
"""How long an answer may take."""
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")
SEED = 29


@dataclass(slots=True)
class Answers:
    """What all users were answered."""

    sent: int = 0
    latency_ms: list[float] = field(default_factory=list)
    """From the first byte of a clip to the last of its answer."""
    errors: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)
    audio_sec: float = 0.0
    busy_sec: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """What each user does."""

    users: int
    seconds: float
    every_sec: float
    name: str
    """What the clips' calls are named after."""


class User:
    """One user: posts, waits for the answer, and posts again when it is time."""

    def __init__(self, number: int, place: Place, token: str, round_of: Round, pcm: bytes, answers: Answers) -> None:
        self._number, self._place, self._token, self._round = number, place, token, round_of
        self._pcm, self._answers = pcm, answers
        self._chance = np.random.default_rng((SEED, number))
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, began: float) -> None:
        """Post clips until the time is over."""
        due = began + float(self._chance.uniform(0, self._round.every_sec))
        end, turn = began + self._round.seconds, 0
        try:
            while due < end:
                if (wait := due - time.perf_counter()) > 0:  # else the answer was late, not this load
                    await asyncio.sleep(wait)
                    self._answers.late_ms.append((time.perf_counter() - due) * 1000)
                await self._post(turn)
                turn, due = turn + 1, max(due + self._round.every_sec, time.perf_counter())
        finally:
            self._hang_up()

    async def _post(self, turn: int) -> None:
        body = self._clip()
        self._answers.sent += 1
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_SEC):
                status = await self._ask(self._head(turn, len(body)), body)
        except TimeoutError:
            status = "timeout"
        except (OSError, EOFError, ValueError):
            status = "lost"
        if status == "200":
            self._answers.latency_ms.append((time.perf_counter() - began) * 1000)
        else:
            self._answers.errors[status] += 1
            self._hang_up()

    def _clip(self) -> bytes:
        size = 2 * int(self._chance.uniform(*CLIP_SEC) * SAMPLE_RATE)
        first = 2 * int(self._chance.integers(0, max(1, (len(self._pcm) - size) // 2)))
        body = self._pcm[first : first + size]
        self._answers.audio_sec += len(body) / 2 / SAMPLE_RATE
        return body

    def _head(self, turn: int, size: int) -> bytes:
        # A call of its own for each clip: the same one again would not be stored twice.
        return (
            f"POST /api/v1/analyze/stream?call_id={self._round.name}-{self._number}-{turn} HTTP/1.1\r\n"
            f"Host: {self._place.netloc}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
        ).encode()

    async def _ask(self, head: bytes, body: bytes) -> str:
        if self._line is None or self._line[0].at_eof():
            self._hang_up()
            self._line = await asyncio.open_connection(self._place.host, self._place.port)
        reader, writer = self._line
        writer.writelines((head, body))
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(answer)
        await reader.readexactly(int(found[1]) if found else 0)
        return answer[9:12].decode("ascii", "replace")

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line[1].close()
            self._line = None


async def post_clips(
    place: Place, token: Callable[[str], str], samples: Samples, round_of: Round, watch: Callable[[Mark], None]
) -> Answers:
    """Let users post for a time; each has a token of its own, as its name's agent."""
    answers, pcm = Answers(), samples.astype("<i2").tobytes()
    users = [User(n, place, token(f"bench-{n}"), round_of, pcm, answers) for n in range(round_of.users)]
    gc.disable()
    watch("talking")
    busy, began = time.process_time(), time.perf_counter()
    watching = asyncio.create_task(_watch(watch))
    try:
        await asyncio.gather(*(user.run(began) for user in users))
    finally:
        gc.enable()
        watching.cancel()
    answers.busy_sec = time.process_time() - busy
    watch("ended")
    return answers


async def _watch(watch: Callable[[Mark], None]) -> None:
    while True:
        await asyncio.sleep(1.0)
        watch("tick")
