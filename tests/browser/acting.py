"""A call on a real server whose answers are a script's: what a real customer brings about seldom, the meter is told."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.reading import press, word

LISTEN = """() => {
  const known = window.said !== undefined;
  window.said = [];
  window.raised = [];
  if (known) return;
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(...all) { super(...all); window.socket = this; }
    send(data) { if (typeof data === 'string') said.push(JSON.parse(data)); super.send(data); }
  };
  for (const kind of ['hint', 'action', 'hint-feedback', 'feedback', 'upload']) {
    const type = `undervoice-${kind}`;
    addEventListener(type, ({ detail }) => raised.push({ type, detail }));
  }
}"""
TAKE_OVER = "() => { window.deliver = socket.onmessage; socket.onmessage = null; }"
SAY = "(all) => { for (const data of all) deliver(new MessageEvent('message', { data })); }"
LABELS = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted")


class Scene:
    """A page whose meter listens to a script."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.evaluate(LISTEN)
        press(page, "Use this microphone")
        word(page, "Listening…")
        page.evaluate(TAKE_OVER)
        self.call_id = str(self.sent("start")[-1]["call_id"])

    def say(self, *messages: dict[str, Any]) -> None:
        """Give the meter messages, as a server would."""
        self.page.evaluate(SAY, [json.dumps(each) for each in messages])

    def hear(self, end_sec: float, score: float, state: str, since_sec: float = 0.0, **fields: Any) -> None:
        """Give the meter a final reading that ends there, and the mood after it."""
        self.say(self.reading(end_sec, **fields), mood(score, state, since_sec))

    def reading(self, end_sec: float, emotion: str = "angry", confidence: float = 0.7, **fields: Any) -> dict[str, Any]:
        """Return a final reading of this call."""
        start = end_sec - 2.5
        rest = round((1 - confidence) / 6, 6)
        return {
            "type": "emotion",
            "segment_id": f"{self.call_id}:customer:{round(start * 16_000):09d}",
            "call_id": self.call_id,
            "final": True,
            "start_offset_sec": start,
            "end_offset_sec": end_sec,
            "detected_emotion": emotion,
            "confidence_score": confidence,
            "all_emotions_confidence": {label: confidence if label == emotion else rest for label in LABELS},
            "uncertain": False,
        } | fields

    def press(self, name: str) -> None:
        """Press one of the meter's buttons, and take the pointer away."""
        press(self.page, name)
        self.page.mouse.move(0, 0)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of a kind that the meter has sent."""
        return [each for each in self.page.evaluate("said") if each["type"] == kind]

    def raised(self, kind: str) -> list[dict[str, Any]]:
        """Return the details of the events of a kind that the page has heard."""
        return [each["detail"] for each in self.page.evaluate("raised") if each["type"] == f"undervoice-{kind}"]

    def part(self, name: str) -> Locator:
        """Return a part of the meter."""
        return self.page.locator(f"undervoice-meter [part={name}]")


def mood(score: float, state: str, since_sec: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return a mood as a server tells it."""
    known = {"since_sec": since_sec, "upset_sec": 0.0, "trend": 0.0, "priority": 20.0}
    return {"type": "mood", "state": state, "upset_score": score} | known | fields


def alert(rule: str, offset_sec: float, severity: str = "warning", **fields: Any) -> dict[str, Any]:
    """Return an alert as a server tells it."""
    known = {"message": "Somebody wrote this rule.", "actions": []}
    return {"type": "alert", "rule": rule, "severity": severity, "offset_sec": offset_sec} | known | fields
