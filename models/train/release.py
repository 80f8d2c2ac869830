"""The released model: trained on everything but a few speakers, who calibrate it, and written as a folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from undervoice.emotion import SAMPLE_RATE, UPSET_WEIGHTS
from undervoice.features import FRAME, HOP, NFFT

from .card import write_card, write_licence
from .corpora import LABELS, LICENCES, Clip, read_corpora, read_noises
from .examples import NOISES, Store
from .export import latency_ms, processor, to_onnx
from .folds import Calibration, Say, calibrate
from .loop import train
from .metrics import measure
from .network import BANDS, Compact, parameters
from .recipe import Recipe
from .scoring import score_clips
from .split import hold_out, speakers, split_by

VERSION = "1"
LICENCE = "CC-BY-NC-SA-4.0"


def release(data: Path, out: Path, store: Store, recipe: Recipe, figures: dict[str, Any], say: Say) -> dict[str, Any]:
    """Train, calibrate, export and describe a model; return its sidecar.

    Args:
        figures: reports of earlier fold runs, by protocol; they go into ``model.json`` and the card.
    """
    started = time.monotonic()
    clips = read_corpora(data, recipe.corpora)
    split = split_by(clips, set(), hold_out(clips, recipe.held_out, recipe.seed))
    heard = store.variants(split.train, data, recipe.variants, recipe.seed)
    say(f"training on {len(split.train)} clips of {len(speakers(split.train))} speakers")
    network = train(split.train, heard, recipe, lambda epoch, loss, _: say(f"epoch {epoch + 1}: loss {loss:.3f}"))
    calibration = calibrate(network, split.calibrate, store)
    held_out = held_out_figures(network, split.calibrate, store, calibration)
    graph = to_onnx(network, calibration.temperature)
    sidecar = describe(graph, network, recipe, calibration, clips)
    sidecar["noises"] = len(read_noises(data)[:NOISES]) if recipe.variants else 0
    sidecar["metrics"] = {
        **figures,
        "calibration_speakers": held_out,
        "latency_ms": latency_ms(graph),
        "latency_on": processor(),
    }
    write_folder(out, graph, sidecar)
    say(f"{out}: {len(graph) / 1e6:.1f} MB, {(time.monotonic() - started) / 60:.1f} minutes")
    return sidecar


def held_out_figures(network: Compact, clips: Sequence[Clip], store: Store, calibration: Calibration) -> dict[str, Any]:
    """Return the figures on the calibration speakers: the temperature has seen them, the network has not."""
    probabilities, targets = score_clips(network, clips, store.segments(clips), calibration.temperature)
    found = measure(probabilities, targets)
    return {
        "protocol": f"{len(speakers(clips))} speakers the network has not heard, who set the temperature",
        "temperature": round(calibration.temperature, 3),
        **{name: round(float(found[name]), 4) for name in ("accuracy", "uar", "ece", "upset_accuracy")},
        "clips": len(clips),
    }


def describe(
    graph: bytes, network: Compact, recipe: Recipe, calibration: Calibration, clips: Sequence[Clip]
) -> dict[str, Any]:
    """Return the sidecar that the service reads, without its metrics."""
    return {
        "name": "compact",
        "version": VERSION,
        "labels": list(LABELS),
        "sha256": hashlib.sha256(graph).hexdigest(),
        "features": {
            "kind": "logfbank",
            "bands": BANDS,
            "sample_rate": SAMPLE_RATE,
            "frame": FRAME,
            "hop": HOP,
            "nfft": NFFT,
        },
        "upset_weights": {str(label): weight for label, weight in sorted(UPSET_WEIGHTS.items())},
        "abstain_below": calibration.abstain_below,
        "parameters": parameters(network),
        "seed": recipe.seed,
        "recipe": dataclasses.asdict(recipe),
        "data": sources(clips),
        "licence": LICENCE,
        "trained": datetime.now(UTC).date().isoformat(),
    }


def sources(clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Return one row for each corpus: how much of it was used, and its terms."""
    rows = []
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        licence = LICENCES.get(corpus, "see its source")
        rows.append({"corpus": corpus, "clips": len(own), "speakers": len(speakers(own)), "licence": licence})
    return rows


def write_folder(out: Path, graph: bytes, sidecar: dict[str, Any]) -> None:
    """Write ``model.onnx``, ``model.json``, ``card.md`` and ``LICENSE``."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(graph)
    (out / "model.json").write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    write_card(out / "card.md", sidecar)
    write_licence(out / "LICENSE", sidecar)
