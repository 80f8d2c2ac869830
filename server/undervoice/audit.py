"""Who read or erased what: an append-only log that cannot be changed unnoticed (``chains.py``).

A line tells when, who (role, agent, the id of the token), what (action, route, call, agent, filters) and how it
ended; never a token, audio or words. Lines are written off the event loop, in order and in batches, so a
read's line reaches the disk within a fraction of a second *after* its answer: a kill in between loses it.
A disk that cannot be written never fails a read: lines wait, up to a bound, and once there is room again the
log itself tells how many were lost. An **erasure** is announced in the log before it happens, and refused
(503, ``audit_down``) where that line cannot be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from undervoice.backwards import lines_of_call
from undervoice.chains import HeadKeys
from undervoice.errors import NotFound, Overloaded
from undervoice.ledger import Ledger
from undervoice.readings import rfc3339
from undervoice.resources import CallAudit

log = logging.getLogger("undervoice.audit")

CAPACITY = 10_000
"""Lines that wait at most: a minute of 150 requests a second."""
BATCH = 500
LINGER_SEC = 0.1
"""How long the first line of a batch waits for company."""
RETRY_SEC = 1.0
SETTLE_SEC = 0.5
"""How long a look at the log waits for the lines before it."""
CONFIRM_SEC = 3.0
"""How long an erasure waits for its line to be on disk."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line, but for when and where in the chain."""

    action: str
    """What was done, as in ``read_call``; ``lost`` and ``recovered`` tell of the log itself."""
    role: str | None = None
    subject: str | None = None
    token_id: str | None = None
    method: str = ""
    route: str = ""
    """The route's template, without what was filled in."""
    call_id: str | None = None
    agent_id: str | None = None
    filters: dict[str, Any] = {}
    status: int = 0
    """0: announced, before it happened."""
    code: str | None = None
    """Why it was refused."""
    count: int = 0
    """Of lines, where the log tells of itself."""


Waiting = tuple[str, Entry, "asyncio.Future[None] | None"]
"""When, what, and who waits for it to be on disk."""


class AuditLog:
    """Writes lines in the background; belongs to one event loop.

    Args:
        folder: where the log lies; ``None``: there is none, and every verb does nothing.
        keys: what signs its heads.
        clock: tells the time, in UTC.
    """

    def __init__(self, folder: Path | None, keys: HeadKeys, *, clock: Callable[[], datetime] | None = None) -> None:
        self._folder, self._keys = folder, keys
        self._clock = clock or (lambda: datetime.now(UTC))
        self._waiting: deque[Waiting] = deque()
        self._filled, self._hurry, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._looking = asyncio.Lock()  # one at a time: a long log keeps a disk busy
        self._ledger: Ledger | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._untold = 0
        self.lost = 0
        """Lines that will never be written."""
        self.last_error: str | None = None
        """Why nothing can be written, while that is so."""

    @property
    def depth(self) -> int:
        """How many lines are not on disk yet."""
        return len(self._waiting)

    def note(self, entry: Entry) -> None:
        """Take a line to be written; never waits, never fails."""
        if self._folder is not None and not self._put(entry, None):
            self.lost += 1
            self._untold += 1

    async def confirm(self, entry: Entry) -> None:
        """Take a line and wait until it is on disk.

        Raises:
            Overloaded: ``audit_down``, it cannot be written.
        """
        if self._folder is None:
            return
        written = asyncio.get_running_loop().create_future()
        if self._put(entry, written):
            self._hurry.set()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CONFIRM_SEC):
                    await written
                    return
        raise Overloaded("the audit log cannot be written, so nothing is erased", code="audit_down")

    async def of_call(self, call_id: str, limit: int) -> CallAudit:
        """Return the newest lines about a call, of all servers that share the folder.

        Raises:
            NotFound: ``audit_off``, there is no log.
            Overloaded: ``audit_down``, it cannot be read.
        """
        if self._folder is None:
            raise NotFound("this server keeps no audit log", code="audit_off")
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SEC):
                await self._idle.wait()
        try:
            async with self._looking:
                return await asyncio.to_thread(lines_of_call, self._folder, call_id, limit)
        except OSError as error:
            raise Overloaded("the audit log cannot be read", code="audit_down") from error

    async def close(self, deadline_sec: float = 2.0) -> int:
        """Write what waits, within the deadline, and return how many lines were lost."""
        self._closed = True
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_sec):
                await self._idle.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        self._let_go()
        self.lost += len(self._waiting)
        self._waiting.clear()
        if self.lost:
            log.error("%d lines of the audit log were lost", self.lost)
        return self.lost

    def _put(self, entry: Entry, written: asyncio.Future[None] | None) -> bool:
        if self._closed or len(self._waiting) >= CAPACITY:
            return False
        self._waiting.append((rfc3339(self._clock()), entry, written))
        self._idle.clear()
        self._filled.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="audit-log")
        return True

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            await self._pause(LINGER_SEC)
            self._hurry.clear()
            batch = [self._waiting[n] for n in range(min(BATCH, len(self._waiting)))]
            failed = await self._write(batch)
            for item in batch:
                self._waiting.popleft()
                if item[2] is not None and not item[2].done():
                    item[2].set_exception(failed) if failed else item[2].set_result(None)
            if failed:
                # Who waited for a line has been refused; the others' lines wait for a better time.
                await self._keep([item for item in batch if item[2] is None], failed)
            if not self._waiting:
                self._filled.clear()
                self._idle.set()

    async def _keep(self, batch: list[Waiting], failed: Exception) -> None:
        if isinstance(failed, OSError):
            self._waiting.extendleft(reversed(batch))
            await self._pause(RETRY_SEC)
            return
        # No disk will ever take these, and they must not hold up the others.
        self.lost += len(batch)
        self._untold += len(batch)
        log.error("%d lines of the audit log were refused: %s", len(batch), type(failed).__name__)

    async def _write(self, batch: list[Waiting]) -> Exception | None:
        lines = [(time, entry) for time, entry, _ in batch]
        told = self._untold
        if told:
            # The newest were turned away, so they would stand here.
            lines.append((rfc3339(self._clock()), Entry(action="lost", count=told)))
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, lines)
        except OSError as error:
            if self.last_error is None:
                log.error("the audit log cannot be written, %d lines wait: %s", len(self._waiting), error.strerror)  # noqa: TRY400
            self.last_error = error.strerror or type(error).__name__
            return error
        except Exception as error:
            return error
        self._untold -= told
        if self.last_error is not None:
            log.warning("the audit log can be written again")
            self.last_error = None
        return None

    def _append(self, lines: list[tuple[str, Entry]]) -> None:
        """Write lines, in the thread; after a failure the chain is opened anew."""
        assert self._folder is not None  # noqa: S101 - nothing is put without one
        if self._ledger is None:
            self._ledger, broken = Ledger.open(self._folder, self._keys)
            for place in broken:
                log.error("the audit log is broken, another chain goes on: %s", place)
            if self._ledger.recovered:
                lines = [(lines[0][0], Entry(action="recovered", count=self._ledger.recovered)), *lines]
        try:
            self._ledger.append([(time, msgspec.to_builtins(entry)) for time, entry in lines])
        except OSError:
            self._let_go()
            raise

    def _let_go(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless somebody is waiting for the outcome."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
