"""A server of the kind that many speech servers are: a thread a call, which hears, cuts and scores it by itself.

    .venv/bin/python -m tests.bench.rivals.threads MODEL

Speaks as much of our protocol as a load needs. It has our segmenter and our model, one session for all threads, and
does much less than we do: no token, no queue, no batches, no moods, nothing stored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from undervoice.emotion import SAMPLE_RATE, Segment
from undervoice.model import Model
from undervoice.terms import SUBPROTOCOL
from undervoice.vad import Event, Segmenter, SegmenterConfig

BACKLOG = 1024


class Calls:
    """What each thread does with its call."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, line: ServerConnection) -> None:
        try:
            self._hold(line)
        except ConnectionClosed:
            return

    def _hold(self, line: ServerConnection) -> None:
        asked = json.loads(line.recv()).get("config", {}).get("provisional_ms", 1000)
        segmenter = Segmenter(SegmenterConfig(provisional=asked * SAMPLE_RATE // 1000))
        line.send(json.dumps({"type": "started"}))
        while isinstance(frame := line.recv(), bytes):
            self._answer(line, segmenter.push(np.frombuffer(frame, "<i2")))
        self._answer(line, segmenter.finish())
        line.send(json.dumps({"type": "stopped"}))

    def _answer(self, line: ServerConnection, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Segment):
                (scores,) = self._model.score([event])
                reading = {
                    "type": "emotion",
                    "final": event.final,
                    "trigger": event.trigger,
                    "end_offset_sec": event.end / SAMPLE_RATE,
                    "all_emotions_confidence": scores.probabilities,
                    "model": scores.model,
                }
                line.send(json.dumps(reading))


def main() -> None:
    calls = Calls(Model.load(Path(sys.argv[1])))
    with serve(calls, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], compression=None, ping_interval=None) as server:
        server.socket.listen(BACKLOG)
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
