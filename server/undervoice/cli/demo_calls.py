"""Demonstration calls: a believable floor, day by day, heard through the rules of real calls.

Who calls when, and how a call goes, is made up. What each stretch of speech sounds like was scored by the
model, and readings, moods, alerts and summaries follow from those scores as they do in a live call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from undervoice import messages as m
from undervoice.account import Account
from undervoice.cli.demo_voices import Piece, Voice
from undervoice.emotion import GRID, SAMPLE_RATE, position_sec
from undervoice.memory import CallMemory
from undervoice.opening import Policy
from undervoice.resources import LoggedFeedback, LoggedHintFeedback, LoggedSegment
from undervoice.store import Record
from undervoice.terms import Audio, Consent
from undervoice.vad import SegmenterState

MARK = "demo"
"""What a demonstration call's metadata has, and its ids begin with."""
AGENTS = tuple(f"{MARK}-{name}" for name in ("ada", "ben", "cleo", "dev", "eva", "finn", "gus", "hana"))
QUEUES = ("billing", "delivery", "contract", "support")
WEEKDAYS = (1.25, 1.05, 1.0, 0.95, 1.0, 0.4, 0.0)
"""How busy each day is, from Monday on; nobody works on Sundays."""
HOURS = {8: 5, 9: 10, 10: 13, 11: 12, 12: 7, 13: 8, 14: 10, 15: 11, 16: 10, 17: 7, 18: 4}
"""How busy each hour is, UTC."""
BAD_DAY, BAD_DAY_RUSH = 0.06, 1.5
"""How often something breaks, and how many more call on such a day."""
FEEDBACK = 0.12
"""Share of calls whose agent says something about readings, and of alerts about which it says something."""
OUTSPOKEN = 0.1
"""How often a stretch that does not sound neutral at all is taken, beside one that does."""

Arc = Callable[[float], float]
"""How upset the caller is at a part 0…1 of the call."""
ARCS: dict[str, tuple[float, Arc]] = {
    "calm": (0.68, lambda part: 0.1),
    "tense": (0.14, lambda part: 0.2 + 0.4 * (0.3 < part < 0.6)),
    "recovers": (0.11, lambda part: min(0.95, 0.3 + 3 * part) if part < 0.5 else max(0.05, 0.95 - 3 * (part - 0.5))),
    "stays upset": (0.04, lambda part: min(0.95, 0.4 + 2 * part)),
    "turns": (0.03, lambda part: 0.1 if part < 0.6 else 0.95),
}
"""Kinds of calls: how often, and how they go."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that is about to be made up."""

    call_id: str
    seed: str
    """What the rest is made up by."""
    agent_id: str
    started_at: datetime
    length_sec: float
    arc: Arc
    queue: str


@dataclass(frozen=True, slots=True)
class Made:
    """All that a call leaves in a store."""

    records: list[Record]
    totals: m.Totals


def day_of(day: date, seed: str, name: str, calls: int) -> Iterator[Planned]:
    """Yield the calls of a day, the same for the same seed.

    Args:
        day: of UTC.
        seed: what everything is made up by.
        name: a part of the calls' ids.
        calls: how many there are on an ordinary day.
    """
    chance = Random(f"{seed} {day}")  # noqa: S311 - a demonstration, no secret
    bad = chance.random() < BAD_DAY
    number = round(calls * WEEKDAYS[day.weekday()] * chance.uniform(0.85, 1.15) * (BAD_DAY_RUSH if bad else 1))
    starts = sorted(_starts(number, day, chance))
    weights = [share * (3 if bad and kind not in ("calm", "tense") else 1) for kind, (share, _) in ARCS.items()]
    for place, start in enumerate(starts):
        ((_, arc),) = chance.choices(list(ARCS.values()), weights)
        yield Planned(
            call_id=f"{MARK}-{name}-{day:%Y%m%d}-{place:03}",
            seed=f"{seed} {day} {place}",
            agent_id=chance.choice(AGENTS[:5] if start.hour < 12 else AGENTS[3:]),  # two shifts
            started_at=start,
            length_sec=min(900.0, 45 + chance.expovariate(1 / 110)),
            arc=arc,
            queue=chance.choice(QUEUES),
        )


