"""The meter says how well the customer can be heard, and does not flicker."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acting import Scene, mood
from tests.browser.reading import word

pytestmark = pytest.mark.browser

FAULTS = """async (spans) => {
  const { LineQuality } = await import('/widget/line-quality.js');
  const line = new LineQuality(), told = [];
  let at = 0;
  for (const { sec, speaking = true, quality, ...frame } of spans) {
    for (let n = 0; n < Math.round(sec * 10); n += 1) {
      at += 0.1;
      line.frame({ levelDb: -25, clipped: 0, ...frame }, 0.1, speaking);
      if (quality && n % 25 === 24) line.reading(quality, at);
      if (line.fault !== (told.at(-1)?.fault ?? null)) told.push({ fault: line.fault, at: Math.round(at) });
    }
  }
  return told;
}"""
TONE = """(gain) => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 220 });
  const loud = new GainNode(context, { gain });
  const out = new MediaStreamAudioDestinationNode(context);
  tone.connect(loud).connect(out);
  tone.start();
  void meter.attach(out.stream);
}"""


def faults(desk: Page, *spans: dict[str, Any]) -> list[str | None]:
    """Return which faults are told, one after another, while frames like these are heard."""
    return [each["fault"] for each in desk.evaluate(FAULTS, [*spans])]


def test_each_fault_is_told_once_it_lasts_and_taken_back_once_it_is_over(desk: Page) -> None:
    good = {"sec": 10}
    assert faults(desk, good, {"sec": 5, "levelDb": -55}, good) == ["too_quiet", None]
    assert faults(desk, good, {"sec": 3, "clipped": 0.05}, good, good) == ["clipping", None]
    assert faults(desk, good, {"sec": 12, "levelDb": -100, "speaking": False}, good) == ["no_sound", None]
    noisy, clean = ({"level_dbfs": -20, "snr_db": snr} for snr in (3, 20))
    assert faults(desk, {**good, "quality": noisy}, {**good, "quality": clean}) == ["noisy", None]


def test_what_passes_in_a_moment_and_what_is_but_silence_is_no_fault(desk: Page) -> None:
    good = {"sec": 5}
    assert faults(desk, good, {"sec": 9, "levelDb": -100}, good) == []
    assert faults(desk, good, {"sec": 1, "levelDb": -60}, good) == []
    assert faults(desk, good, {"sec": 30, "levelDb": -60, "speaking": False}, good) == []
    assert faults(desk, good, {"sec": 2.5, "quality": {"level_dbfs": -20, "snr_db": 3}}, good) == []


def test_a_value_that_swings_about_a_threshold_is_told_once(desk: Page) -> None:
    swings = [{"sec": 0.5, "levelDb": level} for _ in range(60) for level in (-43, -49)]
    assert len(faults(desk, {"sec": 5}, *swings)) <= 1
    assert len(faults(desk, *[{"sec": 0.3, "clipped": share} for _ in range(100) for share in (0.0, 0.03)])) <= 1


def test_a_voice_that_is_overdriven_is_told_in_words_from_what_is_really_heard(desk: Page) -> None:
    desk.evaluate(TONE, 4)
    word(desk, "Listening…")
    fault = desk.locator("undervoice-meter .fault")
    expect(fault).to_have_text("Clipping: the voice is overdriven, so readings are less sure.", timeout=8000)


def test_the_trend_is_an_arrow_and_a_word_and_does_not_flicker(desk: Page) -> None:
    scene = Scene(desk)
    trend, seen = desk.locator("undervoice-meter .trend"), []
    for value in (0.0, 0.2, 0.3, 0.2, 0.3, 0.15, 0.05, -0.2, -0.3, -0.2, -0.3, 0.0):
        scene.say(mood(0.5, "tense", trend=value))
        if not seen or seen[-1] != trend.text_content():
            seen.append(trend.text_content())
    assert seen == ["– steady", "↑ rising", "– steady", "↓ easing", "– steady"]


def test_past_a_peak_nothing_is_called_rising_though_it_is_far_above_what_it_was(desk: Page) -> None:
    scene = Scene(desk)
    trend = desk.locator("undervoice-meter .trend")
    for n, (score, says) in enumerate(((0.4, "↑ rising"), (0.7, "↑ rising"), (0.68, "↑ rising"), (0.6, "– steady"))):
        scene.say(scene.reading(10.0 + 5 * n), mood(score, "upset", trend=0.6))
        expect(trend).to_have_text(says)


def test_the_marker_and_the_word_follow_the_servers_smoothed_mood_alone(desk: Page) -> None:
    scene = Scene(desk)
    scene.hear(2.5, 0.41, "calm")
    place = desk.locator("undervoice-meter").get_by_role("meter")
    for score in (0.9, 0.1, 0.95, 0.05):
        scene.say(scene.reading(5.0, upset_score=score))
        word(desk, "Calm")
        assert place.get_attribute("aria-valuenow") == "41"
    scene.say(mood(0.62, "upset", 5.0, upset_sec=2.5))
    word(desk, "Upset")
    assert place.get_attribute("aria-valuenow") == "62"
    expect(desk.locator("undervoice-meter .facts")).to_contain_text("Upset for 00:02")
