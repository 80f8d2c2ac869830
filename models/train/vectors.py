"""What a frozen encoder hears in clips: computed once, kept, and shared by all folds."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from .accurate import Accurate
from .corpora import Clip
from .encoder import PLACES
from .examples import Half, Heard, Store
from .loop import device, half_precision

Vectors = npt.NDArray[np.float32]
"""``float32[variants or segments, 2 * width]`` of one clip."""
CLIPS = 400
"""Clips after which the work done so far is written down."""
FRAMES = 6_000
"""Frames encoded at once: a minute."""


class Hearing:
    """Encodes clips, and remembers them in the store's folder.

    Args:
        progress: called with clips done and clips in all.
    """

    def __init__(self, store: Store, network: Accurate, progress: Callable[[int, int], None] | None = None) -> None:
        self.store, self.network, self.progress = store, network.eval(), progress
        network.encoder.to(device())  # the heads stay on the processor: they are too small to gain
        weights = b"".join(value.cpu().numpy().tobytes() for value in network.encoder.state_dict().values())
        self.mark = hashlib.sha256(weights).hexdigest()[:12]

    def variants(self, clips: Iterable[Clip], count: int, seed: int, first: int | None = None) -> dict[Path, Vectors]:
        """Return the vectors of each clip's variants, or of its ``first`` ones."""
        place = self.store.place(f"variants-{count}-{seed}" + (f"-first-{first}" if first else ""))
        # Only what is learned from: half precision moves a vector less than another variant would.
        return self._fetch(clips, place, lambda missing: self.store.variants(missing, count, seed), first)

    def segments(self, clips: Iterable[Clip], phone: bool = False) -> dict[Path, Vectors]:
        """Return the vectors of each clip's segments, exactly as the service would compute them."""
        place = self.store.place(f"segments-{'phone' if phone else 'studio'}")
        return self._fetch(clips, place, lambda missing: self.store.segments(missing, phone), exact=True)

    def _fetch(
        self,
        clips: Iterable[Clip],
        place: Path | None,
        make: Callable[[Sequence[Clip]], Mapping[Path, Heard]],
        first: int | None = None,
        exact: bool = False,
    ) -> dict[Path, Vectors]:
        wanted = {clip.path: clip for clip in clips}
        file = place.with_name(f"vectors-{self.mark}-{place.name}") if place else None
        # The file is our own, written below: pickle reads nothing from elsewhere.
        kept: dict[Path, Vectors] = pickle.loads(file.read_bytes()) if file and file.is_file() else {}  # noqa: S301 - our own file
        missing = [clip for path, clip in wanted.items() if path not in kept]
        heard = make(missing) if missing else {}
        for start in range(0, len(missing), CLIPS):
            part = missing[start : start + CLIPS]
            # No segment is longer than the encoder has places; a variant of a whole clip may be.
            found = [heard[clip.path].pieces[self.network.kind][:first] for clip in part]
            rows = iter(self._encode([piece[: 2 * PLACES] for pieces in found for piece in pieces], exact))
            for clip, pieces in zip(part, found, strict=True):
                kept[clip.path] = np.stack([next(rows) for _ in pieces])
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(pickle.dumps(kept, protocol=pickle.HIGHEST_PROTOCOL))
            if self.progress:
                self.progress(min(start + CLIPS, len(missing)), len(missing))
        return {path: kept[path] for path in wanted}

    @torch.no_grad()
    def _encode(self, pieces: Sequence[Half], exact: bool) -> Vectors:
        """Return the vector of each piece; neighbours in length share a batch."""
        order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
        rows: dict[int, npt.NDArray[np.float32]] = {}
        while order:
            longest = len(pieces[order[-1]])
            part = [order.pop() for _ in range(min(len(order), max(1, FRAMES // longest)))]
            lengths = torch.tensor([len(pieces[index]) for index in part])
            inputs = np.zeros((len(part), longest, pieces[part[0]].shape[1]), np.float32)
            for row, index in enumerate(part):
                inputs[row, : len(pieces[index])] = pieces[index]
            with half_precision(enabled=not exact):
                found = self.network.vectors(torch.from_numpy(inputs).to(device()), lengths.to(device()))
            rows |= dict(zip(part, found.float().cpu().numpy(), strict=True))
        return np.stack([rows[index] for index in range(len(pieces))])
