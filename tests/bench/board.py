"""What 500 live calls cost the supervisor's browser: frames, tasks and memory of the wall.

    .venv/bin/python tests/bench/board.py [CALLS] [SECONDS]

Each call has a new mood every 2.5 s, as calls that speak all the time do, and now and then an alert. The server is a
thread of this process, Chromium is its own; its frames are drawn without a GPU, so that a desk's computer does better.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.browser.floor import Floor  # noqa: E402
from tests.servers import Server, serving  # noqa: E402
from tests.tiny import write_tiny_model  # noqa: E402

from undervoice.app import create_app  # noqa: E402
from undervoice.auth import Tokens  # noqa: E402
from undervoice.settings import load_settings  # noqa: E402

FINAL_SEC = 2.5
WATCH = """() => {
  window.frames_ms = []; window.tasks_ms = [];
  new PerformanceObserver((list) => list.getEntries().forEach((each) => tasks_ms.push(each.duration)))
    .observe({ type: 'longtask' });
  let last = performance.now();
  const frame = (now) => { frames_ms.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
SCROLL = "(by) => { const step = () => { scrollBy(0, by); requestAnimationFrame(step); }; step(); }"


def speak(floor: Floor, names: list[str], until: float) -> None:
    """Give every call a new mood every 2.5 s, spread over the time, and one in a thousand an alert."""
    upset = {name: random.random() for name in names}
    count, began = 0, time.monotonic()
    while time.monotonic() < until:
        name = names[count % len(names)]
        upset[name] = min(1.0, max(0.0, upset[name] + random.uniform(-0.12, 0.12)))
        state = "upset" if upset[name] > 0.6 else "tense" if upset[name] > 0.45 else "calm"
        floor.mood(name, state, upset[name], random.uniform(-1, 1), 20.0 * upset[name], 60.0 + count)
        if random.random() < 0.001:
            floor.alert(name, "sustained_upset")
        count += 1
        time.sleep(max(0.0, began + count * FINAL_SEC / len(names) - time.monotonic()))


def costs(session: CDPSession) -> dict[str, float]:
    """Return what the page has cost so far, in seconds."""
    found: dict[str, Any] = session.send("Performance.getMetrics")
    return {row["name"]: row["value"] for row in found["metrics"]}


def report(page: Page, session: CDPSession, seconds: float, what: str) -> None:
    """Watch for so long, and print a row."""
    before = costs(session)
    page.evaluate("frames_ms.length = tasks_ms.length = 0")
    page.wait_for_timeout(seconds * 1000)
    frames = sorted(page.evaluate("frames_ms"))
    tasks = page.evaluate("tasks_ms")
    after = costs(session)
    used = {
        name: (after[name] - before[name]) / seconds for name in ("ScriptDuration", "LayoutDuration", "TaskDuration")
    }
    print(
        f"{what:10} | {len(frames) / seconds:5.1f} | {statistics.median(frames):5.1f} ms |"
        f" {frames[int(0.95 * len(frames))]:5.1f} ms | {frames[int(0.99 * len(frames))]:5.1f} ms |"
        f" {sum(each > 50 for each in frames):3} | {len(tasks):3} | {used['ScriptDuration']:5.1%} |"
        f" {used['LayoutDuration']:5.1%} | {used['TaskDuration']:5.1%} | {after['JSHeapUsedSize'] / 1e6:.1f} MB |"
        f" {page.locator('.wall .rows .row').count()}"
    )


def watch(server: Server, calls: int, seconds: float) -> None:
    """Hold the calls, and look at them."""
    floor, names = Floor(server), [f"c-{number:05d}" for number in range(calls)]
    for name in names:
        floor.begin(name)
    speaking = threading.Thread(target=speak, args=(floor, names, time.monotonic() + 2 * seconds + 10))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{server.url}/supervisor#token={server.token('supervisor')}")
        page.locator(".wall .row").first.wait_for()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(WATCH)
        page.wait_for_timeout(1000)
        print("           | frames/s | median | p95 | p99 | >50 ms | long tasks | script | layout | all | heap | rows")
        report(page, session, min(5.0, seconds), "still")
        speaking.start()
        page.wait_for_timeout(1000)
        report(page, session, seconds, "speaking")
        page.evaluate(SCROLL, 12)
        report(page, session, seconds, "scrolling")
        browser.close()
    speaking.join()


def main() -> None:
    """Serve, and print what was measured."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    with tempfile.TemporaryDirectory() as folder:
        model = write_tiny_model(Path(folder) / "tiny")
        settings = load_settings({"UNDERVOICE_STATE": folder, "UNDERVOICE_MODEL": str(model)})
        app = create_app(settings)
        print(f"{calls} calls with a mood every {FINAL_SEC} s, {seconds:g} s each")
        with serving(app, log_level="error", loop="uvloop") as url:
            watch(Server(url, app.state.service, Tokens(settings.secret)), calls, seconds)


if __name__ == "__main__":
    main()
