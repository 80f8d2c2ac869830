"""``model.json`` of a trained network: what the service reads, and what a reader wants to know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from undervoice.emotion import SAMPLE_RATE
from undervoice.features import FRAME, HOP, NFFT, WHISPER_BANDS, WHISPER_NFFT

from .card import write_card, write_licence
from .corpora import LICENCES, Clip
from .split import speakers

VERSION = "2"
LICENCE = "CC-BY-NC-SA-4.0"
SPECS: dict[str, dict[str, Any]] = {
    "logfbank": {"kind": "logfbank", "bands": 40, "nfft": NFFT},
    "log_mel": {"kind": "log_mel", "bands": WHISPER_BANDS, "nfft": WHISPER_NFFT},
}
NOTICE = "A reading is an estimate of how speech sounds, not of what a person feels."
LIMITS = (
    NOTICE,
    "It learned from acted speech in studios; callers are subtler, and other languages and lines sound otherwise.",
    "It must not be used to judge a person: not for employment, credit, insurance, health or law.",
)
SEVEN_LIMITS = (
    "Demonstration and research only: the speech it learned from is not cleared for commercial use.",
    *LIMITS,
    "Actors agree on how to play a feeling; people do not. The neutral voice of one is the sad voice of another.",
    "The telephone figures come from a simulated 8 kHz line with street noise, not from real calls.",
)


def sources(clips: Sequence[Clip], use: str = "labels") -> list[dict[str, Any]]:
    """Return one row for each corpus: how much of it was used, for what, and its terms."""
    rows = []
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        licence = LICENCES.get(corpus, "see its source")
        rows.append(
            {"corpus": corpus, "clips": len(own), "speakers": len(speakers(own)), "use": use, "licence": licence}
        )
    return rows


def describe(
    graph: bytes,
    *,
    name: str,
    kind: str,
    labels: Sequence[str],
    upset: Mapping[str, float],
    abstain_below: float,
    **facts: Any,
) -> dict[str, Any]:
    """Return a sidecar.

    Args:
        kind: the features that the network takes.
        facts: everything else that a reader wants to know, in the order in which it shall stand.
    """
    return {
        "name": name,
        "version": VERSION,
        "labels": list(labels),
        "sha256": hashlib.sha256(graph).hexdigest(),
        "features": {"sample_rate": SAMPLE_RATE, "frame": FRAME, "hop": HOP, **SPECS[kind]},
        "upset_weights": {label: upset[label] for label in sorted(upset)},
        "abstain_below": abstain_below,
        "trained": datetime.now(UTC).date().isoformat(),
        **facts,
    }


def write_folder(out: Path, graph: bytes, sidecar: dict[str, Any]) -> None:
    """Write ``model.onnx``, ``model.json``, ``card.md`` and ``LICENSE``."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(graph)
    (out / "model.json").write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    write_card(out / "card.md", sidecar)
    write_licence(out / "LICENSE", sidecar)
