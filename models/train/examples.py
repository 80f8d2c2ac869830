"""Clips turned into features once, before training: variants to learn from, segments to be judged on."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from undervoice import features, noise, vad
from undervoice.emotion import Samples
from undervoice.features import Features, log_mel, logfbank

from .augment import add_noise, disturb, telephone
from .corpora import Clip, read_samples
from .segmenting import cut_as_served
from .windows import trim

FEATURES: dict[str, Callable[[Samples], Features]] = {"logfbank": logfbank, "log_mel": log_mel}
"""The features that networks take, by the name that ``model.json`` gives them."""
Half = npt.NDArray[np.float16]
"""``float16[frames, bands]``: features as they are kept in memory."""
NOISES = 200
"""Background recordings kept in memory while variants are made."""
PHONE_SNR_DB = 15.0
"""How far a caller's voice stands over the street when a model is judged over the telephone."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip as models hear it: its variants or segments as features of each kind, and how long each is."""

    pieces: dict[str, list[Half]]
    weights: list[float]


def hear(stretches: Sequence[Samples]) -> Heard:
    """Return stretches as features of every kind: both networks must hear the very same variants."""
    pieces = {
        kind: [compute(samples).astype(np.float16) for samples in stretches] for kind, compute in FEATURES.items()
    }
    return Heard(pieces, [float(len(samples)) for samples in stretches])


def make_variants(path: Path, noises: Sequence[Samples], variants: int, seed: int) -> Heard:
    """Return a clip's trimmed speech as it is, and ``variants`` times disturbed."""
    rng = np.random.default_rng((seed, zlib.crc32(path.name.encode())))
    speech = trim(read_samples(path))
    return hear([speech] + [disturb(speech, noises, rng) for _ in range(variants)])


def make_segments(path: Path, noises: Sequence[Samples], phone: bool) -> Heard:
    """Return the segments that the product would score, of the clip or of its way through a telephone line.

    Over the telephone the segments are those of the clear clip: what is measured is the model, not the segmenter.
    """
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    pieces = cut_as_served(read_samples(path))
    return hear([call_from_street(piece, noises, rng) for piece in pieces] if phone else pieces)


def call_from_street(samples: Samples, noises: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Return a voice through mu-law at 8 kHz with noise 15 dB under it; white noise where there is no other."""
    white = rng.normal(0, 1000, len(samples)).astype(np.int16)
    noise = noises[int(rng.integers(len(noises)))] if noises else white
    return telephone(add_noise(samples, noise, PHONE_SNR_DB))


class Store:
    """Features by path, kept in a folder between runs so that folds and release share the work.

    Args:
        folder: where to keep them; None keeps nothing.
        noises: background recordings that variants and telephone calls get.
        workers: processes that make features side by side.
    """

    def __init__(self, folder: Path | None, noises: Sequence[Path] = (), workers: int = 2) -> None:
        self.folder, self.noises, self.workers = folder, noises, workers
        self._read: list[Samples] | None = None

    def variants(self, clips: Iterable[Clip], count: int, seed: int) -> dict[Path, Heard]:
        """Return each clip's variants."""
        noises = self.read_noises() if count else []
        make = partial(make_variants, noises=noises, variants=count, seed=seed)
        return self.fetch(clips, f"variants-{count}-{seed}-{len(noises)}", make)

    def segments(self, clips: Iterable[Clip], phone: bool = False) -> dict[Path, Heard]:
        """Return each clip's segments."""
        noises = self.read_noises() if phone else []
        make = partial(make_segments, noises=noises, phone=phone)
        return self.fetch(clips, f"segments-{f'phone-{len(noises)}' if phone else 'studio'}", make)

    def read_noises(self) -> list[Samples]:
        """Return the background recordings, read once."""
        if self._read is None:
            self._read = [read_samples(path) for path in self.noises[:NOISES]]
        return self._read

    def fetch(self, clips: Iterable[Clip], kind: str, make: Callable[[Path], Heard]) -> dict[Path, Heard]:
        """Return what was kept of a kind, and make what is missing."""
        paths = sorted({clip.path for clip in clips})
        place = self.place(kind)
        # The file is our own, written a line below: pickle reads nothing from elsewhere.
        kept: dict[Path, Heard] = pickle.loads(place.read_bytes()) if place and place.is_file() else {}  # noqa: S301 - our own file
        missing = [path for path in paths if path not in kept]
        if missing:
            kept |= dict(zip(missing, self.make_all(make, missing), strict=True))
            if place:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(pickle.dumps(kept, protocol=pickle.HIGHEST_PROTOCOL))
        return {path: kept[path] for path in paths}

    def place(self, kind: str) -> Path | None:
        """Return the file for a kind; its name changes with the code that makes it."""
        if self.folder is None:
            return None
        sources = b"".join(source.read_bytes() for source in self.sources(kind)) + __name__.encode()
        return self.folder / f"{kind}-{hashlib.sha256(sources).hexdigest()[:12]}.pickle"

    @staticmethod
    def sources(kind: str) -> list[Path]:
        """Return the code that decides how features of a kind come out."""
        names = ["augment.py", "codecs.py", "windows.py"]
        modules = [features]
        if kind.startswith("segments"):
            names.append("segmenting.py")
            modules += [vad, noise]
        return [Path(__file__).parent / name for name in names] + [Path(str(module.__file__)) for module in modules]

    def make_all(self, make: Callable[[Path], Heard], paths: Sequence[Path]) -> list[Heard]:
        """Run ``make`` over many paths, in several processes where that pays."""
        if self.workers < 2 or len(paths) < 64:
            return [make(path) for path in paths]
        # spawn: forking a process in which torch already runs threads can hang.
        # One thread each: the workers' own threads would wait for each other, many times longer than they work.
        with multiprocessing.get_context("spawn").Pool(self.workers, threadpool_limits, (1,)) as pool:
            # Few large chunks: each carries the background recordings along.
            return pool.map(make, paths, chunksize=-(-len(paths) // (8 * self.workers)))
