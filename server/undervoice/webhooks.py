"""Alerts that call somebody: sent, signed, to the operator's addresses while the call still runs.

An alert is written down before the agent sees it, and sent until its receiver has it: at least once, under
one id. Nothing here delays a call for longer than a disk may take, and no receiver delays another.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from undervoice import __version__
from undervoice.errors import StoreDown
from undervoice.postbox import Letter, Postbox
from undervoice.receivers import Fate, Receiver, Reply
from undervoice.resources import LoggedAlert
from undervoice.signatures import message_id, signed_headers
from undervoice.terms import Severity
from undervoice.turns import PARALLEL

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("undervoice.webhooks")

ATTEMPT_SEC = 10.0
"""What an attempt may take, from the connection to the end of the answer."""
MOST_ANSWER_BYTES = 65_536
"""What is read of an answer, so that its connection can be used again; nobody looks at it."""
GRACE_SEC = 2.0
KNOWN_SEC = 0.5
"""How long the store may take to say whether a call was erased, and a receiver to finish an answer."""
REMEMBERED = 10_000
"""Alerts and erased calls that are remembered."""

SEVERITIES = get_args(Severity)

_encode = msgspec.json.Encoder().encode


class AlertRaised(msgspec.Struct, frozen=True):
    """What a receiver gets."""

    timestamp: str
    data: LoggedAlert
    type: Literal["alert.raised"] = "alert.raised"


class Webhooks:
    """All receivers of one server; it belongs to one event loop.

    Args:
        urls: where alerts are sent.
        keys: what they are signed with; the one in force and older ones.
        path: the file of what is not delivered yet.
        least: the least severity that is sent.
        limit_sec: age past which an alert is given up.
        is_erased: whether a call was erased, as the store knows it.
    """

    def __init__(
        self,
        urls: Sequence[str],
        keys: Sequence[bytes],
        path: Path,
        *,
        least: Severity,
        limit_sec: float,
        is_erased: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._urls, self._keys, self._limit_sec, self._ask_store = tuple(urls), tuple(keys), limit_sec, is_erased
        self._wanted = frozenset(SEVERITIES[SEVERITIES.index(least) :])
        self._postbox = Postbox(path)
        self._receivers: dict[str, Receiver] = {}
        self._clients: list[httpx.AsyncClient] = []
        self._erased: OrderedDict[str, None] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self.delivered = self.given_up = self.unkept = 0
        """Alerts so far that a receiver has, that none will get, and that only memory held."""

    @property
    def waiting(self) -> int:
        """Alerts that are not delivered yet, once for each receiver."""
        return sum(receiver.waiting for receiver in self._receivers.values())

    @property
    def failed(self) -> int:
        """Attempts so far that failed and were or will be made again."""
        return sum(receiver.failed for receiver in self._receivers.values())

    @property
    def down(self) -> int:
        """Receivers that take nothing at the moment."""
        return sum(receiver.down or receiver.gone for receiver in self._receivers.values())

    # ------------------------------------------------------------ verbs; none of them raises

    async def open(self) -> None:
        """Go on with what earlier processes left; what is for no address of now is given up."""
        if not self._urls and not self._postbox.exists:
            return
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=PARALLEL * len(self._urls))
        # This machine's own receivers are asked directly, others through the proxy that the environment names.
        near = httpx.AsyncClient(timeout=ATTEMPT_SEC, limits=limits, trust_env=False)
        far = httpx.AsyncClient(timeout=ATTEMPT_SEC, limits=limits)
        self._clients = [near, far]
        for number, url in enumerate(self._urls, 1):
            post = _Post(url, self._keys, near if url.startswith("http:") else far)
            receiver = Receiver(f"webhook {number}", post, self._settled, self._is_erased, self._limit_sec)
            self._receivers[_mark(url)] = receiver
        letters = await self._postbox.open()
        for letter in letters:
            await self._take(letter, fresh=False)
        if letters:
            log.info("%d alerts of before wait for their receivers", self.waiting)

    async def keep(self, alerts: Sequence[LoggedAlert]) -> None:
        """Take alerts to be sent, and return once they would survive the death of the process."""
        wanted = [alert for alert in alerts if self._is_wanted(alert)]
        now = time.time()
        letters = [
            Letter(mark, alert.call_id, alert.alert_id, now, _encode(AlertRaised(alert.timestamp, alert)))
            for alert in wanted
            for mark, receiver in self._receivers.items()
            if not receiver.gone
        ]
        if not letters:
            return
        if not await self._postbox.add(letters):
            self.unkept += len(letters)
        for letter in letters:
            if letter.call_id not in self._erased:  # it may have been, while the disk was busy
                await self._take(letter)

    def _is_wanted(self, alert: LoggedAlert) -> bool:
        known = alert.alert_id in self._taken or alert.call_id in self._erased
        if known or alert.severity not in self._wanted:
            return False
        _remember(self._taken, alert.alert_id)  # a call that goes on from a checkpoint raises it again
        return True

    async def _take(self, letter: Letter, *, fresh: bool = True) -> None:
        receiver = self._receivers.get(letter.receiver)
        dropped = receiver.take(letter, fresh=fresh) if receiver else letter
        if dropped is not None:
            await self._settled(dropped, "given up")

    async def erase(self, call_id: str) -> None:
        """Drop everything of a call, and whatever still comes of it."""
        _remember(self._erased, call_id)
        for receiver in self._receivers.values():
            await receiver.forget(call_id)
        if self._receivers:
            await self._postbox.forget(call_id)

    async def close(self) -> None:
        """Let what is being sent arrive; the rest stays written down for the next start."""
        await asyncio.gather(*(receiver.close(GRACE_SEC) for receiver in self._receivers.values()))
        for client in self._clients:
            await client.aclose()
        await self._postbox.close()

    # ------------------------------------------------------------ for the receivers

    async def _settled(self, letter: Letter, fate: Fate) -> None:
        self.delivered += fate == "delivered"
        self.given_up += fate == "given up"
        await self._postbox.remove([letter])

    async def _is_erased(self, call_id: str) -> bool:
        """Whether a call was erased, on any server; a store that does not answer holds up nothing."""
        try:
            async with asyncio.timeout(KNOWN_SEC):
                return await self._ask_store(call_id)
        except (StoreDown, TimeoutError):
            return False


class _Post:
    """Sends letters to one address."""

    def __init__(self, url: str, keys: Sequence[bytes], client: httpx.AsyncClient) -> None:
        self._url, self._keys, self._client = url, keys, client

    async def __call__(self, letter: Letter) -> Reply:
        """Send a letter once; redirects are not followed."""
        import httpx

        signed = signed_headers(self._keys, message_id(letter.alert_id), int(time.time()), letter.body)
        headers = {"content-type": "application/json", "user-agent": f"undervoice/{__version__}", **signed}
        reply = Reply(0)
        with suppress(httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError):
            async with (
                asyncio.timeout(ATTEMPT_SEC),
                self._client.stream("POST", self._url, content=letter.body, headers=headers) as response,
            ):
                # What comes behind the status changes nothing any more; it is read for the connection's sake.
                reply = Reply(response.status_code, response.headers.get("retry-after"))
                await _read_off(response)
        return reply


async def _read_off(response: httpx.Response) -> None:
    size = 0
    async with asyncio.timeout(KNOWN_SEC):
        async for part in response.aiter_raw():
            size += len(part)
            if size > MOST_ANSWER_BYTES:
                return


def _mark(url: str) -> str:
    """Return what stands for an address on disk: a hash, since an address may hold a secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _remember(memory: OrderedDict[str, None], key: str) -> None:
    memory[key] = None
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