def _starts(number: int, day: date, chance: Random) -> Iterator[datetime]:
    for hour in chance.choices(list(HOURS), list(HOURS.values()), k=number):
        into_hour = timedelta(hours=hour, milliseconds=chance.randrange(3_600_000))
        yield datetime.combine(day, time(), UTC) + into_hour


def records_of(planned: Planned, voice: Voice, policy: Policy, chance: Random) -> Made:
    """Return a call of somebody's."""
    start = m.Start(
        call_id=planned.call_id,
        audio=Audio(sample_rate=SAMPLE_RATE),
        agent_id=planned.agent_id,
        consent=Consent(basis="notice", notice_id=MARK),
        metadata={MARK: True, "queue": planned.queue},
    )
    memory = CallMemory(started_at=planned.started_at, config=start.config, segmenter=SegmenterState())
    account = Account(start, policy, memory)
    records: list[Record] = []
    place = end = 3 * SAMPLE_RATE
    while place < planned.length_sec * SAMPLE_RATE:
        for _ in range(chance.randint(1, 4)):
            piece = _piece(voice, planned.arc(min(1.0, place / SAMPLE_RATE / planned.length_sec)), chance)
            length = piece.segment.end - piece.segment.start
            told = account.hear(replace(piece.segment, start=place, end=place + length), piece.scores, 0.0)
            records += _kept(told, account)
            place = end = place + length
        place += round(chance.uniform(2, 9) * SAMPLE_RATE / GRID) * GRID  # the agent speaks
    records += [*_feedback(records, account, planned, chance), *_hint_feedback(account, planned, chance)]
    audio_sec = position_sec(end + SAMPLE_RATE)
    totals = m.Totals(audio_sec=audio_sec, speech_sec=account.recap.speech_sec, segments=account.recap.segments)
    call = account.call(totals, planned.started_at + timedelta(seconds=audio_sec), "stop")
    return Made([*records, call], totals)


def _piece(voice: Voice, upset: float, chance: Random) -> Piece:
    """Return one of the pieces of a voice that sound about as upset."""
    place = bisect_left(voice.pieces, upset + chance.gauss(0, 0.1), key=lambda piece: piece.upset)
    near = voice.pieces[max(0, place - 3) : place + 3]
    # Actors are surprised and glad far more often than callers are.
    weights = [OUTSPOKEN + piece.scores.probabilities.get("neutral", 0.0) for piece in near]
    (piece,) = chance.choices(near, weights)
    return piece


def _kept(told: list[m.EmotionReading | m.Mood | m.Alert], account: Account) -> Iterator[Record]:
    for message in told:
        if isinstance(message, m.EmotionReading):
            yield account.recap.logged(message)
        elif isinstance(message, m.Alert):
            yield account.recap.logged_alert(message)


def _feedback(records: list[Record], account: Account, planned: Planned, chance: Random) -> Iterator[LoggedFeedback]:
    """Yield an agent's words: most readings are right, a wrong one was what the model thought of second."""
    if chance.random() >= FEEDBACK:
        return
    readings = [record for record in records if isinstance(record, LoggedSegment)]
    for reading in chance.sample(readings, min(len(readings), chance.randint(1, 3))):
        correct = chance.random() < 0.7
        ranked = sorted(reading.all_emotions_confidence, key=reading.all_emotions_confidence.__getitem__)
        word = m.Feedback(reading.segment_id, correct, None if correct else ranked[-2])
        said = account.recap.feedback(word, planned.started_at + timedelta(seconds=reading.end_offset_sec + 4))
        if isinstance(said, LoggedFeedback):
            yield said


def _hint_feedback(account: Account, planned: Planned, chance: Random) -> Iterator[LoggedHintFeedback]:
    """Yield an agent's words about hints, which most find useful."""
    for alert in [alert for alert in account.recap.alerts if chance.random() < FEEDBACK]:
        word = m.HintFeedback(alert.rule, chance.random() < 0.7, alert.offset_sec)
        said = account.recap.hint_feedback(word, planned.started_at + timedelta(seconds=alert.offset_sec + 6))
        if isinstance(said, LoggedHintFeedback):
            yield said
