"""Segments follow from the audio alone (protocol §1, "Audio and segments")."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voices import hum, noise, pink, sentence, silence, voice
from undervoice.audio import RATES
from undervoice.emotion import GRID, Samples, Segment
from undervoice.vad import (
    FRAME,
    LEAST,
    PRE_ROLL,
    Event,
    Place,
    Rest,
    Segmenter,
    SegmenterConfig,
    SegmenterState,
    SpeechEnded,
    SpeechStarted,
)

CALL = sentence(0.6, 3.4, 0.9, 0.3, 1.0, 1.2, 6.0, 0.7, 0.8, 5.6, 0.4)
"""Speech of all lengths: one cut twice, a rest too short, a silence with a checkpoint in it."""


def cut(
    samples: Samples, rate: int = 16_000, config: SegmenterConfig | None = None, size: int | None = None
) -> list[Event]:
    segmenter = Segmenter(config or SegmenterConfig(), rate)
    size = size or len(samples)
    events = [e for start in range(0, len(samples), size) for e in segmenter.push(samples[start : start + size])]
    return events + segmenter.finish()


def facts(events: list[Event]) -> list[object]:
    """Return what events say, comparable."""
    said: list[object] = []
    for event in events:
        if isinstance(event, Segment):
            said.append((event.start, event.end, event.trigger, event.samples.tobytes(), event.noise_dbfs))
        elif isinstance(event, Rest):
            said.append((event.segment.start, event.samples))
        else:
            said.append(event)
    return said


def segments(events: list[Event], *, final: bool = True) -> list[Segment]:
    return [event for event in events if isinstance(event, Segment) and event.final is final]


# ---------------------------------------------------------------- the cut does not matter


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), largest=st.sampled_from([3, 160, 481, 5_000, 131_072]))
def test_however_the_audio_is_cut_into_frames_the_segments_are_identical(seed: int, largest: int) -> None:
    samples = CALL[: 16_000 if largest == 3 else None]
    rng = np.random.default_rng(seed)
    segmenter, events, start = Segmenter(SegmenterConfig()), [], 0
    while start < len(samples):
        size = int(rng.integers(1, largest + 1))
        events += segmenter.push(samples[start : start + size])
        start += size
    assert facts(events + segmenter.finish()) == facts(cut(samples))


@pytest.mark.parametrize("rate", RATES)
def test_at_every_rate_the_cut_into_frames_does_not_matter(rate: int) -> None:
    samples = np.concatenate(
        [silence(0.4, sample_rate=rate), voice(2.9, sample_rate=rate), silence(1, sample_rate=rate)]
    )
    whole = facts(cut(samples, rate))
    assert len([s for s in whole if isinstance(s, tuple)]) >= 2
    for size in (777, rate // 50, rate // 10 + 1):
        assert facts(cut(samples, rate, size=size)) == whole


@settings(deadline=None, max_examples=20)
@given(
    mode=st.integers(0, 3),
    hangover=st.integers(10, 200).map(lambda tens: tens * GRID),
    segment=st.integers(100, 500).map(lambda tens: tens * GRID),
    provisional=st.one_of(st.just(0), st.integers(50, 300).map(lambda tens: tens * GRID)),
)
def test_whatever_the_configuration_finals_tile_the_speech(
    mode: int, hangover: int, segment: int, provisional: int
) -> None:
    config = SegmenterConfig(mode, hangover, segment, provisional)
    events = cut(CALL, config=config)
    finals = segments(events)
    assert finals
    for one, other in pairwise(finals):
        assert one.end <= other.start
    for final in finals:
        assert final.start % GRID == final.end % GRID == 0
        assert len(final.samples) == final.end - final.start <= segment + PRE_ROLL
        assert final.end - final.start >= LEAST
        assert np.array_equal(final.samples, CALL[final.start : final.end])
        assert (final.trigger == "window") == (final.end - final.start == segment)
    for early in segments(events, final=False):
        assert (early.end - early.start) % provisional == 0
        assert early.end - early.start < segment
    assert facts(cut(CALL, config=config, size=1234)) == facts(events)


# ---------------------------------------------------------------- where the cuts stand


def test_a_window_is_two_and_a_half_seconds_to_the_sample() -> None:
    windows = [s for s in segments(cut(sentence(0.5, 8.0, 1.0))) if s.trigger == "window"]
    assert len(windows) == 3
    assert {s.end - s.start for s in windows} == {40_000}
    assert [b.start - a.end for a, b in pairwise(windows)] == [0, 0]


def test_a_region_reaches_200_ms_before_its_first_voiced_frame() -> None:
    events = cut(sentence(1.0, 1.5, 1.0))
    (started,) = [e for e in events if isinstance(e, SpeechStarted)]
    (final,) = segments(events)
    assert final.start == started.sample - PRE_ROLL
    assert abs(started.sample - 16_000) <= 2 * FRAME


def test_a_region_ends_with_its_last_voiced_frame_once_the_hangover_has_passed() -> None:
    samples = sentence(0.5, 1.5, 2.0)
    (final,) = segments(cut(samples))
    assert final.trigger == "speech_ended"
    assert abs(final.end - 32_000) <= 3 * FRAME
    segmenter = Segmenter(SegmenterConfig())
    assert not segments(segmenter.push(samples[: final.end + 8_000 - 1]))
    assert segments(segmenter.push(samples[final.end + 8_000 - 1 : final.end + 8_000 + FRAME]))


def test_a_pause_shorter_than_the_hangover_does_not_end_a_region() -> None:
    samples = sentence(0.5, 0.8, 0.4, 0.8, 1.0)
    assert len(segments(cut(samples))) == 1
    assert len(segments(cut(samples, config=SegmenterConfig(hangover=3_200)))) == 2


def test_less_than_half_a_second_is_no_segment_but_is_counted() -> None:
    events = cut(sentence(1.0, 0.3, 1.0))
    assert not segments(events)
    (rest,) = [e for e in events if isinstance(e, Rest)]
    assert 0.2 < rest.samples / 16_000 < 0.5
    assert rest.segment.short


def test_the_rest_of_a_cut_region_counts_without_hangover() -> None:
    events = cut(sentence(0.5, 2.5, 1.5))
    assert [s.trigger for s in segments(events)] == ["window"]
    assert all(rest.samples < LEAST for rest in events if isinstance(rest, Rest))


def test_provisionals_stand_at_each_second_of_an_open_segment() -> None:
    early = segments(cut(sentence(0.5, 3.5, 1.0)), final=False)
    assert [(s.end - s.start) // 16_000 for s in early] == [1, 2, 1]
    assert not segments(cut(CALL, config=SegmenterConfig(provisional=0)), final=False)


def test_flush_closes_the_open_region_at_once_and_speech_goes_on() -> None:
    samples = sentence(0.5, 4.0, 1.0)
    segmenter = Segmenter(SegmenterConfig())
    segmenter.push(samples[:28_000])
    assert segmenter.speaking
    (final,) = segments(segmenter.flush())
    assert final.trigger == "flush"
    assert segmenter.flush() == []
    rest = segments(segmenter.push(samples[28_000:]) + segmenter.finish())
    assert rest
    assert rest[0].start >= final.end


def test_a_gap_moves_the_clock_and_closes_nothing_twice() -> None:
    segmenter = Segmenter(SegmenterConfig())
    first = segments([*segmenter.push(sentence(0.5, 1.5)), *segmenter.finish()])
    assert [e for e in segmenter.skip(100_000) if isinstance(e, Place)]
    assert segmenter.skip(100) == []  # too little to fill 10 ms is kept for the next gap
    segmenter.skip(60)
    position = segmenter.position
    assert position == 32_000 + 100_160
    second = segments([*segmenter.push(sentence(0.5, 1.5)), *segmenter.finish()])
    assert len(first) == len(second) == 1
    assert second[0].start >= position


def test_a_silence_of_five_seconds_holds_a_place() -> None:
    places = [e.state.sample for e in cut(silence(16.0)) if isinstance(e, Place)]
    assert len(places) == 3
    assert all(80_000 <= b - a <= 80_000 + FRAME for a, b in pairwise([0, *places]))


# ---------------------------------------------------------------- what is no speech


@pytest.mark.parametrize("level", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("make", [noise, pink, hum], ids=["white", "pink", "hum"])
def test_steady_noise_is_no_speech(make: object, level: float) -> None:
    events = cut(make(10.0, level=level))  # type: ignore[operator]
    assert not [e for e in events if not isinstance(e, Place)]


def test_noise_that_sets_in_is_no_segment() -> None:
    assert not segments(cut(np.concatenate([np.zeros(32_000, np.int16), noise(8.0, level=0.05)])))


def test_speech_in_noise_is_found_where_it_is() -> None:
    room = noise(6.0, level=0.01)
    room[32_000:56_000] += voice(1.5)
    (final,) = segments(cut(room))
    assert abs(final.start + PRE_ROLL - 32_000) <= 3 * FRAME
    assert abs(final.end - 56_000) <= 5 * FRAME


def test_an_offset_of_the_converter_changes_next_to_nothing() -> None:
    plain, shifted = segments(cut(CALL // 2)), segments(cut((CALL // 2 + 3000).astype(np.int16)))
    assert len(plain) == len(shifted)
    assert max(abs(a.end - b.end) + abs(a.start - b.start) for a, b in zip(plain, shifted, strict=True)) <= 4 * FRAME


# ---------------------------------------------------------------- places


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_from_every_place_a_fresh_segmenter_gives_what_the_undisturbed_one_gave(rate: int) -> None:
    parts = [
        silence(0.5, sample_rate=rate),
        voice(3.1, sample_rate=rate),
        silence(6.0, sample_rate=rate),
        voice(1.4, sample_rate=rate),
        silence(0.9, sample_rate=rate),
    ]
    samples = np.concatenate(parts)
    events = cut(samples, rate)
    places = [event.state for event in events if isinstance(event, Place)]
    assert len(places) >= 4
    for state in places:
        carried = msgspec.json.decode(msgspec.json.encode(state), type=SegmenterState)
        fresh = Segmenter(SegmenterConfig(), rate, state=carried)
        again = fresh.push(samples[state.sample * rate // 16_000 :]) + fresh.finish()
        assert facts(segments(again)) == facts([s for s in segments(events) if s.start >= state.sample])  # type: ignore[arg-type]


def test_a_place_is_small_enough_to_travel() -> None:
    assert max(len(msgspec.json.encode(e.state)) for e in cut(CALL) if isinstance(e, Place)) < 1024


def test_speech_that_ends_is_told_before_its_segment_and_its_place_after() -> None:
    kinds = [type(e).__name__ for e in cut(sentence(0.5, 1.2, 1.0)) if not (isinstance(e, Segment) and not e.final)]
    assert kinds == ["SpeechStarted", "SpeechEnded", "Segment", "Place"]
    assert SpeechEnded(1) != SpeechStarted(1)


@pytest.mark.parametrize("rate", RATES)
def test_at_every_rate_an_end_in_the_middle_of_speech_loses_no_time(rate: int) -> None:
    segmenter = Segmenter(SegmenterConfig(), rate)
    segmenter.push(np.concatenate([silence(0.4, sample_rate=rate), voice(1.3, sample_rate=rate)]))
    assert segments(segmenter.finish())
    assert segmenter.position == 27_200
    segmenter.skip(16_000)
    assert segmenter.position == 43_200


@pytest.mark.parametrize("rate", RATES)
def test_at_every_rate_the_clock_shows_what_has_come_and_never_runs_back(rate: int) -> None:
    segmenter = Segmenter(SegmenterConfig(hangover=1600, segment=16_000), rate)
    spoken = np.concatenate([silence(0.4, sample_rate=rate), voice(3.0, sample_rate=rate)])
    piece = rate // 40
    for at in range(0, len(spoken), piece):
        segmenter.push(spoken[at : at + piece])
        if at % (20 * piece) == 0:
            segmenter.flush()
        assert segmenter.position == min(at + piece, len(spoken)) // (rate // 100) * GRID
