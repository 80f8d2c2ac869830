"""One evaluation of a model folder on labelled clips: everything that was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from undervoice import __version__
from undervoice.errors import BadInput
from undervoice.model import Model

from .baselines import baselines, summaries
from .calibration import Array
from .corpora import Clip
from .evaluation import Task, by_corpus, cross_validate, deal_folds, headlines, intervals
from .latency import time_segment
from .served import Answer, Line, answers, cut_recording, find_noises, open_recording
from .split import speakers
from .workers import Watch, unwatched

STATEMENT = "A reading estimates how speech sounds, not what a person feels."
PROTOCOL = (
    "each clip cut by the product's own segmenter and scored by the product's own code; a clip's probabilities are "
    "the mean over its segments, weighted by duration"
)
Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What an evaluation shall do beside judging the model."""

    phone: bool = False
    baselines: bool = False
    folds: int = 5
    seed: int = 7


def evaluate(
    folder: Path, clips: Sequence[Clip], places: Sequence[Path], wish: Wish, watch: Watch = unwatched
) -> tuple[Report, list[Answer]]:
    """Judge a model folder on labelled clips.

    Args:
        places: the folders that the clips came from; background noise is looked for in and beside them.

    Returns:
        The report, which ``json`` takes as it is, and the answer to every clip whose label the model knows.

    Raises:
        BadInput: when no clip has a label that the model knows, or none could be read.
        BadModel: when the folder cannot be trusted.
    """
    model = Model.load(folder)
    known = [clip for clip in clips if clip.label in model.labels]
    if not known:
        raise BadInput(f"no clip has a label that {model.name} knows: {', '.join(model.labels)}")
    if wish.baselines:
        deal_folds(known, wish.folds, seed=wish.seed)  # refuses too many folds before the long work, not after it
    given = list(watch(answers(folder, known), len(known), "Scoring"))
    heard = [answer for answer in given if not answer.error]
    if not heard:
        raise BadInput(f"none of {len(known)} clips could be read, such as {known[0].path}: {given[0].error}")
    task = Task(model.labels, model.upset_weights)
    report = describe(folder, model) | describe_data(model, clips, given) | judge_answers(heard, model, task, wish.seed)
    if wish.phone:
        report["telephone"] = over_telephone(folder, heard, find_noises(places), task, wish, watch)
    if wish.baselines:
        report["comparison"] = compare(heard, model, task, wish, watch)
    return report, given


def matrix(answers: Sequence[Answer], task: Task) -> Array:
    """Return the answers' probabilities, ``float64[answers, labels]``."""
    return np.array([[answer.probabilities[label] for label in task.labels] for answer in answers])


def corpora(clips: Sequence[Clip]) -> list[str]:
    """Return the corpora of clips in the order in which they come."""
    return list(dict.fromkeys(clip.corpus for clip in clips))


def heard_before(model: Model, clips: Sequence[Clip]) -> list[str]:
    """Return the corpora among the clips that the model says it was trained on."""
    own = {str(row.get("corpus")) for row in model.sidecar.data}
    return [corpus for corpus in corpora(clips) if corpus in own]


def warnings_on(model: Model, clips: Sequence[Clip]) -> list[str]:
    """Return why these figures may flatter the model."""
    found = []
    if known := heard_before(model, clips):
        found.append(
            f"{model.name} was trained on {', '.join(known)}: it has heard these speakers, so the figures on them are "
            "not speaker-independent and promise nothing about other callers"
        )
    if len(speakers(clips)) < 5:
        found.append(f"only {len(speakers(clips))} speakers: other voices may give quite other figures")
    return found


def describe(folder: Path, model: Model) -> Report:
    """Return what was judged, when and how."""
    return {
        "undervoice": __version__,
        "made": datetime.now(UTC).date().isoformat(),
        "statement": STATEMENT,
        "model": {
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            "labels": list(model.labels),
            "upset_weights": dict(model.upset_weights),
            "abstain_below": model.sidecar.abstain_below,
            "size_mb": round((folder / "model.onnx").stat().st_size / 1e6, 2),
            "licence": model.sidecar.licence,
        },
    }


