"""What a telephone, a room and a street do to a voice: variants of a clip for training.

Every function takes and gives mono ``int16[n]`` at 16 kHz; all but ``change_speed`` keep the length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import scipy.signal
import soxr

from undervoice.emotion import SAMPLE_RATE, Samples

from .codecs import NARROW as PHONE_RATE
from .codecs import Audio, draw, mulaw

PHONE_BAND = (300.0, 3_400.0)
"""Hz; the narrow band of ITU-T G.712."""


def to_int16(audio: npt.NDArray[np.floating]) -> Samples:
    """Return audio in the scale of 16-bit samples as ``int16[n]``, clipped at the rails."""
    samples: Samples = np.clip(np.rint(audio), -32_768, 32_767).astype(np.int16)
    return samples


def fit(audio: Audio, length: int) -> Audio:
    """Return audio cut or padded with zeros to ``length`` samples."""
    return np.pad(audio, (0, max(0, length - len(audio))))[:length]


def carry(samples: Samples, through: Callable[[Audio], Audio], rate: int, band: bool) -> Samples:
    """Send a voice over a line of ``rate`` Hz and its codec, with ``band`` through the narrow-band filter too."""
    line = np.asarray(soxr.resample(samples.astype(np.float32), SAMPLE_RATE, rate), np.float32)
    if band:
        sos = scipy.signal.butter(4, PHONE_BAND, "bandpass", fs=rate, output="sos")
        line = scipy.signal.sosfilt(sos, line).astype(np.float32)
    heard = np.asarray(soxr.resample(through(line), rate, SAMPLE_RATE), np.float32)
    return to_int16(fit(heard, len(samples)))


def telephone(samples: Samples, band: bool = False) -> Samples:
    """Send a voice through an 8 kHz mu-law line, with ``band`` through the narrow-band filter too."""
    return carry(samples, mulaw, PHONE_RATE, band)


def call_line(samples: Samples, rng: np.random.Generator) -> Samples:
    """Send a voice over a line drawn from ``codecs.CODECS``; half the narrow ones filter their band too."""
    codec = draw(rng)
    band = bool(rng.random() < 0.5) and codec.rate == PHONE_RATE
    return carry(samples, codec.through, codec.rate, band)


def change_gain(samples: Samples, gain_db: float) -> Samples:
    """Make a voice louder or softer; what exceeds the rails is clipped, as microphones do."""
    return to_int16(samples * 10 ** (gain_db / 20))


def overdrive(samples: Samples, over_db: float) -> Samples:
    """Cut off whatever exceeds the clip's own peak less ``over_db``, as a microphone that is turned up too far does."""
    limit = float(np.abs(samples.astype(np.float32)).max(initial=0.0)) * 10 ** (-over_db / 20)
    return to_int16(np.clip(samples.astype(np.float32), -limit, limit))


def change_speed(samples: Samples, rate: float) -> Samples:
    """Play faster (rate over 1) or slower; the pitch moves too, as if somebody else spoke."""
    return to_int16(soxr.resample(samples.astype(np.float32), SAMPLE_RATE * rate, SAMPLE_RATE))


def add_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add background noise, repeated where it is shorter, at a signal-to-noise ratio."""
    bed = np.resize(noise, len(samples)).astype(np.float32)
    voice = samples.astype(np.float32)
    power = float(np.mean(bed**2))
    if power == 0:
        return samples
    scale = np.sqrt(float(np.mean(voice**2)) / power / 10 ** (snr_db / 10))
    return to_int16(voice + scale * bed)


def add_room(samples: Samples, decay_sec: float, rng: np.random.Generator) -> Samples:
    """Put a voice in a room whose sound dies by 60 dB in ``decay_sec`` (decaying noise, as Moorer models it)."""
    length = max(2, int(decay_sec * SAMPLE_RATE))
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= 0.5 / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return to_int16(scipy.signal.fftconvolve(samples.astype(np.float32), tail)[: len(samples)])


def disturb(samples: Samples, noises: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Return one random variant: other pace, room, noise, level and line, each now and then.

    The same ``rng`` gives the same variant. The order is that of a call: the mouth, the room and what else sounds in
    it, the microphone, the line.
    """
    if rng.random() < 0.6:
        samples = change_speed(samples, float(rng.uniform(0.88, 1.12)))
    if rng.random() < 0.3:
        samples = add_room(samples, float(rng.uniform(0.1, 0.4)), rng)
    if noises and rng.random() < 0.6:
        noise = np.roll(noises[int(rng.integers(len(noises)))], int(rng.integers(SAMPLE_RATE)))
        samples = add_noise(samples, noise, float(rng.uniform(5, 30)))
    if rng.random() < 0.1:
        samples = overdrive(samples, float(rng.uniform(2, 10)))
    samples = change_gain(samples, float(rng.uniform(-15, 6)))
    if rng.random() < 0.5:
        samples = call_line(samples, rng)
    return samples
