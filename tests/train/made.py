"""Small made corpora, encoder weights and networks for the tests of training."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from tests.voices import silence, voice

LOUDNESS = {"angry": 0.5, "sad": 0.03, "neutral": 0.1}


def write_corpus(data: Path, speakers: int = 4, corpus: str = "made", loudness: Mapping[str, float] = LOUDNESS) -> Path:
    """Write a corpus of one clip for each speaker and label, with its manifest."""
    folder = data / corpus
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "corpus", "speaker", "label", "sentence"])
        for speaker in range(speakers):
            for number, (label, level) in enumerate(loudness.items()):
                name = f"{corpus}-{speaker}-{label}.flac"
                sound = voice(0.9 + 0.2 * number, pitch_hz=110 + 20 * speaker + 30 * number, level=level)
                soundfile.write(folder / name, np.concatenate([silence(0.5), sound, silence(0.8)]), 16_000)
                writer.writerow([name, corpus, f"{speaker}", label, "01"])
    return folder


def write_weights(place: Path, width: int = 128, layers: int = 3, seed: int = 0) -> Path:
    """Write encoder weights of Whisper's names and shapes, random and small."""
    rng = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5 / np.sqrt(shape[-1]), shape).astype(np.float16)

    arrays = {
        "num_heads": np.int16(width // 64),
        "position_encodings.encodings": random(1500, width),
        "conv1.weight": random(width, 80, 3),
        "conv1.bias": random(width),
        "conv2.weight": random(width, width, 3),
        "conv2.bias": random(width),
    }
    for number in range(layers):
        for part, rows, columns in (
            ("self_attention.linear_0", 3 * width, width),
            ("self_attention.linear_1", width, width),
            ("ffn.linear_0", 4 * width, width),
            ("ffn.linear_1", width, 4 * width),
        ):
            arrays[f"layer_{number}.{part}.weight"] = random(rows, columns)
            arrays[f"layer_{number}.{part}.bias"] = random(rows)
        for part in ("self_attention", "ffn"):
            # No two alike: the exporter keeps equal arrays only once.
            arrays[f"layer_{number}.{part}.layer_norm.gamma"] = (1 + 0.1 * random(width)).astype(np.float16)
            arrays[f"layer_{number}.{part}.layer_norm.beta"] = (0.1 * random(width)).astype(np.float16)
    np.savez(place, **{f"encoder.{name}": array for name, array in arrays.items()})
    return place
