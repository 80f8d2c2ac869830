"""Every state of the meter on one page, drawn from what a server and a browser would have told it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser.acting import LABELS, alert, mood

STORY = (("happy", 0.6), ("neutral", 0.71), ("neutral", 0.64), ("angry", 0.43), ("sad", 0.52), ("surprised", 0.55),
         ("fearful", 0.58), ("disgusted", 0.61), ("angry", 0.78), ("angry", 0.85))  # fmt: skip
UNSURE = 3
"""Which reading of the story the model abstains from."""


def reading(n: int, *, final: bool = True) -> dict[str, Any]:
    """Return a reading of the story."""
    emotion, confidence = STORY[n]
    return {
        "type": "emotion", "segment_id": f"c:customer:{n}", "call_id": "c", "final": final,
        "start_offset_sec": n * 2.5, "end_offset_sec": n * 2.5 + 2.5, "detected_emotion": emotion,
        "confidence_score": confidence, "all_emotions_confidence": dict.fromkeys(LABELS, 1 / 7),
        "uncertain": n == UNSURE,
    }  # fmt: skip


def told(readings: int, score: float, state: str, **fields: Any) -> list[dict[str, Any]]:
    """Return what a server has said after so many readings, the last of them provisional."""
    told = [reading(n, final=n < readings - 1) for n in range(readings)]
    return [*told, mood(score, state, **fields), {"type": "speech", "state": "started", "offset_sec": 0.5}]


CALM = told(3, 0.12, "calm")
UPSET = told(10, 0.68, "upset", upset_sec=14.0, trend=0.3)
HINT = alert("long_upset", 21.0, "critical", actions=["suggest_supervisor", "open_kb"],
             message="The customer has sounded upset for 30 seconds: offer a supervisor.")  # fmt: skip
SUMMARY = {
    "mood": mood(0.2, "calm", upset_sec=14.0),
    "totals": {"audio_sec": 312.0, "segments": 74},
    "summary": {
        "upset_share": 0.07, "peak": {"upset_score": 0.81, "offset_sec": 61.0}, "turned_sec": 75.0, "ended_as": "calm",
        "emotion_distribution": {"neutral": 48, "angry": 15, "sad": 11},
        "course": [{"offset_sec": 0.0, "state": "calm"}, {"offset_sec": 58.0, "state": "upset"}],
        "helped": [{"rule": "long_upset", "offset_sec": 63.0, "recovered_sec": 88.0}],
    },
}  # fmt: skip

STATES: dict[str, dict[str, Any]] = {
    "ready": {"state": "idle"},
    "connecting": {"state": "connecting"},
    "blocked": {"state": "blocked"},
    "listening": {"state": "listening"},
    "calm": {"state": "listening", "told": CALM},
    "tense": {"state": "listening", "told": told(9, 0.52, "tense")},
    "upset with a hint": {"state": "listening", "told": UPSET, "alert": HINT},
    "unsure": {"state": "listening", "told": [*(reading(n) for n in range(UNSURE + 1)), mood(0.4, "calm")]},
    "recovering": {"state": "listening", "told": told(10, 0.41, "recovering", upset_sec=34.0, trend=-0.4)},
    "noisy line": {"state": "listening", "told": CALM, "fault": "noisy"},
    "no sound": {"state": "listening", "told": CALM, "starved": True},
    "old news": {"state": "listening", "told": UPSET, "stale": True},
    "paused": {"state": "paused", "told": CALM, "paused": True},
    "reconnecting": {"state": "reconnecting", "told": UPSET, "away": True},
    "a hint that was judged": {"state": "listening", "told": UPSET, "alert": HINT, "useful": True},
    "hints snoozed": {"state": "listening", "told": UPSET, "snoozed": 300},
    "a reading in doubt": {"state": "listening", "told": CALM, "doubt": True},
    "a corrected reading": {"state": "listening", "told": CALM, "corrected": {"emotion": "surprised"}},
    "ended": {"state": "ended", "told": UPSET, "summary": SUMMARY},
    "summary under way": {"state": "ended", "told": UPSET, "summary_phase": "loading"},
    "no summary": {"state": "ended", "told": UPSET, "summary_phase": "failed"},
    "uploads offered": {"state": "idle", "source": None, "upload": {}},
    "uploading": {"state": "idle", "source": None, "upload": {"phase": "sending", "share": 0.44, "name": "call.wav"}},
    "upload refused": {
        "state": "idle",
        "source": None,
        "upload": {"phase": "failed", "failure": "too_large", "name": "call.wav"},
    },
    "upload scored": {
        "state": "idle",
        "source": None,
        "upload": {
            "phase": "ready",
            "name": "a-call-with-a-long-name-of-its-own-2026-05-24.flac",
            "result": reading(9) | {"segments": [reading(n) for n in range(10)]},
        },
    },
    "microphone denied": {"state": "mic_denied", "source": None},
    "server full": {"state": "full", "source": None},
    "connection lost": {"state": "lost", "told": UPSET},
}

HANG = """async ([states, attributes, width]) => {
  const { MeterState } = await import('/widget/meter-state.js');
  const room = document.createElement('main');
  document.body.replaceChildren(room);
  document.documentElement.dir = attributes.dir ?? 'ltr';
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`main { all: unset; display: grid; align-items: start; gap: 16px; padding: 16px;
    grid-template-columns: repeat(auto-fill, ${width}px); }`);
  document.adoptedStyleSheets = [sheet];
  for (const [name, told] of Object.entries(states)) {
    const own = document.createElement('undervoice-meter');
    for (const [key, value] of Object.entries(attributes)) own.setAttribute(key, value);
    room.append(own);
    while (own.view.card.hidden) await new Promise((go) => setTimeout(go, 10));
    const { told: messages = [], alert, useful, snoozed, fault, ...more } = told;
    const { summary, summary_phase: phase, doubt, corrected, upload, ...fields } = more;
    const { view } = own, { panels } = view, memory = new MeterState();
    for (const message of messages) memory.message(message, 0);
    Object.assign(memory, { source: 'stream', audioSec: messages.length * 2.5 }, fields);
    if (fault) Object.defineProperty(memory.line, 'fault', { value: fault });
    if (alert) panels.hints.coaching.message(alert);
    if (useful) panels.hints.coaching.judge(useful);
    if (snoozed) panels.hints.coaching.snooze(snoozed);
    const extras = await panels.extras();
    if (summary || phase) Object.assign(extras.summary, { phase: phase ?? 'ready', call: summary ?? null });
    Object.assign(extras.upload, upload);
    const last = memory.cells.findLast((cell) => cell.final);
    if (doubt) extras.faces.correction.open(last, memory.cells, view.timeline.element, null);
    if (corrected) panels.corrected().set(last.segment_id, corrected);
    for (const face of [panels.hints, extras]) face.draw(upload !== undefined);
    view.draw(memory, { microphone: false, tab: true });
    if (memory.state === 'listening') view.drawLevel(memory.speaking ? -22 : -60);
    own.setAttribute('data-state', name);
  }
  await new Promise((go) => setTimeout(go, 350));
}"""
WIDEN = """(width) => {
  document.adoptedStyleSheets[0].cssRules[0].style.gridTemplateColumns = `repeat(auto-fill, ${width}px)`;
  return [...document.querySelectorAll('undervoice-meter')].filter(({ view: { card } }) => {
    const wide = card.getBoundingClientRect();
    const beyond = [...card.querySelectorAll(':not(.sr, .sr *, .strip *)')].some((each) => {
      const box = each.getBoundingClientRect();
      return box.width > 0 && (box.right > wide.right + 1 || box.left < wide.left - 1);
    });
    return beyond || card.scrollWidth > card.clientWidth + 1;
  }).map((each) => each.dataset.state);
}"""


def hang(page: Page, attributes: dict[str, str], width: int = 360, *states: str) -> None:
    """Show all states, or these, side by side, each on a meter with these attributes and of this width."""
    page.evaluate(HANG, [{name: STATES[name] for name in states or STATES}, attributes, width])


def overflowing(page: Page, width: int) -> list[str]:
    """Return the states that do not fit into this width."""
    found: list[str] = page.evaluate(WIDEN, width)
    return found
