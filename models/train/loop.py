"""The training loop: seeded, balanced, with crops, masks and averaged weights; it can be stopped and continued."""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .corpora import Clip
from .examples import Half
from .recipe import Hearing, Schedule

Network = TypeVar("Network", bound=nn.Module)
Groups = list[dict[str, Any]]
"""Parameter groups of an optimizer, each with its highest learning rate."""
Progress = Callable[[int, int, float], None]
"""Called after each step with steps done, steps in all, and the mean loss of the epoch so far."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One way a clip may be heard, and what should be heard in it."""

    features: Half
    target: npt.NDArray[np.float32]
    """``float32[labels]``, sums to 1."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an epoch draws from: the takes of each clip, and each clip's chance."""

    takes: Sequence[Sequence[Take]]
    chances: npt.NDArray[np.float64]
    """``float64[clips]``, sums to 1."""
    draws: int
    """Takes heard in one epoch."""


def device() -> torch.device:
    """Return the GPU where torch sees one, the processor elsewhere."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_precision(*, enabled: bool = True) -> contextlib.AbstractContextManager[Any]:
    """Return a context of bfloat16 arithmetic where the hardware has it: three times faster, equally good."""
    kind = device().type
    able = kind == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=able and enabled)


def chances(clips: Sequence[Clip], balance: float) -> npt.NDArray[np.float64]:
    """Return each clip's chance to be drawn, ``float64[clips]``."""
    counts = Counter((clip.corpus, clip.label) for clip in clips)
    weights = np.array([counts[clip.corpus, clip.label] ** -balance for clip in clips], np.float64)
    return np.asarray(weights / weights.sum())


def crop(features: Half, frames: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return ``frames`` frames from a random place, with one masked band and one masked stretch of time."""
    start = int(rng.integers(len(features) - frames + 1))
    piece = features[start : start + frames].astype(np.float32)
    bands, fill = piece.shape[1], piece.mean()
    low, wide = int(rng.integers(bands)), int(rng.integers(1 + bands // 6))
    piece[:, low : low + wide] = fill
    early, long = int(rng.integers(frames)), int(rng.integers(1 + frames // 8))
    piece[early : early + long] = fill
    return piece


def batches(lesson: Lesson, size: int, hearing: Hearing, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of ``float32[batch, frames, bands]`` and ``float32[batch, labels]``; nothing is padded."""
    chosen = rng.choice(len(lesson.takes), lesson.draws, p=lesson.chances)
    drawn = [lesson.takes[index][int(rng.integers(len(lesson.takes[index])))] for index in chosen.tolist()]
    # Takes of similar length share a batch, so that little of a long one is lost to a short neighbour.
    drawn.sort(key=lambda take: min(len(take.features), hearing.longest) + int(rng.integers(40)))
    groups = [drawn[start : start + size] for start in range(0, len(drawn), size)]
    for number in rng.permutation(len(groups)):
        group = groups[number]
        most = min(hearing.longest, *(len(take.features) for take in group))
        least = min(hearing.shortest, most)
        # The longest of three: most segments of a call are whole ones.
        frames = int(rng.integers(least, most + 1, 3).max())
        inputs = np.stack([crop(take.features, frames, rng) for take in group])
        yield torch.from_numpy(inputs), torch.from_numpy(np.stack([take.target for take in group]))


class Training(Generic[Network]):
    """One training under way: ``run`` goes on from the last epoch that was kept.

    Args:
        network: what learns, on the processor; it is moved to ``device()``.
        groups: its parameters with their highest learning rates.
        keep: file for the state after each epoch; None keeps nothing.
    """

    def __init__(
        self, network: Network, groups: Groups, lesson: Lesson, schedule: Schedule, seed: int, keep: Path | None = None
    ) -> None:
        self.network, self.averaged = network.to(device()), copy.deepcopy(network).to(device()).eval()
        self.lesson, self.schedule, self.seed, self.keep = lesson, schedule, seed, keep
        self.epoch = self.step = 0
        self.steps = schedule.epochs * -(-lesson.draws // schedule.batch)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=schedule.weight_decay)
        rates = [group["lr"] for group in groups]
        self.rates = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, rates, total_steps=self.steps, pct_start=0.15)
        size = sum(weights.numel() for weights in network.parameters())
        self.plan = repr((schedule, seed, lesson.draws, len(lesson.takes), size))
        """What is trained; a state kept of anything else is not continued."""
        if keep and keep.is_file():
            self._load(keep)

    def run(self, progress: Progress | None = None, after: Callable[[int, float], None] | None = None) -> Network:
        """Train to the end and return the averaged network on the processor, ready to answer.

        Args:
            after: called after each epoch with its number (from 1) and its mean loss.
        """
        while self.epoch < self.schedule.epochs:
            # Each epoch has a generator of its own, so that a continued run draws what an unbroken one would.
            torch.manual_seed(self.seed + self.epoch)
            loss = self._hear_epoch(np.random.default_rng((self.seed, self.epoch)), progress)
            self.epoch += 1
            if self.keep:
                self._save(self.keep)
            if after:
                after(self.epoch, loss)
        return self.averaged.cpu().eval()

    def _hear_epoch(self, rng: np.random.Generator, progress: Progress | None) -> float:
        self.network.train()
        losses = []
        for inputs, targets in batches(self.lesson, self.schedule.batch, self.schedule.hearing, rng):
            losses.append(self._learn(inputs.to(device()), targets.to(device())))
            if progress:
                progress(self.step, self.steps, float(np.mean(losses)))
        return float(np.mean(losses))

    def _learn(self, inputs: Tensor, targets: Tensor) -> float:
        lengths = torch.full((len(inputs),), inputs.shape[1], device=inputs.device)
        with half_precision():
            logits = self.network(inputs, lengths)
        loss = cross_entropy(logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.rates.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average is short, so that the first, untrained weights do not linger in it.
        share = 1 - min(self.schedule.average, (1 + self.step) / (10 + self.step))
        ours, learned = self.averaged.state_dict(), self.network.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.lerp_(learned[name], share)
            else:
                value.copy_(learned[name])

    def _save(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        state = {name: getattr(self, name).state_dict() for name in ("network", "averaged", "optimizer", "rates")}
        written = place.with_suffix(".part")
        torch.save(state | {"plan": self.plan, "epoch": self.epoch, "step": self.step}, written)
        written.replace(place)  # whoever stops us in between finds the last epoch whole

    def _load(self, place: Path) -> None:
        state = torch.load(place, weights_only=True)
        if state["plan"] != self.plan:
            return
        for name in ("network", "averaged", "optimizer", "rates"):
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.step = state["epoch"], state["step"]
