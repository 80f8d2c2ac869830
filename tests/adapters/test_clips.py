"""Recordings are decoded within bounds and cut as the stream cuts them."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.voices import sentence, silence, voice
from undervoice.clips import cut_clip, score_clip
from undervoice.emotion import SAMPLE_RATE, Samples, Segment
from undervoice.errors import BadAudio, NoSpeech, TooLarge, UnsupportedAudio
from undervoice.model import Model
from undervoice.recordings import BLOCK_VALUES, decode_clip
from undervoice.vad import Segmenter, SegmenterConfig

NOW = datetime(2026, 5, 24, 10, 30, tzinfo=UTC)
SPEECH = sentence(0.4, 3.2, 1.0, 1.0, 0.8)


def recording(samples: np.ndarray, rate: int = SAMPLE_RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (recording(SPEECH), "audio/wav"),
        (recording(SPEECH, kind="FLAC"), "audio/flac; charset=binary"),
        (recording(SPEECH.astype(np.float32) / 32768, subtype="FLOAT"), "audio/x-wav"),
        (SPEECH.tobytes(), "application/octet-stream"),
        (recording(SPEECH, kind="FLAC"), None),
        (recording(np.stack([SPEECH, SPEECH[::-1]], 1)), "audio/wav"),
    ],
    ids=["wav", "flac", "float wav", "raw", "by its first bytes", "first of two channels"],
)
def test_a_recording_comes_out_sample_for_sample(data: bytes, media_type: str | None) -> None:
    clip = decode_clip(data, media_type)
    assert clip.sample_rate == SAMPLE_RATE
    assert np.array_equal(clip.samples, SPEECH)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_long_recording_comes_out_sample_for_sample_whatever_it_is_read_in(subtype: str) -> None:
    long = np.random.default_rng(3).integers(-32_768, 32_767, 2 * BLOCK_VALUES + 77, np.int16)
    both = np.stack([long[::-1], long], 1)
    signal = both.astype(np.float64) / 32_768 if subtype == "PCM_24" else both
    assert np.array_equal(decode_clip(recording(signal, kind="FLAC", subtype=subtype), column=1).samples, long)


def test_ogg_is_decoded() -> None:
    clip = decode_clip(recording(SPEECH, kind="OGG", subtype="VORBIS"), "audio/ogg")
    assert clip.duration_sec == pytest.approx(len(SPEECH) / SAMPLE_RATE, abs=0.05)
    assert np.corrcoef(clip.samples[: len(SPEECH)], SPEECH[: len(clip.samples)])[0, 1] > 0.95


def test_the_customers_column_may_be_another() -> None:
    assert np.array_equal(decode_clip(recording(np.stack([SPEECH[::-1], SPEECH], 1)), column=1).samples, SPEECH)


def test_a_rate_that_the_stream_does_not_serve_is_resampled() -> None:
    clip = decode_clip(recording(voice(1.0, sample_rate=22_050), 22_050))
    assert (clip.sample_rate, len(clip.samples)) == (SAMPLE_RATE, SAMPLE_RATE)
    assert decode_clip(recording(voice(1.0, sample_rate=8000), 8000)).sample_rate == 8000


def test_a_truncated_recording_is_scored_as_far_as_it_goes() -> None:
    clip = decode_clip(recording(SPEECH)[: 44 + 2 * 40_000])
    assert np.array_equal(clip.samples, SPEECH[:40_000])


def bomb(**fields: int) -> bytes:
    """Return a WAV header that promises what it does not hold."""
    channels, rate = fields.get("channels", 1), fields.get("rate", SAMPLE_RATE)
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    size = fields.get("size", 0x7FFF_FFF0)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size - 36)
    )


@pytest.mark.parametrize(
    ("data", "media_type", "error"),
    [
        (b"", "audio/wav", BadAudio),
        (recording(SPEECH)[:20], "audio/wav", BadAudio),
        (b"hello, this is no audio", "audio/wav", BadAudio),
        (b"fLaC" + b"\xff" * 300, "audio/flac", BadAudio),
        (b"hello", "text/plain", UnsupportedAudio),
        (b"\0\0", "application/x-other", UnsupportedAudio),
        (recording(SPEECH, 4000), "audio/wav", UnsupportedAudio),
        (bomb(rate=1) + b"\0" * 99, "audio/wav", UnsupportedAudio),
        (bomb(channels=100) + b"\0" * 999, "audio/wav", UnsupportedAudio),
        (recording(np.zeros(SAMPLE_RATE * 100, np.int16), kind="FLAC"), "audio/flac", TooLarge),
        (bytes(2 * SAMPLE_RATE * 70), "application/octet-stream", TooLarge),
    ],
)
def test_what_cannot_be_heard_is_refused(data: bytes, media_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_clip(data, media_type, longest_sec=60)


def test_a_huge_declared_length_takes_no_memory() -> None:
    assert len(decode_clip(bomb() + SPEECH.tobytes(), longest_sec=60).samples) == len(SPEECH)


def streamed(samples: Samples) -> list[Segment]:
    segmenter = Segmenter(SegmenterConfig())
    events = [e for at in range(0, len(samples), 1111) for e in segmenter.push(samples[at : at + 1111])]
    return [e for e in events + segmenter.finish() if isinstance(e, Segment) and e.final]


def test_a_clip_has_the_segments_of_the_stream() -> None:
    cut, live = cut_clip(decode_clip(SPEECH.tobytes())), streamed(SPEECH)
    assert [(s.start, s.end, s.trigger, s.samples.tobytes()) for s in cut] == [
        (s.start, s.end, s.trigger, s.samples.tobytes()) for s in live
    ]


def test_a_clip_may_stand_later_in_its_call() -> None:
    offset = 12.34
    moved = cut_clip(decode_clip(SPEECH.tobytes()), offset)
    assert [s.start - round(offset * 16_000) for s in moved] == [s.start for s in streamed(SPEECH)]


def test_a_clip_with_any_speech_has_a_segment_however_short() -> None:
    (short,) = cut_clip(decode_clip(sentence(0.5, 0.2, 0.9, 0.3, 0.7).tobytes()))
    assert short.short
    assert 0.2 < short.duration_sec < 1.0


@pytest.mark.parametrize("samples", [silence(3.0), np.zeros(48_000, np.int16), np.zeros(1, np.int16)])
def test_a_clip_in_which_nobody_speaks_has_none(samples: Samples) -> None:
    with pytest.raises(NoSpeech):
        cut_clip(decode_clip(samples.tobytes()))


def test_a_clips_reading_is_its_segments_weighted_by_duration(tiny: Path) -> None:
    clip = decode_clip(recording(SPEECH))
    result = score_clip(Model.load(tiny), clip, agent_id="a-1", now=NOW, start_offset_sec=1.0)
    assert result.call_id == f"clip-{clip.sha256[:16]}"
    seconds = [r.end_offset_sec - r.start_offset_sec for r in result.segments]
    assert len(seconds) >= 2
    for label, p in result.all_emotions_confidence.items():
        weighted = sum(s * r.all_emotions_confidence[label] for s, r in zip(seconds, result.segments, strict=True))
        assert p == pytest.approx(weighted / sum(seconds), abs=1e-5)
    assert (result.start_offset_sec, result.end_offset_sec) == (1.0, pytest.approx(1.0 + len(SPEECH) / 16_000))
    assert [r.seq for r in result.segments] == list(range(1, len(seconds) + 1))
    assert (result.final, result.trigger, result.agent_id) == (True, "flush", "a-1")
