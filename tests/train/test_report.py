"""An evaluation from a model folder and recordings to the files that tell it."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from tests.tiny import write_tiny_model
from tests.voices import noise, silence, voice
from train.corpora import LABELS, Clip
from train.report import STATEMENT, Report, Wish, evaluate, matrix
from train.results import write_results
from train.served import Answer, Line, answers, find_noises, open_recording
from undervoice.clips import score_clip
from undervoice.emotion import Emotion
from undervoice.errors import BadInput
from undervoice.model import Model
from undervoice.recordings import decode_clip

PNG = b"\x89PNG\r\n\x1a\n"


def write_corpus(data: Path, corpus: str = "made", speakers: int = 5) -> list[Clip]:
    """Write voices of three labels with a manifest, and return them as clips."""
    folder = data / corpus
    folder.mkdir(parents=True)
    made, rows = [], [["file", "corpus", "speaker", "label", "sentence"]]
    for speaker in range(speakers):
        for number, label in enumerate(("angry", "sad", "neutral")):
            name = f"{speaker}-{label}.wav"
            sound = voice(0.8 + 0.4 * number, pitch_hz=110 + 20 * speaker + 30 * number, level=0.3 / (1 + 3 * number))
            soundfile.write(folder / name, np.concatenate([silence(0.5), sound, silence(0.8)]), 16_000)
            rows.append([name, corpus, f"{corpus}_{speaker}", label, "01"])
            made.append(Clip(folder / name, corpus, f"{corpus}:{speaker}", label, "01"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def clips(data: Path) -> list[Clip]:
    return write_corpus(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def told(folder: Path, clips: list[Clip], data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """Everything at once: telephone, baselines, and all files."""
    out = tmp_path_factory.mktemp("out") / "deep" / "report"
    wish = Wish(phone=True, baselines=True, folds=2)
    report, given = evaluate(folder, clips, [data / "made"], wish)
    write_results(out, report, given)
    return report, out


def test_probabilities_are_those_that_the_service_gives(folder: Path, clips: list[Clip]) -> None:
    model = Model.load(folder)
    for answer in answers(folder, clips):
        served = score_clip(model, decode_clip(answer.clip.path.read_bytes()), now=datetime.now(UTC))
        assert answer.probabilities == served.all_emotions_confidence
        assert (answer.detected, answer.uncertain) == (served.detected_emotion, served.uncertain)
        assert not answer.unheard


def test_many_clips_on_all_cores_get_the_same_answers(folder: Path, clips: list[Clip]) -> None:
    assert list(answers(folder, clips * 2, workers=2)) == list(answers(folder, clips)) * 2


def test_figures_follow_from_the_predictions(told: tuple[Report, Path]) -> None:
    report, out = told
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report["figures"]["clips"] == 15
    right = [row["label"] == row["detected"] for row in rows]
    assert report["figures"]["accuracy"] == pytest.approx(np.mean(right))
    for row in rows:
        shares = {label: float(row[label]) for label in LABELS}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=lambda label: shares[label]) == row["detected"]
    assert report["uncertain"] == pytest.approx(np.mean([row["uncertain"] == "true" for row in rows]), abs=1e-4)


def test_all_files_are_there_and_json_holds_the_whole_report(told: tuple[Report, Path]) -> None:
    report, out = told
    files = {path.name for path in out.iterdir()}
    charts = {"confusion.png", "calibration.png", "risk.png"}
    assert files == charts | {"report.json", "report.html", "predictions.csv", "baselines.json"}
    assert all((out / name).read_bytes().startswith(PNG) for name in charts)
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(report))
    assert json.loads((out / "baselines.json").read_text()) == json.loads(json.dumps(report["comparison"]))


def test_the_same_figures_give_the_same_charts(told: tuple[Report, Path], tmp_path: Path) -> None:
    report, out = told
    write_results(tmp_path, report, [])
    assert all((tmp_path / f"{name}.png").read_bytes() == (out / f"{name}.png").read_bytes() for name in ("risk",))


def test_the_telephone_costs_what_it_says(told: tuple[Report, Path]) -> None:
    report, _ = told
    phone = report["telephone"]
    for name, lost in phone["points_lost"].items():
        assert lost == pytest.approx(100 * (report["figures"][name] - phone["figures"][name]), abs=0.011)
    assert "white noise" in phone["protocol"]
    assert "8 kHz mu-law" in phone["protocol"]


def test_the_model_stands_beside_the_baselines(told: tuple[Report, Path]) -> None:
    report, _ = told
    candidates = report["comparison"]["candidates"]
    assert list(candidates)[-1] == "tiny@1"
    assert len(candidates) == 5
    assert sum(fold["clips"] for fold in candidates["tiny@1"]["folds"]) == 15
    rows = np.array(candidates["tiny@1"]["confusion"]["rows"])
    assert rows.tolist() == report["figures"]["confusion"]


def test_latency_is_measured_with_features(told: tuple[Report, Path]) -> None:
    latency = told[0]["latency"]
    assert 0 < latency["median_ms"] <= latency["p95_ms"]
    assert (latency["threads"], latency["seconds"]) == (1, 2.5)


# ---------------------------------------------------------------- honesty


def test_a_model_that_has_heard_the_corpus_is_called_out(clips: list[Clip], tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model", data=[{"corpus": "made", "clips": 15}])
    report, given = evaluate(folder, clips, [], Wish())
    (warning,) = report["warnings"]
    assert "trained on made" in warning
    assert "not speaker-independent" in warning
    write_results(tmp_path / "out", report, given)
    assert "not speaker-independent" in (tmp_path / "out" / "report.html").read_text()


def test_few_speakers_are_called_out(folder: Path, clips: list[Clip]) -> None:
    report, _ = evaluate(folder, clips[:6], [], Wish())
    assert report["warnings"] == ["only 2 speakers: other voices may give quite other figures"]


def test_labels_that_the_model_does_not_know_are_counted_not_judged(tmp_path: Path, clips: list[Clip]) -> None:
    folder = write_tiny_model(tmp_path / "model", labels=("angry", "sad"), upset_weights={"angry": 1.0})
    report, _ = evaluate(folder, clips, [], Wish())
    assert report["left_out"] == {"neutral": 5}
    assert report["figures"]["clips"] == 10
    assert set(report["figures"]["by_label"]) == {"angry", "sad"}
    with pytest.raises(BadInput, match="knows: angry, sad"):
        evaluate(folder, [clip for clip in clips if clip.label == "neutral"], [], Wish())


def test_clips_that_cannot_be_read_are_named_and_left_out(folder: Path, clips: list[Clip], tmp_path: Path) -> None:
    broken = Clip(tmp_path / "broken.wav", "made", "made:9", "angry")
    broken.path.write_text("no audio")
    missing = Clip(tmp_path / "missing.wav", "made", "made:9", "angry")
    report, given = evaluate(folder, [broken, *clips, missing], [], Wish())
    assert [row["file"] for row in report["failed"]] == [str(broken.path), str(missing.path)]
    assert report["figures"]["clips"] == len(clips)
    write_results(tmp_path / "out", report, given)
    with pytest.raises(BadInput, match="none of 2 clips could be read"):
        evaluate(folder, [broken, missing], [], Wish())


def test_a_clip_in_which_nobody_is_heard_stays_in_the_figures(folder: Path, clips: list[Clip], tmp_path: Path) -> None:
    hiss = Clip(tmp_path / "hiss.wav", "made", "made:9", "sad")
    soundfile.write(hiss.path, noise(1.5, level=0.01), 44_100)
    report, given = evaluate(folder, [*clips, hiss], [], Wish())
    assert (report["unheard"], report["figures"]["clips"]) == (1, 16)
    assert given[-1].unheard
    assert sum(given[-1].probabilities.values()) == pytest.approx(1, abs=1e-5)


# ---------------------------------------------------------------- the line


def test_noise_is_found_beside_the_data_and_is_the_same_each_time(tmp_path: Path, clips: list[Clip]) -> None:
    street = tmp_path / "emospeech_in"
    street.mkdir()
    soundfile.write(street / "street.wav", noise(1.0, level=0.1, seed=5), 16_000)
    (street / "manifest.csv").write_text(
        "file,corpus,speaker,label,sentence\nstreet.wav,emospeech_in,unknown,none,background\n"
    )
    (tmp_path / "made").mkdir()
    found = find_noises([tmp_path / "made"])
    assert [path.name for path in found] == ["street.wav"]
    assert find_noises([street]) == found
    heard = [open_recording(clips[0].path, Line(found)).samples for _ in range(2)]
    assert np.array_equal(*heard)
    assert not np.array_equal(heard[0], open_recording(clips[0].path, Line()).samples)
    assert "1 recordings of rooms" in Line(found).words


def test_the_line_keeps_the_length_and_takes_what_lies_above_4_khz(clips: list[Clip]) -> None:
    studio, phone = open_recording(clips[0].path), open_recording(clips[0].path, Line(snr_db=40))
    assert len(phone.samples) == len(studio.samples)
    power = np.abs(np.fft.rfft(phone.samples.astype(float))) ** 2
    assert power[len(power) // 2 + 200 :].sum() < 0.001 * power.sum()


# ---------------------------------------------------------------- the page


class Page(HTMLParser):
    """Collects what a reader without eyes or network would miss."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_speaks_to_everyone(told: tuple[Report, Path]) -> None:
    text = (told[1] / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object"} & set(names)
    assert names.count("h1") == 1
    assert names.count("table") == names.count("caption") >= 7
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 3
    assert all(image["alt"] and str(image["src"]).startswith("data:image/png;base64,") for image in images)
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")
    assert not re.search(r"(?:src|href)=.?https?:", text)
    assert ("html", {"lang": "en"}) in page.tags
    assert STATEMENT in text


def test_what_recordings_are_called_cannot_change_the_page(folder: Path, tmp_path: Path) -> None:
    clips = [
        Clip(clip.path, "<script>x</script>", clip.speaker, clip.label) for clip in write_corpus(tmp_path / "data")
    ]
    report, given = evaluate(folder, clips, [], Wish())
    write_results(tmp_path / "out", report, given)
    assert "<script>" not in (tmp_path / "out" / "report.html").read_text()


def test_a_matrix_has_the_models_order_of_labels(folder: Path, clips: list[Clip]) -> None:
    from train.evaluation import Task

    given: list[Answer] = list(answers(folder, clips[:2]))
    backwards = matrix(given, Task(tuple(reversed(Emotion))))
    assert np.array_equal(backwards[:, ::-1], matrix(given, Task(tuple(Emotion))))
