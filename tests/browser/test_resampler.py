"""The resampler, run in Chromium and judged by soxr."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from tests.browser.conftest import visiting
from tests.browser.processes import Service

pytestmark = pytest.mark.browser

RUN = """async ([fromHz, data, cuts]) => {
  const { Resampler } = await import('/widget/resampler.js');
  const input = new Float32Array(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
  const resampler = new Resampler(fromHz);
  const parts = [];
  let from = 0;
  for (const to of [...cuts, input.length]) { parts.push(resampler.push(input.subarray(from, to))); from = to; }
  parts.push(resampler.finish());
  const bytes = parts.flatMap((part) => [...new Uint8Array(part.buffer, part.byteOffset, part.byteLength)]);
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.slice(i, i + 8192));
  return btoa(text);
}"""


@pytest.fixture(scope="module")
def bench(browser: Browser, service: Service) -> Iterator[Page]:
    with visiting(browser, service.url) as page:
        yield page


def resample(page: Page, samples: NDArray[np.float64], rate: int, cuts: list[int] | None = None) -> bytes:
    data = base64.b64encode(samples.astype("<f4").tobytes()).decode()
    return base64.b64decode(page.evaluate(RUN, [rate, data, cuts or []]))


def speechlike(rate: int, seconds: float = 1.0) -> NDArray[np.float64]:
    """A chirp through the band of speech under slow noise, nothing above 3.4 kHz."""
    t = np.arange(int(seconds * rate)) / rate
    chirp = np.sin(2 * np.pi * (100 * t + 1600 * t**2 / seconds))
    return np.asarray(0.5 * chirp * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t)) * np.hanning(len(t)))


@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000, 8_000])
def test_it_agrees_with_soxr_in_the_band_of_speech(bench: Page, rate: int) -> None:
    samples = speechlike(rate)
    ours = np.frombuffer(resample(bench, samples, rate), "<f4")
    theirs = soxr.resample(samples, rate, 16_000, quality="VHQ")
    assert abs(len(ours) - len(theirs)) <= 1
    both = min(len(ours), len(theirs))
    error = ours[:both] - theirs[:both]
    snr_db = 10 * np.log10(np.mean(theirs[:both] ** 2) / np.mean(error**2))
    assert snr_db > 60, snr_db


@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000])
@pytest.mark.parametrize("tone_hz", [8_100, 9_500, 11_500])
def test_what_16_khz_cannot_carry_is_60_db_down(bench: Page, rate: int, tone_hz: int) -> None:
    tone = np.sin(2 * np.pi * tone_hz * np.arange(rate // 2) / rate)
    ours = np.frombuffer(resample(bench, tone, rate), "<f4")[800:-800]
    assert 10 * np.log10(np.mean(ours**2) / 0.5) < -60


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000, 8_000])
def test_the_cutting_of_the_input_changes_no_byte(bench: Page, rate: int) -> None:
    rng = np.random.default_rng(rate)
    noise = rng.uniform(-1, 1, rate // 2)
    whole = resample(bench, noise, rate)
    assert len(whole) == 4 * 8_000
    for _ in range(3):
        cuts = sorted(rng.integers(0, len(noise), size=rng.integers(1, 200)).tolist())
        assert resample(bench, noise, rate, cuts) == whole
