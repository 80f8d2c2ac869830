"""Variants stay audio: same length, same range, and recognisably the same sound."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.voices import noise, sentence, silence, voice
from train import augment
from train.codecs import CODECS, Codec
from train.windows import LEAST, WINDOW, cut_windows, trim
from undervoice.emotion import Samples

SPEECH = voice(1.3)
VARIANTS: list[Callable[[Samples], Samples]] = [
    augment.telephone,
    lambda samples: augment.telephone(samples, band=True),
    lambda samples: augment.change_gain(samples, 40.0),
    lambda samples: augment.change_gain(samples, -90.0),
    lambda samples: augment.add_noise(samples, noise(0.4, level=0.1), 5.0),
    lambda samples: augment.add_room(samples, 0.3, np.random.default_rng(1)),
    lambda samples: augment.overdrive(samples, 6.0),
    *(lambda samples, seed=seed: augment.call_line(samples, np.random.default_rng(seed)) for seed in range(8)),
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("speech", [SPEECH, SPEECH[:401], silence(0.2), np.full(999, -32_768, np.int16)])
def test_variants_keep_length_and_range(variant: Callable[[Samples], Samples], speech: Samples) -> None:
    heard = variant(speech)
    assert heard.dtype == np.int16
    assert len(heard) == len(speech)


def test_gain_beyond_the_rails_clips_instead_of_wrapping() -> None:
    assert augment.change_gain(np.array([30_000, -30_000], np.int16), 12.0).tolist() == [32_767, -32_768]


def test_speed_changes_the_length_and_nothing_else_does() -> None:
    assert len(augment.change_speed(SPEECH, 1.1)) == pytest.approx(len(SPEECH) / 1.1, abs=2)


def test_a_telephone_keeps_the_voice_and_drops_what_lies_above_its_band() -> None:
    heard = augment.telephone(SPEECH).astype(float)
    assert np.corrcoef(heard, SPEECH)[0, 1] > 0.98
    t = np.arange(16_000) / 16_000
    whistle = (8_000 * np.sin(2 * np.pi * 6_000 * t)).astype(np.int16)
    assert np.abs(augment.telephone(whistle)[800:-800]).max() < 100


def test_noise_comes_at_the_ratio_that_was_asked_for() -> None:
    bed = noise(2.0, level=0.05)
    added = augment.add_noise(SPEECH, bed, 10.0).astype(float) - SPEECH
    ratio_db = 10 * np.log10(np.mean(SPEECH.astype(float) ** 2) / np.mean(added**2))
    assert ratio_db == pytest.approx(10.0, abs=0.1)


def test_a_microphone_turned_up_too_far_cuts_the_peaks_alone() -> None:
    heard = augment.overdrive(SPEECH, 6.0).astype(float)
    limit = np.abs(SPEECH.astype(float)).max() * 10 ** (-6 / 20)
    assert np.abs(heard).max() == pytest.approx(limit, abs=1)
    soft = np.abs(SPEECH.astype(float)) < limit - 1
    assert np.array_equal(heard[soft], SPEECH[soft])


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_line_hands_the_voice_on_in_time(codec: Codec) -> None:
    heard = augment.carry(SPEECH, codec.through, codec.rate, band=False).astype(float)
    assert np.corrcoef(heard, SPEECH)[0, 1] > 0.85


def test_lines_are_of_many_kinds() -> None:
    heard = {augment.call_line(SPEECH[:8_000], np.random.default_rng(seed)).tobytes() for seed in range(60)}
    assert len(heard) >= len(CODECS) + 2  # some with the narrow-band filter, some without


@pytest.mark.parametrize("seed", range(12))
def test_the_same_seed_disturbs_the_same_way(seed: int) -> None:
    bed = [noise(1.0, level=0.1)]
    first, second = (augment.disturb(SPEECH, bed, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, augment.disturb(SPEECH, bed, np.random.default_rng(seed + 100)))


def test_a_variant_is_made_in_less_than_fifteen_milliseconds() -> None:
    rng, bed = np.random.default_rng(2), [noise(3.0, level=0.1)]
    clip = voice(2.5)
    began = time.process_time()
    for _ in range(150):
        augment.disturb(clip, bed, rng)
    assert (time.process_time() - began) / 150 < 0.015


def test_windows_hold_the_speech_and_none_is_too_long() -> None:
    call = sentence(1.0, 3.3, 1.0)
    assert len(trim(call)) == pytest.approx(3.3 * 16_000, abs=0.45 * 16_000)
    pieces = cut_windows(call)
    assert [len(piece) for piece in pieces[:-1]] == [WINDOW] * (len(pieces) - 1)
    assert len(pieces[-1]) >= LEAST


@pytest.mark.parametrize("length", [1, 100, 500])
def test_even_a_moment_is_one_window(length: int) -> None:
    assert len(cut_windows(SPEECH[:length])) == 1
