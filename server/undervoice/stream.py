"""The live call: ``WS /api/v1/stream``. One task listens, one speaks, one keeps time.

``listen`` never awaits scoring: what a frame makes happen goes on the speaker's line, and the next
frame is read.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.websockets import WebSocket, WebSocketDisconnect

from undervoice import context
from undervoice import messages as m
from undervoice.admission import accepted_subprotocol, check_origin, principal
from undervoice.answers import refusal
from undervoice.auth import Principal
from undervoice.dialects import DIALECTS
from undervoice.entry import claim, own, read_start, recall
from undervoice.errors import (
    BadInput,
    BadStart,
    BadToken,
    GoingAway,
    IdleCall,
    Internal,
    Overloaded,
    TooLarge,
    UndervoiceError,
)
from undervoice.limits import Pace, Seat
from undervoice.service import Service
from undervoice.session import End, Session
from undervoice.speaker import Speaker
from undervoice.terms import SUBPROTOCOL

log = logging.getLogger("undervoice.stream")

STATS_SEC = 5.0
IN_FLIGHT = 4
"""Segments of a ``live: false`` call between the socket and its readings."""
CATCHING_UP_SEC = 2.0
"""A live call that is this far ahead sends again what it kept while its connection was lost."""
SLICE_SEC = 1
"""Audio that is taken at a time, so that one large frame does not hold up the other calls."""
AT_A_TURN = 8
"""Frames of one call, if they have come already, that are taken before others have their turn."""


async def stream(websocket: WebSocket) -> None:
    """Serve one call, from the upgrade to the close."""
    service: Service = websocket.app.state.service
    try:
        if service.draining:
            raise GoingAway("this server is being stopped", retry_after_ms=1000)
        check_origin(websocket, service)
        if service.inference.saturated:
            raise Overloaded("this server has all the calls that it can follow", code="full", retry_after_ms=2000)
        bearer = principal(websocket, service, "agent", "integrator")
        # Behind a trusted proxy this is the address that the proxy names; from any other it is the peer's own.
        seat = service.connections.open(bearer, websocket.client.host if websocket.client else "")
    except UndervoiceError as error:
        await websocket.send_denial_response(refusal(error))
        return
    try:
        await websocket.accept(subprotocol=accepted_subprotocol(websocket))
        await LiveCall(service, websocket, bearer, seat).run()
    finally:
        seat.close()


class LiveCall:
    """Drives one session over one socket."""

    def __init__(self, service: Service, websocket: WebSocket, bearer: Principal, seat: Seat) -> None:
        self._service, self._websocket, self._bearer, self._seat = service, websocket, bearer, seat
        self._session = Session(service.policy, secrets.token_hex(8))
        context.enter(session_id=self._session.session_id)
        self._trace = service.tracing.call(websocket.headers)
        self._speaker = Speaker(service, websocket, self._session, self._trace)
        self._decode = DIALECTS[SUBPROTOCOL]
        self._last_frame = time.monotonic()
        self._pace = Pace(self._last_frame)
        self._taken = 0
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Why somebody else ends this call, once that is so."""
        self._moving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the call ends or its connection is lost; what was cut by then is scored and stored."""
        try:
            async with asyncio.timeout(self._service.bounds.start_sec):
                await self._open()
        except TimeoutError:
            await self._speaker.fail(BadStart("the start did not come in time", code="start_timeout"))
        except WebSocketDisconnect:
            return
        except UndervoiceError as error:
            if error.code == "consent_required":
                self._service.metrics.consent_refused()
            await self._speaker.fail(error)
        if self._speaker.claim is not None:
            await self._serve()

    def end(self, error: UndervoiceError) -> None:
        """End the call at once."""
        if not self._told.done():
            self._told.set_exception(error)
            self._told.exception()  # a call that does not come to listening asks for it nowhere else

    def move(self, deadline_sec: float) -> None:
        """Make the call go on elsewhere within the time."""
        self._moving = asyncio.create_task(self._speaker.leave(deadline_sec))

    async def _serve(self) -> None:
        agent_sec = self._session.discarded_agent_sec
        speaking = asyncio.create_task(self._speaker.run())
        others: list[asyncio.Future[None]] = [asyncio.create_task(w) for w in (self._listen(), self._keep_time())]
        others.append(self._told)
        try:
            done, _ = await asyncio.wait([speaking, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {speaking}:
                self._end_by(task.exception())
            await speaking
        except Exception:  # ours, whatever it is: the client is told, the others go on
            log.exception("call failed session=%s", self._session.session_id)
            await self._speaker.fail(Internal("the server failed"))
        finally:
            self._service.metrics.discarded_agent(max(0.0, self._session.discarded_agent_sec - agent_sec))
            tasks: list[asyncio.Future[None]] = [speaking, *others, *([self._moving] if self._moving else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._speaker.close_record()
            self._trace.end(self._speaker.ended)

    def _end_by(self, error: BaseException | None) -> None:
        """Put the end on the line behind all that was cut."""
        if isinstance(error, WebSocketDisconnect):
            self._speaker.gone = True
            self._speaker.put([End("disconnected")], self._last_frame)
        elif isinstance(error, UndervoiceError):
            self._speaker.put([End(error.code, error)], self._last_frame)
        elif error is not None:
            raise error

    async def _open(self) -> None:
        start, warnings = read_start(await self._receive(), self._decode)
        self._seat.started(self._last_frame)
        owned = own(self._service, start, self._bearer)
        context.enter(call_id=owned.call_id)
        if owned.resume is not None:
            self._session.continues(await recall(self._service, owned, owned.resume.checkpoint))
        outputs = self._session.receive(owned, datetime.now(UTC))
        self._speaker.claim = await claim(self._service, owned, self)
        context.enter(trace_id=self._trace.begin(owned.call_id, self._session.session_id))
        self._speaker.put([*outputs, *self._session.warn(warnings)], self._last_frame)
        self._speaker.open_record()

    # ------------------------------------------------------------ listening

    async def _receive(self) -> bytes | str:
        """Return the next data frame."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1006))
        self._last_frame = time.monotonic()
        frame: bytes | str = event["bytes"] if event.get("bytes") is not None else event["text"]
        longest = self._service.policy.limits.max_frame_bytes
        if len(frame) > longest:
            raise TooLarge(f"a frame is at most {longest} bytes")
        return frame

    async def _listen(self) -> None:
        while self._session.state != "stopped":
            frame = await self._receive()
            if isinstance(frame, str):
                await self._take_message(frame)
            else:
                await self._take_audio(frame)
        await asyncio.Event().wait()  # the speaker ends the call once everything is out

    async def _take_audio(self, frame: bytes) -> None:
        patient = self._patient
        for piece in self._slices(frame):
            if outputs := self._session.receive(piece, datetime.now(UTC)):
                self._speaker.put(outputs, self._last_frame, patient=patient)
            self._taken += 1
            if patient:
                await self._speaker.until_fewer_wait(IN_FLIGHT)
            # A turn of the loop costs as much as the frame itself: one is given up only now and then.
            if self._taken % AT_A_TURN == 0 or len(frame) > len(piece):
                await asyncio.sleep(0)
        audio_sec = self._session.audio.duration_sec(len(frame))
        self._service.stages.received(len(frame), audio_sec)
        if self._session.start.config.live and (too_fast_sec := self._pace.take(audio_sec, time.monotonic())):
            await asyncio.sleep(too_fast_sec)

    @property
    def _patient(self) -> bool:
        """Whether this is no live audio: then it is read as fast as it is scored, and none of it is shed.

        What was kept while the connection was lost is not live any more.
        """
        return not self._session.start.config.live or self._pace.ahead_sec > CATCHING_UP_SEC

    def _slices(self, frame: bytes) -> Iterable[bytes]:
        size = SLICE_SEC * self._session.audio.sample_rate * self._session.audio.frame_bytes
        if len(frame) <= size:
            return (frame,)
        return (frame[start : start + size] for start in range(0, len(frame), size))

    async def _take_message(self, frame: str) -> None:
        try:
            message, warnings = self._decode(frame)
        except BadInput as error:
            warnings, message = [m.Warned(error.code, error.message, error.message[:64])], None
        await self._speaker.send(*self._session.warn(warnings))
        if message is None:
            return
        outputs = self._session.receive(message, datetime.now(UTC))
        # These answer at once; everything else waits for the readings before it.
        at_once = [output for output in outputs if isinstance(output, m.Pong | m.Warned)]
        await self._speaker.send(*at_once)
        self._speaker.put(
            [output for output in outputs if output not in at_once], self._last_frame, patient=self._patient
        )

    # ------------------------------------------------------------ keeping time

    async def _keep_time(self) -> None:
        """Tell how the call stands every 5 s; notice a client that has fallen silent, or may no longer call."""
        idle_sec = self._service.policy.limits.idle_sec
        told = time.monotonic()
        while True:
            await asyncio.sleep(min(STATS_SEC, idle_sec / 4))
            now = time.monotonic()
            if now - self._last_frame > idle_sec:
                raise IdleCall(f"nothing came for {idle_sec} seconds")
            if self._service.tokens.is_revoked(self._bearer):
                raise BadToken("the token was revoked", code="token_revoked")
            if now - told >= 0.99 * STATS_SEC:
                told = now
                await self._speaker.send(self._speaker.stats(now))
