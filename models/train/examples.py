"""Clips turned into features once, before training: variants to learn from, segments to be judged on."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from undervoice import features, noise, vad
from undervoice.emotion import Samples
from undervoice.features import logfbank

from .augment import disturb, telephone
from .corpora import Clip, read_noises, read_samples
from .segmenting import cut_as_served
from .windows import trim

BANDS = 40
Half = npt.NDArray[np.float16]
"""``float16[frames, bands]``: features as they are kept in memory."""
NOISES = 200
"""Background recordings kept in memory while variants are made."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip as a model hears it: the features of its segments, and how long each is."""

    pieces: list[Half]
    weights: list[float] = field(default_factory=list)


def to_half(samples: Samples) -> Half:
    """Return the features of a stretch as ``float16[frames, bands]``."""
    return logfbank(samples, BANDS).astype(np.float16)


def make_variants(path: Path, noises: Sequence[Samples], variants: int, seed: int) -> Heard:
    """Return a clip's trimmed speech as it is, and ``variants`` times disturbed."""
    rng = np.random.default_rng((seed, zlib.crc32(path.name.encode())))
    speech = trim(read_samples(path))
    return Heard([to_half(speech)] + [to_half(disturb(speech, noises, rng)) for _ in range(variants)])


def make_segments(path: Path, phone: bool) -> Heard:
    """Return the segments the product would score, of the clip or of its way through a telephone line."""
    samples = read_samples(path)
    pieces = cut_as_served(telephone(samples) if phone else samples)
    return Heard([to_half(piece) for piece in pieces], [float(len(piece)) for piece in pieces])


class Store:
    """Features by path, kept in a folder between runs so that folds and release share the work.

    Args:
        folder: where to keep them; None keeps nothing.
        workers: processes that make features side by side.
    """

    def __init__(self, folder: Path | None, workers: int = 2) -> None:
        self.folder = folder
        self.workers = workers

    def variants(self, clips: Iterable[Clip], data: Path, count: int, seed: int) -> dict[Path, Heard]:
        """Return each clip's variants."""
        paths = read_noises(data)[:NOISES] if count else []
        noises = [read_samples(path) for path in paths]
        make = partial(make_variants, noises=noises, variants=count, seed=seed)
        return self.fetch(clips, f"variants-{count}-{seed}-{len(noises)}", make)

    def segments(self, clips: Iterable[Clip], phone: bool = False) -> dict[Path, Heard]:
        """Return each clip's segments."""
        return self.fetch(clips, f"segments-{'phone' if phone else 'studio'}", partial(make_segments, phone=phone))

    def fetch(self, clips: Iterable[Clip], kind: str, make: Callable[[Path], Heard]) -> dict[Path, Heard]:
        """Return what was kept of a kind, and make what is missing."""
        paths = sorted({clip.path for clip in clips})
        place = self.place(kind)
        # The file is our own, written a line below: pickle reads nothing from elsewhere.
        kept: dict[Path, Heard] = pickle.loads(place.read_bytes()) if place and place.is_file() else {}  # noqa: S301
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
        names = ["augment.py", "windows.py"]
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
        with multiprocessing.get_context("spawn").Pool(self.workers) as pool:
            # Few large chunks: each carries the background recordings along.
            return pool.map(make, paths, chunksize=-(-len(paths) // (8 * self.workers)))
