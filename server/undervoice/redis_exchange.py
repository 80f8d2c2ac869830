"""The exchange over Redis: publish and subscribe, and nothing that Redis would keep.

What is told within a moment goes out as one sealed envelope. A server hears its own envelopes too: when they stay
out, the line is dead, whatever the socket says, and is made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from undervoice.envelopes import Envelopes
from undervoice.errors import BadSettings
from undervoice.exchange import Hear, Joined, new_name

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = logging.getLogger("undervoice")

PACE_SEC = 0.05
"""What is told within this time goes out together; what comes after a silence goes at once."""
MOST_BYTES = 1 << 20
"""Of one envelope, unless one message alone is longer."""
MOST_WAITING = 32 << 20
"""Bytes that wait to be told; what is told past that is lost."""
KEEPALIVE_SEC = 1.0
SILENT_SEC = 2.5
"""A line over which nothing came back for this long is dead; that shows before others would seem gone."""
CONNECT_SEC = 2.0
AGAIN_SEC = (0.1, 2.0)
"""The wait before a line is made anew: at first, and at most."""


class RedisExchange:
    """A line to the other servers through one Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        secret: the deployment's.
        previous: the one before the last change; servers that have that alone are reached too.

    Raises:
        BadSettings: the library is not installed, or cannot read the address.
    """

    def __init__(self, url: str, secret: str, previous: str | None = None) -> None:
        self.name = new_name()
        self.lost = self.ignored = 0
        self._url = url
        self._envelopes = [Envelopes(each, self.name) for each in (secret, previous) if each]
        self._waiting: deque[tuple[str | None, bytes]] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._number = self._unsure = 0
        self._heard_at = 0.0
        self._up = self._said = False
        self._running: asyncio.Task[None] | None = None
        self._client()  # so that an address that cannot be read stops the start

    @property
    def up(self) -> bool:
        """Whether the line is there, as far as is known."""
        return self._up

    async def open(self, hear: Hear, joined: Joined) -> None:
        """Join, or go on trying."""
        self._running = asyncio.create_task(self._run(hear, joined))

    def tell(self, body: bytes, to: str | None = None) -> None:
        """Put a message on the line."""
        if not self._up or self._waiting_bytes + len(body) > MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append((to, body))
        self._waiting_bytes += len(body)
        self._news.set()

    async def close(self) -> None:
        """Say the rest, for a moment, and hang up."""
        if self._up:
            await asyncio.sleep(3 * PACE_SEC)
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    # ------------------------------------------------------------ the line

    async def _run(self, hear: Hear, joined: Joined) -> None:
        from redis.exceptions import RedisError

        wait_sec, most_sec = AGAIN_SEC
        while True:
            began = time.monotonic()
            try:
                await self._hold(hear, joined)
            except (RedisError, OSError, TimeoutError) as error:
                self._say(error)
            except Exception:  # ours, whatever it is: the next line may do better
                log.exception("the line to Redis failed")
            finally:
                self._hang_up()
            if time.monotonic() - began > most_sec:
                wait_sec = AGAIN_SEC[0]
            await asyncio.sleep(wait_sec * random.uniform(0.5, 1.5))  # noqa: S311 - spreads servers in time, no secret
            wait_sec = min(2 * wait_sec, most_sec)

    def _say(self, error: Exception) -> None:
        """Say once why there is no line; what the error says may quote the address."""
        if not self._said:
            self._said = True
            log.warning("there is no line to Redis: %s", type(error).__name__)

    def _hang_up(self) -> None:
        self._up = False
        self.lost += len(self._waiting) + self._unsure
        self._waiting.clear()
        self._waiting_bytes = self._unsure = 0

    async def _hold(self, hear: Hear, joined: Joined) -> None:
        """Hold one line until it breaks."""
        client = self._client()
        listener = client.pubsub(ignore_subscribe_messages=True)
        tasks: list[asyncio.Task[None]] = []
        try:
            await listener.subscribe(*self._channels())
            self._up, self._said, self._heard_at = True, False, time.monotonic()
            joined()
            tasks = [asyncio.create_task(work) for work in (self._listen(listener, hear), self._speak(client))]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):  # a broken line's own end is of no interest
                await listener.aclose()  # type: ignore[no-untyped-call]
                await client.aclose()

    def _client(self) -> Redis:
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError:
            raise BadSettings("UNDERVOICE_REDIS needs the extra redis: pip install 'undervoice[redis]'") from None
        try:
            return Redis.from_url(
                self._url,
                socket_timeout=SILENT_SEC,
                socket_connect_timeout=CONNECT_SEC,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            raise BadSettings("UNDERVOICE_REDIS is no address of a Redis") from None

    def _channels(self) -> dict[str, Any]:
        return {name: None for each in self._envelopes for name in (each.channel, f"{each.channel}:{self.name}")}

    # ------------------------------------------------------------ hearing

    async def _listen(self, listener: PubSub, hear: Hear) -> None:
        while True:
            message = await listener.get_message(timeout=KEEPALIVE_SEC)
            if message is not None:
                self._take(message["channel"].decode(), message["data"], hear)
            elif time.monotonic() - self._heard_at > SILENT_SEC:
                raise TimeoutError

    def _take(self, channel: str, data: bytes, hear: Hear) -> None:
        self._heard_at = time.monotonic()
        current = self._envelopes[0]
        for envelopes in self._envelopes:
            if not channel.startswith(envelopes.channel) or envelopes.is_own(data):
                continue
            opened = envelopes.open(data, channel[len(envelopes.channel) + 1 :])
            if opened is None:
                self.ignored += 1
            elif envelopes is current or not current.knows(opened.sender):  # else it came with the newer secret too
                for body in opened.bodies:
                    hear(opened.sender, body)

    # ------------------------------------------------------------ telling

    async def _speak(self, client: Redis) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE_SEC):
                    await self._news.wait()
            self._news.clear()
            async with client.pipeline(transaction=False) as sending:
                for to, bodies in self._batches():
                    self._number += 1
                    self._unsure += len(bodies)
                    for each in self._envelopes:
                        place = f"{each.channel}:{to}" if to else each.channel
                        sending.publish(place, each.seal(bodies, self._number, to or ""))
                await sending.execute()
            self._unsure = 0
            await asyncio.sleep(PACE_SEC)

    def _batches(self) -> Iterator[tuple[str | None, list[bytes]]]:
        """Take what waits, in its order, in parts for the same ones; nothing for all, if nothing else."""
        if not self._waiting:
            yield None, []
        waiting, self._waiting, self._waiting_bytes = list(self._waiting), deque(), 0
        for to, messages in groupby(waiting, key=lambda message: message[0]):
            bodies: list[bytes] = []
            size = 0
            for _, body in messages:
                if bodies and size + len(body) > MOST_BYTES:
                    yield to, bodies
                    bodies, size = [], 0
                bodies.append(body)
                size += len(body)
            yield to, bodies
