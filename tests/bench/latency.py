"""How long after its last sample a segment's reading is there, on one live call in real time.

    .venv/bin/python tests/bench/latency.py [SEGMENTS]

A real server process on loopback, 100 ms frames, the default windows of 2.5 s. The clock starts when
the client has handed over the frame with the segment's last sample and stops when the reading has
been received. The limit beside it is the bare cost of scoring such a segment in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from websockets.sync.client import ClientConnection, connect

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.voices import voice  # noqa: E402

from undervoice.emotion import Segment  # noqa: E402
from undervoice.model import Model  # noqa: E402
from undervoice.settings import load_settings  # noqa: E402

FRAME_SEC, WINDOW_SEC = 0.1, 2.5


def play(ws: ClientConnection, pcm: bytes, sent: dict[int, float]) -> None:
    """Send 100 ms frames in real time; remember when each place of the audio was handed over."""
    size = int(16_000 * FRAME_SEC) * 2
    began = time.perf_counter()
    for number, at in enumerate(range(0, len(pcm), size)):
        time.sleep(max(0.0, began + number * FRAME_SEC - time.perf_counter()))
        ws.send(pcm[at : at + size])
        sent[(at + size) // 2] = time.perf_counter()
    ws.send('{"type":"stop"}')


def measure(url: str, token: str, segments: int, call_id: str = "bench-latency") -> tuple[list[float], list[float]]:
    """Return latencies in milliseconds as the client saw them and as the server says."""
    pcm = voice((segments + 1) * WINDOW_SEC).tobytes()
    sent: dict[int, float] = {}
    seen, said = [], []
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, subprotocols=["undervoice.v1"]) as ws:  # type: ignore[list-item]
        ws.send(json.dumps({"type": "start", "call_id": call_id, "audio": {"sample_rate": 16000}}))
        threading.Thread(target=play, args=(ws, pcm, sent), daemon=True).start()
        while (message := json.loads(ws.recv()))["type"] != "stopped":
            now = time.perf_counter()
            if message["type"] == "emotion" and message["trigger"] == "window":
                end = round(message["end_offset_sec"] * 16_000)
                seen.append((now - sent[-(-end // 1600) * 1600]) * 1000)
                said.append(message["latency_ms"])
    return seen, said


def bare_ms() -> float:
    """Return the median cost of scoring one window here."""
    model, samples = Model.load(load_settings(os.environ).model_folders[0]), voice(WINDOW_SEC)
    segment = Segment("customer", 0, len(samples), samples, "window", -60.0)
    durations = []
    for _ in range(50):
        began = time.perf_counter()
        model.score([segment])
        durations.append((time.perf_counter() - began) * 1000)
    return float(np.median(durations))


def main() -> None:
    segments = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as state:
        environ = os.environ | {"UNDERVOICE_STATE": state}
        command = [sys.executable, "-m", "undervoice", "serve", "--port", "0", "--log-level", "warning"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            page, _, token = server.stdout.readline().strip().partition("/#token=")
            seen, said = measure(page.replace("http", "ws", 1) + "/api/v1/stream", token, segments)
            server.terminate()
    bare = bare_ms()
    for name, values in (("client", seen), ("server", said)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        print(
            f"{name}: {len(values)} segments, p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, "
            f"max {max(values):.1f} ms; {p50 / bare:.1f} times the bare score ({bare:.1f} ms)"
        )


if __name__ == "__main__":
    main()
