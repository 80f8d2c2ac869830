"""What scores one window of speech: ours, and those that the literature and earlier systems use.

Each is built as its papers and packages do it, fitted on the same windows, and scores one window at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tests.bench.rivals.material import Window

from undervoice.emotion import SAMPLE_RATE, Samples, Segment
from undervoice.model import Model

Vector = npt.NDArray[np.float64]
TREES = 100


class Pipeline(ABC):
    """Features of a window and what classifies them, on one thread."""

    name: str
    packages: tuple[str, ...]

    @property
    def versions(self) -> str:
        """What it is made of."""
        return ", ".join(f"{package} {version(package)}" for package in self.packages)

    @abstractmethod
    def fit(self, windows: Sequence[Window]) -> None:
        """Learn from windows with labels."""

    @abstractmethod
    def score(self, samples: Samples) -> str:
        """Return what one window, ``int16[n]``, sounds like."""


class Ours(Pipeline):
    """The compact model as it is served, its quality measures included."""

    name, packages = "undervoice, compact", ("numpy", "onnxruntime")

    def __init__(self, folder: Path) -> None:
        self._model = Model.load(folder)

    def fit(self, windows: Sequence[Window]) -> None:
        """Nothing to do: it is fitted."""

    def score(self, samples: Samples) -> str:
        (scores,) = self._model.score([Segment("customer", 0, len(samples), samples, "window", -60.0)])
        return max(scores.probabilities, key=lambda label: scores.probabilities[label])


class _Forest(Pipeline):
    """Statistics of a window and a random forest."""

    def fit(self, windows: Sequence[Window]) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self._forest = RandomForestClassifier(TREES, random_state=0, n_jobs=1)
        self._forest.fit([self.vector(window.samples) for window in windows], [window.label for window in windows])

    def score(self, samples: Samples) -> str:
        return str(self._forest.predict(self.vector(samples)[None])[0])

    @abstractmethod
    def vector(self, samples: Samples) -> Vector:
        """Return one window's features."""


class Librosa(_Forest):
    """40 MFCC, pitch by pYIN and loudness: mean, deviation, least and most of each, with librosa's own settings."""

    name, packages = "librosa MFCC + pYIN + RMS, forest", ("librosa", "numba", "scikit-learn")

    def vector(self, samples: Samples) -> Vector:
        import librosa

        signal = samples.astype(np.float32) / 32_768
        pitch, _, voiced = librosa.pyin(signal, fmin=65, fmax=500, sr=SAMPLE_RATE)
        rows = [
            *librosa.feature.mfcc(y=signal, sr=SAMPLE_RATE, n_mfcc=40),
            np.nan_to_num(pitch),
            voiced,
            *librosa.feature.rms(y=signal),
        ]
        return np.concatenate([(row.mean(), row.std(), row.min(), row.max()) for row in rows])


class OpenSmile(_Forest):
    """The 88 functionals of eGeMAPSv02."""

    name, packages = "openSMILE eGeMAPSv02, forest", ("opensmile", "scikit-learn")

    def __init__(self) -> None:
        import opensmile

        kind, level = opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals
        self._smile = opensmile.Smile(kind, level, num_workers=1)

    def vector(self, samples: Samples) -> Vector:
        frame = self._smile.process_signal(samples.astype(np.float32) / 32_768, SAMPLE_RATE)
        return np.nan_to_num(frame.to_numpy(np.float64)[0])
