"""``model.json``: what a model folder says of its graph, and the features that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from undervoice.drift import Reference
from undervoice.emotion import SAMPLE_RATE, UPSET_WEIGHTS, Samples
from undervoice.errors import BadModel
from undervoice.features import FRAME, HOP, NFFT, WHISPER_BANDS, WHISPER_NFFT, Features, log_mel, logfbank

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
ROUNDED = 0.01
"""How far shares may be from 1 together: they are rounded, each by itself."""


class FeatureSpec(msgspec.Struct, frozen=True):
    """Which features the graph was trained on: ``logfbank`` or ``log_mel``, and their numbers."""

    kind: str
    bands: Annotated[int, msgspec.Meta(ge=1, le=256)]
    sample_rate: int = SAMPLE_RATE
    frame: int = FRAME
    hop: int = HOP
    nfft: int = NFFT

    @property
    def served(self) -> FeatureSpec:
        """The features of this server that come nearest."""
        if self.kind == "log_mel":
            return FeatureSpec("log_mel", WHISPER_BANDS, nfft=WHISPER_NFFT)
        return FeatureSpec("logfbank", self.bands)

    def compute(self, samples: Samples) -> Features:
        """Return ``float32[frames, bands]`` of mono 16 kHz audio; at least one frame."""
        return log_mel(samples) if self.kind == "log_mel" else logfbank(samples, self.bands)


class Sidecar(msgspec.Struct, frozen=True):
    """``model.json``; fields that are not named here are for people."""

    name: str
    version: str
    labels: list[Label]
    """In the order in which the graph answers them."""
    sha256: str
    features: FeatureSpec
    abstain_below: float
    licence: str
    upset_weights: dict[str, Share] | None = None
    """How much each label adds to the upset score; without it, those of the seven that the model knows."""
    metrics: dict[str, Any] = {}
    data: list[dict[str, Any]] = []
    limits: list[str] = []
    """What the model cannot do, in plain statements."""
    reference: Reference | None = None
    """What the model hears in the material of its card; without it nothing is said of drift."""

    @property
    def weights(self) -> Mapping[str, float]:
        """How much each label's probability adds to the upset score."""
        if self.upset_weights is not None:
            return self.upset_weights
        return {str(label): weight for label, weight in UPSET_WEIGHTS.items() if label in self.labels}


def read_sidecar(folder: Path) -> Sidecar:
    """Return what a model folder says of its graph.

    Raises:
        BadModel: when it is missing, unreadable, or contradicts itself or this server.
    """
    try:
        sidecar = msgspec.json.decode((folder / "model.json").read_bytes(), type=Sidecar)
    except OSError as error:
        raise BadModel(f"{folder}: no model there ({error.strerror}: model.json)") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadModel(f"{folder}/model.json: {error}") from error
    if wrong := _contradiction(sidecar):
        raise BadModel(f"{folder}/model.json: {wrong}")
    return sidecar


def _contradiction(sidecar: Sidecar) -> str | None:
    labels, features = sidecar.labels, sidecar.features
    if not labels:
        return "it names no labels"
    if doubled := sorted({label for label in labels if labels.count(label) > 1}):
        return f"labels are named twice: {', '.join(doubled)}"
    # Firestore keeps names with two underscores in front for itself.
    if odd := [
        label for label in labels if label.startswith("__") or label != label.strip() or not label.isprintable()
    ]:
        return f"labels that cannot be kept or shown: {', '.join(map(repr, odd))}"
    if unknown := sorted(set(sidecar.weights) - set(labels)):
        return f"upset_weights name what is no label: {', '.join(unknown)}"
    if sidecar.reference is not None and (unknown := sorted(set(sidecar.reference.emotions) - set(labels))):
        return f"reference names what is no label: {', '.join(unknown)}"
    if sidecar.reference is not None and abs(sum(sidecar.reference.emotions.values()) - 1) > ROUNDED:
        return "the shares of reference do not add up to 1"
    if features != features.served:
        return f"features {_told(features)} are not those of this server ({_told(features.served)})"
    return None


def _told(features: FeatureSpec) -> str:
    """Return features in words: ``log_mel, 80 bands, frame 400, …``."""
    numbers = {"frame": features.frame, "hop": features.hop, "nfft": features.nfft, "Hz": features.sample_rate}
    return ", ".join([features.kind, f"{features.bands} bands", *(f"{name} {n}" for name, n in numbers.items())])