def describe_data(model: Model, clips: Sequence[Clip], given: Sequence[Answer]) -> Report:
    """Return what the model was judged on, and what was left out of it."""
    judged = [answer.clip for answer in given if not answer.error]
    return {
        "protocol": f"{count(judged)}; {PROTOCOL}",
        "warnings": warnings_on(model, judged),
        "data": [describe_corpus([clip for clip in judged if clip.corpus == name]) for name in corpora(judged)],
        "left_out": dict(Counter(clip.label for clip in clips if clip.label not in model.labels)),
        "failed": [{"file": str(answer.clip.path), "error": answer.error} for answer in given if answer.error],
        "unheard": sum(answer.unheard for answer in given),
    }


def describe_corpus(clips: Sequence[Clip]) -> dict[str, Any]:
    """Return one corpus's clips, speakers and labels."""
    labels = dict(sorted(Counter(clip.label for clip in clips).items()))
    return {"corpus": clips[0].corpus, "clips": len(clips), "speakers": len(speakers(clips)), "labels": labels}


def count(clips: Sequence[Clip]) -> str:
    """Return what clips there are, in words."""
    return f"{'+'.join(corpora(clips))} ({len(clips)} clips, {len(speakers(clips))} speakers)"


def judge_answers(heard: Sequence[Answer], model: Model, task: Task, seed: int) -> Report:
    """Return the figures of answers, and how long a segment takes."""
    clips, rows = [answer.clip for answer in heard], matrix(heard, task)
    return {
        "uncertain": round(float(np.mean([answer.uncertain for answer in heard])), 4),
        "figures": task.measure(rows, clips, model.sidecar.abstain_below),
        "intervals": intervals(rows, clips, task, seed),
        "by_corpus": by_corpus(rows, clips, task),
        "latency": time_segment(model, longest_segment(clips)),
    }


def longest_segment(clips: Sequence[Clip]) -> Any:
    """Return real speech to measure the latency on, ``int16[n]``."""
    segments, _ = cut_recording(open_recording(clips[0].path))
    return max((segment.samples for segment in segments), key=len)


def over_telephone(
    folder: Path, studio: Sequence[Answer], noises: tuple[Path, ...], task: Task, wish: Wish, watch: Watch
) -> dict[str, Any]:
    """Judge the same clips through a poor line, and say how many points that costs."""
    line = Line(noises, seed=wish.seed)
    clips = [answer.clip for answer in studio]
    heard = list(watch(answers(folder, clips, line), len(clips), "Telephone"))
    if failed := [answer for answer in heard if answer.error]:
        raise BadInput(f"{failed[0].clip.path}: {failed[0].error}")
    before, after = (headlines(task.measure(matrix(each, task), clips)) for each in (studio, heard))
    return {
        "protocol": f"the same clips through {line.words}",
        "figures": after,
        "points_lost": {name: round(100 * (before[name] - after[name]), 2) for name in ("accuracy", "uar")},
        "unheard": sum(answer.unheard for answer in heard),
    }


def compare(heard: Sequence[Answer], model: Model, task: Task, wish: Wish, watch: Watch) -> dict[str, Any]:
    """Judge the classical baselines by speaker, and this model's answers on the same test clips."""
    clips = [answer.clip for answer in heard]
    rows = {answer.clip.path: row for answer, row in zip(heard, matrix(heard, task), strict=True)}
    candidates = baselines(summaries(clips, watch), task, wish.seed)
    # Trained already: it only answers, and its row shows the spread over the same folds.
    candidates[model.tag] = lambda _train, _calibrate, test: np.stack([rows[clip.path] for clip in test])
    return {
        "protocol": (
            f"{count(clips)}, {wish.folds} folds by speaker, seed {wish.seed}, no speaker on both sides. Baselines: "
            "summary features (MFCC, chroma, spectral centroid, zero-crossing rate, RMS, pitch) of the product's own "
            "segments, standardised inside each fold, temperature fitted on other held-out speakers of the training "
            "side"
        ),
        "model": model.tag,
        "heard_before": heard_before(model, clips),
        "candidates": cross_validate(clips, wish.folds, candidates, task=task, seed=wish.seed, watch=watch),
    }
