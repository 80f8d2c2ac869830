"""One recording at a time: decoded, cut by the stream's own segmenter, scored, and added up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from undervoice.emotion import (
    GRID,
    SAMPLE_RATE,
    Quality,
    Reading,
    Samples,
    Scores,
    Segment,
    position_sec,
    segment_id,
)
from undervoice.errors import NoSpeech
from undervoice.model import Model
from undervoice.readings import judgement, reading_fields, rfc3339
from undervoice.recordings import Clip, Recording
from undervoice.resources import ClipResult
from undervoice.vad import Event, Rest, Segmenter, SegmenterConfig, SegmenterState

NO_PROVISIONALS = SegmenterConfig(provisional=0)


def place_of(offset_sec: float) -> int:
    """Return the place in a call, in samples, that is nearest to an offset."""
    return round(offset_sec * SAMPLE_RATE / GRID) * GRID


def cut_clip(clip: Clip, start_offset_sec: float = 0.0) -> list[Segment]:
    """Return the segments that the stream gives for the same audio.

    A clip with any speech has at least one: where none is long enough, its longest short one.

    Raises:
        NoSpeech: when nobody speaks.
    """
    step = clip.sample_rate  # a second at a time, since the tape holds what it is given until it is judged
    blocks = (clip.samples[start : start + step] for start in range(0, len(clip.samples), step))
    return list(cut(blocks, clip.sample_rate, start_offset_sec))


def cut(blocks: Iterable[Samples], sample_rate: int, start_offset_sec: float = 0.0) -> Iterator[Segment]:
    """Yield the segments of a recording as its blocks are read, under the same rules."""
    place = place_of(start_offset_sec)
    segmenter = Segmenter(NO_PROVISIONALS, sample_rate, state=SegmenterState(sample=place, last_voiced=place))
    found = False
    longest: Segment | None = None
    for event in chain.from_iterable(chain((segmenter.push(block) for block in blocks), _last(segmenter))):
        if isinstance(event, Segment):
            found = True
            yield event
        elif isinstance(event, Rest) and (longest is None or event.segment.duration_sec > longest.duration_sec):
            longest = event.segment
    if not found:
        if longest is None:
            raise NoSpeech("nobody speaks in this clip")
        yield longest


def _last(segmenter: Segmenter) -> Iterator[list[Event]]:
    yield segmenter.finish()


@dataclass(frozen=True, slots=True)
class ClipCall:
    """Whose call a clip belongs to, and when it was handed in."""

    call_id: str
    agent_id: str | None
    now: datetime
    start_offset_sec: float = 0.0


def clip_result(
    clip: Clip | Recording,
    segments: Sequence[Segment],
    scores: Sequence[Scores],
    call: ClipCall,
    model: Model,
    latency_ms: float,
) -> ClipResult:
    """Return the reading of the whole clip, its probabilities averaged by duration, and its segments."""
    readings = [
        Reading(
            **reading_fields(
                segment, score, call_id=call.call_id, started_at=call.now, upset_weights=model.upset_weights
            ),
            latency_ms=round(latency_ms, 1),
            seq=number,
        )
        for number, (segment, score) in enumerate(zip(segments, scores, strict=True), 1)
    ]
    start = place_of(call.start_offset_sec)
    seconds = [segment.duration_sec for segment in segments]
    mean = _weighted(seconds, lambda label: [score.probabilities[label] for score in scores], scores[0].probabilities)
    return ClipResult(
        segment_id=segment_id(call.call_id, "customer", start),
        call_id=call.call_id,
        agent_id=call.agent_id,
        channel="customer",
        final=True,
        trigger="flush",
        start_offset_sec=position_sec(start),
        end_offset_sec=round(call.start_offset_sec + clip.duration_sec, 6),
        **judgement(mean, model.upset_weights),
        uncertain=model.unsure(mean),
        quality=_overall(readings, seconds),
        latency_ms=round(latency_ms, 1),
        model=model.tag,
        timestamp=rfc3339(call.now),
        seq=0,
        segments=readings,
    )


def _weighted(seconds: list[float], values: Callable[[Any], list[float]], keys: Any) -> dict[str, float]:
    total = sum(seconds)
    return {key: sum(w * v for w, v in zip(seconds, values(key), strict=True)) / total for key in keys}


def _overall(readings: list[Reading], seconds: list[float]) -> Quality:
    names = ("level_dbfs", "snr_db", "clipped")
    mean = _weighted(seconds, lambda name: [getattr(reading.quality, name) for reading in readings], names)
    return Quality(
        round(mean["level_dbfs"], 1),
        round(mean["snr_db"], 1),
        round(mean["clipped"], 4),
        all(reading.quality.short for reading in readings),
    )


def score_clip(
    model: Model,
    clip: Clip,
    *,
    call_id: str | None = None,
    agent_id: str | None = None,
    start_offset_sec: float = 0.0,
    now: datetime,
) -> ClipResult:
    """Cut and score a clip here and now, without a queue.

    Raises:
        NoSpeech: when nobody speaks.
    """
    began = time.perf_counter()
    segments = cut_clip(clip, start_offset_sec)
    scores = model.score(segments)
    call = ClipCall(call_id or clip.default_call_id, agent_id, now, start_offset_sec)
    return clip_result(clip, segments, scores, call, model, (time.perf_counter() - began) * 1000)
