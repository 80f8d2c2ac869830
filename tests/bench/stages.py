"""What each step of a chunk's way costs on one thread, beside the bare library or the limit that it rests on.

    .venv/bin/python tests/bench/stages.py [--markdown]

A message is 100 ms of a call in speech, a segment 2.5 s of it, scored by the compact model. CPU time of the thread, the
median of many goes; for the socket, the mean of all that its thread did.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import undervoice.cli  # noqa: E402, F401, I001 - before numpy, whose products take one thread each in the server too

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
import python_speech_features as psf  # noqa: E402
import webrtcvad  # noqa: E402

from tests.bench.outbox import Confirming, bare_us  # noqa: E402
from tests.faults.load import speech  # noqa: E402
from tests.receiving import counting, dropping, framed, message_us  # noqa: E402
from tests.store.records import segment as logged  # noqa: E402

from undervoice.audio import AudioFormat, Decoder  # noqa: E402
from undervoice.emotion import Segment  # noqa: E402
from undervoice.features import log_mel, logfbank  # noqa: E402
from undervoice.messages import Limits, Start  # noqa: E402
from undervoice.model import Model  # noqa: E402
from undervoice.opening import Policy  # noqa: E402
from undervoice.session import Session  # noqa: E402
from undervoice.store import Store, open_store  # noqa: E402
from undervoice.store.outbox import Outbox  # noqa: E402
from undervoice.store.writer import Writer  # noqa: E402
from undervoice.terms import Audio, Config  # noqa: E402
from undervoice.vad import FRAME, Segmenter, SegmenterConfig  # noqa: E402

CALL = speech(60.0)
MESSAGES = [CALL[at : at + 1600].tobytes() for at in range(0, len(CALL), 1600)]
WINDOW = CALL[:40_000]
SEGMENT = Segment("customer", 0, len(WINDOW), WINDOW, "window", -60.0)
GROUP = 200
"""Records that a busy server writes down or saves at once."""

Row = tuple[str, float, str, float]
"""Step, microseconds, what stands beside it, and its microseconds."""


def median_us(work: Callable[[], object], repeats: int = 40, per: int = 1) -> float:
    """Return the median CPU time of some work on this thread, after a go that is not counted."""
    work()
    took = []
    for _ in range(repeats):
        began = time.thread_time()
        work()
        took.append((time.thread_time() - began) * 1e6 / per)
    return statistics.median(took)


# ---------------------------------------------------------------- a message


def message_rows(model: Model) -> list[Row]:
    count, frames = len(MESSAGES), framed(MESSAGES)
    received = message_us(dropping(count), frames)
    bare = message_us(counting(sum(map(len, frames))), frames)
    decoder = Decoder(AudioFormat())
    decoded = median_us(lambda: [decoder.push(message) for message in MESSAGES], per=count)
    read = median_us(lambda: [np.frombuffer(message, "<i2") for message in MESSAGES], per=count)
    vad = median_us(bare_vad, 10, count)
    return [
        ("socket: uvicorn, the WebSocket, a message to its task", received, "uvloop counting bytes", bare),
        ("decode: bytes to samples", decoded, "`numpy.frombuffer`", read),
        ("VAD: segmenter with noise floor", median_us(segmented, 10, count), "webrtcvad alone", vad),
        ("the whole session", median_us(lambda: held(model), 10, count), "webrtcvad alone", vad),
    ]


def segmented() -> None:
    segmenter = Segmenter(SegmenterConfig())
    for message in MESSAGES:
        segmenter.push(np.frombuffer(message, np.int16))


def held(model: Model) -> None:
    now = datetime.now(UTC)
    session = Session(Policy(model.info(), Limits(262_144, 14_400, 60), False), "bench")
    session.receive(Start(call_id="c", audio=Audio(), config=Config()), now)
    for message in MESSAGES:
        session.receive(message, now)


def bare_vad() -> None:
    vad, pcm = webrtcvad.Vad(2), CALL.tobytes()
    for at in range(0, len(pcm) - 2 * FRAME, 2 * FRAME):
        vad.is_speech(pcm[at : at + 2 * FRAME], 16_000)


# ---------------------------------------------------------------- a segment


def segment_rows(compact: Model, accurate: Model) -> list[Row]:
    definition = median_us(lambda: psf.logfbank(WINDOW, 16_000, nfilt=40, nfft=512), 20)
    rows: list[Row] = [
        ("features, compact", median_us(lambda: logfbank(WINDOW)), "`python_speech_features`", definition),
        ("features, accurate", median_us(lambda: log_mel(WINDOW)), "`python_speech_features`", definition),
    ]
    for model, repeats in ((compact, 40), (accurate, 10)):
        features = model.sidecar.features.compute(WINDOW)
        graph = median_us(lambda m=model, f=features: m.run([f]), repeats)  # type: ignore[misc]
        scored = median_us(lambda m=model: m.score([SEGMENT]), repeats)  # type: ignore[misc]
        rows.append((f"score, {model.name}: features, model, quality", scored, "the graph alone", graph))
    return rows


# ---------------------------------------------------------------- a reading


def reading_rows(folder: Path) -> list[Row]:
    reading = logged()
    plain = msgspec.to_builtins(reading)
    encode = msgspec.json.Encoder().encode
    return [
        ("JSON", median_us(lambda: encode(reading), 500), "`json.dumps`", median_us(lambda: json.dumps(plain), 500)),
        (f"outbox, {GROUP} at once", asyncio.run(kept_us(folder)), "sqlite3, a commit for all",
         bare_us(folder / "bare-1", 4000, False, GROUP)),
        (f"store (SQLite), {GROUP} at once", asyncio.run(saved_us(folder)), "sqlite3, a commit for all",
         bare_us(folder / "bare-2", 4000, False, GROUP)),
    ]  # fmt: skip


async def kept_us(folder: Path) -> float:
    """Return what the outbox takes a record by the clock: it works in a thread of its own."""
    writer = Writer(Confirming(), Outbox(folder / "outbox.db"))
    await writer.open()
    began = time.perf_counter()
    for turn in range(20):
        await asyncio.gather(*(writer.keep([logged(0, f"c-{turn}-{n}")]) for n in range(GROUP)))
    took = time.perf_counter() - began
    await writer.close()
    return took * 1e6 / (20 * GROUP)


async def saved_us(folder: Path) -> float:
    """Return what the store takes a record by the clock, metrics and indexes included."""
    store: Store = open_store(f"sqlite:///{folder / 'store.db'}", retention_days=0)
    groups: list[Any] = [[logged(0, f"c-{turn}-{n}") for n in range(GROUP)] for turn in range(21)]
    await store.save(groups[0])
    began = time.perf_counter()
    for group in groups[1:]:
        await store.save(group)
    took = time.perf_counter() - began
    await store.close()
    return took * 1e6 / (20 * GROUP)


def main() -> None:
    compact, accurate = (Model.load(REPOSITORY / "models" / name) for name in ("compact", "accurate"))
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "a message": message_rows(compact),
            "a segment": segment_rows(compact, accurate),
            "a reading": reading_rows(Path(folder)),
        }
    markdown = "--markdown" in sys.argv
    if markdown:
        print("| step | µs | beside it | µs | times |\n|---|---|---|---|---|")
    for of, rows in parts.items():
        for step, ours, peer, theirs in rows:
            line = (f"{of}: {step}", f"{ours:,.1f}", peer, f"{theirs:,.1f}", f"{ours / theirs:.1f}")
            print(
                "| " + " | ".join(line) + " |"
                if markdown
                else f"{line[0]:68}{line[1]:>9} µs   {peer:26}{line[3]:>9} µs  {line[4]:>6}×"
            )


if __name__ == "__main__":
    main()
