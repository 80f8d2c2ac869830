"""Make the sample call that the demo page plays: a customer who grows agitated and calms down a little.

Run again with `python widget/sample/make_sample_call.py` (needs espeak-ng, numpy, scipy, soxr and soundfile; any of
the project's environments has all but the first). The same espeak-ng version gives the same bytes: noise and gain
come from a fixed seed. The text is invented for this project, so the file carries no one's voice and no one's words.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

RATE_HZ = 16_000
OUT = Path(__file__).parent.parent / "src" / "demo" / "sample-call.flac"
SEED = 20_240_611


class Line(NamedTuple):
    """One thing the customer says, and how."""

    text: str
    words_per_min: int
    pitch: int  # espeak-ng's 0-99
    pitch_range: int  # espeak-ng's 0-99; wide is lively
    gain_db: float
    pause_sec: float  # after the line


CALL = (
    Line("Hello. I am calling about my order from last week.", 150, 38, 40, -6.0, 0.9),
    Line("It said two days. It has been nine now.", 155, 42, 50, -5.0, 1.1),
    Line("No. I already gave you that number. Twice!", 195, 58, 85, -1.5, 0.8),
    Line("This is ridiculous! Nobody ever calls me back, and I keep paying for it!", 215, 70, 99, 0.0, 1.0),
    Line("I want to speak to somebody who can fix this, right now!", 210, 72, 99, 0.0, 1.3),
    Line("All right. Tomorrow, before noon.", 150, 45, 50, -4.0, 0.8),
    Line("Thank you. I will wait for it.", 135, 36, 35, -6.5, 0.6),
)


def speak(line: Line) -> NDArray[np.float64]:
    """Return one line as float64[n] at 16 kHz, peak 1."""
    command = ["espeak-ng", "-v", "en-gb+f2", "-s", str(line.words_per_min), "--stdout"]
    marked = f'<speak><prosody range="{line.pitch_range}%">{line.text}</prosody></speak>'
    wav = subprocess.run([*command, "-p", str(line.pitch), "-m", marked], capture_output=True, check=True).stdout  # noqa: S603
    # A stream's WAV header carries no true length, so the header is skipped and the rest read as PCM16.
    samples = np.frombuffer(wav[44 : 44 + (len(wav) - 44) // 2 * 2], "<i2") / 32768.0
    rate = int.from_bytes(wav[24:28], "little")
    out = soxr.resample(samples, rate, RATE_HZ)
    return np.asarray(out / np.max(np.abs(out)))


def drift(samples: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Move the loudness by up to 2 dB, slowly, as people do who turn their head while speaking."""
    knots = rng.uniform(-2.0, 0.0, size=max(2, len(samples) // (RATE_HZ // 2)))
    gain_db = np.interp(np.linspace(0, len(knots) - 1, len(samples)), np.arange(len(knots)), knots)
    return np.asarray(samples * 10 ** (gain_db / 20))


def build() -> NDArray[np.int16]:
    """Return the whole call as int16[n], in the band of a telephone line."""
    rng = np.random.default_rng(SEED)
    parts: list[NDArray[np.float64]] = [np.zeros(RATE_HZ // 2)]
    for line in CALL:
        parts.append(drift(speak(line), rng) * 10 ** (line.gain_db / 20))
        parts.append(np.zeros(int(line.pause_sec * RATE_HZ)))
    call = np.concatenate(parts)
    # 300-3,400 Hz is what a line carries; it also halves the file.
    call = sosfiltfilt(butter(4, [300, 3400], "bandpass", fs=RATE_HZ, output="sos"), call)
    call = 0.25 * call / np.max(np.abs(call)) + rng.normal(0, 1.0 / 32768, len(call))
    return np.asarray(np.round(call * 32767), dtype=np.int16)


def main() -> None:
    """Write the file and say how large it became."""
    call = build()
    buffer = io.BytesIO()
    sf.write(buffer, call, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=1.0)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(buffer.getvalue())
    print(f"{OUT}: {len(call) / RATE_HZ:.1f} s, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
