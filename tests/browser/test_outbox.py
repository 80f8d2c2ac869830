"""What a slow line does to live audio: it is paced, the oldest is dropped, and the call's clock stays right."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SLOW_LINE = """async ([frames, backAfter]) => {
  const { Outbox } = await import('/widget/outbox.js');
  const outbox = new Outbox();
  const line = { bufferedAmount: 0, said: [] };
  line.send = (data) => {
    line.said.push(typeof data === 'string' ? JSON.parse(data) : new Int16Array(data)[0]);
    if (typeof data !== 'string') line.bufferedAmount += data.byteLength;
  };
  outbox.open(line);
  for (let n = 0; n < frames; n += 1) {
    if (n === backAfter) line.bufferedAmount = -1e9;
    outbox.push(new Int16Array(1600).fill(n).buffer);
  }
  return { said: line.said, lost: outbox.lost };
}"""


def test_at_most_half_a_second_waits_in_the_socket_and_two_before_it(page: Page) -> None:
    done = page.evaluate(SLOW_LINE, [60, 60])
    assert done["said"] == [0, 1, 2, 3, 4]
    assert done["lost"] == (60 - 5 - 20) * 1600


def test_when_the_line_is_back_the_gap_is_told_before_what_follows_it(page: Page) -> None:
    done = page.evaluate(SLOW_LINE, [60, 50])
    gap = next(n for n, each in enumerate(done["said"]) if isinstance(each, dict))
    assert done["said"][gap] == {"type": "discarded", "samples": done["lost"]}
    assert done["lost"] % 160 == 0
    after = done["said"][gap + 1 :]
    assert after == list(range(after[0], 60))
    assert after[0] == 5 + done["lost"] // 1600
