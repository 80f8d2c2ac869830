"""What a live call says: outputs in order, each final reading safe before it is sent."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from undervoice import messages as m
from undervoice import resources as r
from undervoice.account import Told
from undervoice.emotion import Scores, Segment, position_sec
from undervoice.errors import GoingAway, Internal, UndervoiceError
from undervoice.inference import Urgency
from undervoice.live import Claim
from undervoice.mailbox import Mailbox
from undervoice.memory import Milestone
from undervoice.service import Service
from undervoice.session import End, Output, Session
from undervoice.store import Record
from undervoice.tracing import CallTrace

log = logging.getLogger("undervoice.stream")

SEND_SEC = 30.0
"""A client that takes nothing for this long is gone."""
CLOSE_SEC = 1.0
"""How long the close waits behind what the client has not taken yet."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Scoring:
    """A segment on its way to its reading."""

    segment: Segment
    arrived: float
    """When the frame that decided the cut came, monotonic seconds."""
    scores: asyncio.Future[Scores | None]


class Speaker:
    """Puts one session's outputs on a line, and says them in that order as soon as each is known."""

    def __init__(self, service: Service, websocket: WebSocket, session: Session, trace: CallTrace) -> None:
        self._service, self._websocket, self._session = service, websocket, session
        self._line: Mailbox[m.ServerMessage | Scoring | Milestone | End] = Mailbox()
        self._waiting: dict[Segment, float] = {}
        """Segments whose readings are not out yet, and when they were cut."""
        self._fewer = asyncio.Event()
        self.gone = False
        """The client can no longer be reached; what was cut is still scored and stored."""
        self.ended: str | None = None
        self.claim: Claim | None = None
        """The hold on the call's id, once it has started."""
        self.trace = trace
        """What is told of the call to whoever collects traces."""
        self._leaving = False
        self._over: r.Call | None = None
        """The call as it ended, once it has."""

    def put(self, outputs: list[Output], arrived: float, *, patient: bool = False) -> None:
        """Put outputs on the line; a segment is queued for scoring at once.

        Args:
            outputs: what the session said.
            arrived: when the frame that brought them came, monotonic seconds.
            patient: whether their readings can wait; then nothing of them is shed.
        """
        for output in outputs:
            if isinstance(output, Segment):
                self._waiting[output] = arrived
                scores = self._service.inference.submit(output, self, _urgency(output, patient=patient))
                self._line.put_nowait(Scoring(output, arrived, scores))
            elif isinstance(output, r.LoggedFeedback | r.LoggedHintFeedback):
                self._service.writer.put(output)
            else:
                self._line.put_nowait(output)

    async def until_fewer_wait(self, most: int) -> None:
        """Wait while this many segments have no reading yet."""
        while len(self._waiting) >= most and not self.gone:
            self._fewer.clear()
            await self._fewer.wait()

    async def run(self) -> None:
        """Say everything on the line, until the end of the call has been said."""
        while self.ended is None:
            output = await self._line.get()
            if isinstance(output, Scoring):
                await self._say_reading(output)
            elif isinstance(output, Milestone):
                await self._say_checkpoint(output)
            elif isinstance(output, End):
                await self._say_end(output)
            else:
                await self.send(output)

    async def _say_reading(self, scoring: Scoring) -> None:
        segment = scoring.segment
        try:
            scores = await scoring.scores
        except Internal:
            log.exception("a segment could not be scored session=%s", self._session.session_id)
            scores = None
        del self._waiting[segment]
        self._fewer.set()
        if scores is None:
            await self.send(*self._session.shed(segment))
            return
        told = self._session.scored(segment, scores, (time.monotonic() - scoring.arrived) * 1000)
        if segment.final:
            await self._keep(told)
        kept = time.monotonic()
        await self.send(*told)
        self.trace.said(segment, told[0], scoring.arrived, kept)  # type: ignore[arg-type]  # the first is the reading
        live, lag_sec = self._session.start.config.live, time.monotonic() - scoring.arrived
        self._service.stages.said(told[0], lag_sec, live=live)  # type: ignore[arg-type]

    async def _keep(self, told: Told) -> None:
        """Make what the client is about to see outlive this process first."""
        records: list[Record] = []
        alerts: list[r.LoggedAlert] = []
        for message in told:
            if isinstance(message, m.EmotionReading):
                records.append(self._session.recap.logged(message))
            elif isinstance(message, m.Alert):
                alerts.append(self._session.recap.logged_alert(message))
        kept = self._service.writer.keep([*records, *alerts, self._record()])
        await asyncio.gather(kept, *([self._service.webhooks.keep(alerts)] if alerts else []))

    async def _say_checkpoint(self, milestone: Milestone) -> None:
        if alerts := self._session.reached(milestone):
            await self._keep(alerts)
            await self.send(*alerts)
        memory = self._session.memory(milestone)
        start = self._session.start
        await self.send(m.Checkpoint(self._service.seals.seal(start.call_id, start.agent_id, memory), memory.sample))
        if self._leaving:
            await self._say_end(_moved())

    async def leave(self, deadline_sec: float) -> None:
        """Make the call go on elsewhere: it ends here behind its next checkpoint, or after the time."""
        self._leaving = True
        await self.send(m.Reconnect(round(deadline_sec * 1000)))
        await asyncio.sleep(deadline_sec)
        self.put([_moved()], time.monotonic())

    async def _say_end(self, end: End) -> None:
        self.ended = end.reason
        if end.error is not None:
            await self.fail(end.error)
            return
        self._last_record()  # whoever has read ``stopped`` and asks for the summary finds it
        if not self.gone:
            await self._service.writer.settle()
        await self.send(m.Stopped(end.reason, self._session.totals()))
        await self._close(1000)

    async def send(self, *outgoing: m.ServerMessage) -> None:
        """Send messages now, ahead of the line; a client that is gone gets none."""
        for message in outgoing:
            if self.gone or self._websocket.application_state is not WebSocketState.CONNECTED:
                return
            try:
                async with asyncio.timeout(SEND_SEC):
                    await self._websocket.send({"type": "websocket.send", "text": _encode(message).decode()})
            except (WebSocketDisconnect, RuntimeError):
                self.gone = True
            except TimeoutError:
                self.gone, self.ended = True, "unread"

    async def fail(self, error: UndervoiceError) -> None:
        """Say why the call ends, and end it."""
        log.info("call ends code=%s session=%s", error.code, self._session.session_id, extra={"code": error.code})
        if error.close_code != 1009:
            await self.send(m.Failed(error.code, error.message, error.retryable, error.retry_after_ms))
        await self._close(error.close_code, error.code)

    async def _close(self, code: int, reason: str = "") -> None:
        if self.gone or self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_SEC):
                await self._websocket.close(code, reason)

    def stats(self, now: float) -> m.Stats:
        """Return how the call stands; ``now`` in monotonic seconds."""
        first = next(iter(self._waiting), None)
        processed = position_sec(first.start) if first else self._session.position_sec
        lag_ms = (now - self._waiting[first]) * 1000 if first else 0.0
        return self._session.stats(processed_sec=processed, lag_ms=lag_ms, queued=len(self._waiting))

    def _record(self) -> r.Call:
        call = self._session.call()
        if self.claim:
            self.claim.update(call)
        return call

    def open_record(self) -> None:
        """Make the call known to supervisors and the store."""
        call = self._record()
        if self.claim is not None:
            self.claim.when_settled(lambda: self._service.writer.put(call))

    def close_record(self) -> None:
        """Make it known that the call is over, unless it goes on over another connection."""
        if self.claim is None:
            return
        self.claim.release(self._last_record())

    def _last_record(self) -> r.Call:
        """Return the call as it ended, and on the first time make it known."""
        if self._over is None:
            self._over = self._session.call(datetime.now(UTC), self.ended or "failed")
            if self.claim and self.claim.held:
                self.claim.end(self._over)
                self._service.writer.put(self._over)
        return self._over


def _urgency(segment: Segment, *, patient: bool) -> Urgency:
    if not segment.final:
        return Urgency.PROVISIONAL
    return Urgency.STORED if patient else Urgency.LIVE


def _moved() -> End:
    return End("drained", GoingAway("this server is being stopped: the call goes on elsewhere"))
