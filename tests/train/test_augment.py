"""Variants stay audio: same length, same range, and recognisably the same sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.voices import noise, sentence, silence, voice
from train import augment
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


def test_mu_law_has_the_levels_of_g711_and_keeps_them() -> None:
    levels = augment.mulaw_levels()
    assert len(levels) == 255
    assert (levels.min(), levels.max()) == (-32_124, 32_124)
    assert np.array_equal(augment.compand(levels), levels)


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


def test_the_same_seed_disturbs_the_same_way() -> None:
    first, second = (augment.disturb(SPEECH, [noise(1.0, level=0.1)], np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)


def test_windows_hold_the_speech_and_none_is_too_long() -> None:
    call = sentence(1.0, 3.3, 1.0)
    assert len(trim(call)) == pytest.approx(3.3 * 16_000, abs=0.45 * 16_000)
    pieces = cut_windows(call)
    assert [len(piece) for piece in pieces[:-1]] == [WINDOW] * (len(pieces) - 1)
    assert len(pieces[-1]) >= LEAST


@pytest.mark.parametrize("length", [1, 100, 500])
def test_even_a_moment_is_one_window(length: int) -> None:
    assert len(cut_windows(SPEECH[:length])) == 1
