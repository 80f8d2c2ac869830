"""What holds for both networks: padding is not heard, and the exported graph answers what the network answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.made import write_weights

torch = pytest.importorskip("torch")

LABELS = ("calm", "cross")
FRAMES = (1, 2, 3, 5, 49, 50, 51, 120, 249, 250)


@pytest.fixture(scope="module", params=["compact", "accurate"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from train.accurate import Accurate
    from train.compact import Compact
    from train.encoder import read_encoder

    torch.manual_seed(0)
    if request.param == "compact":
        return Compact(LABELS, width=32).eval()
    weights = write_weights(tmp_path_factory.mktemp("weights") / "encoder.npz")
    network = Accurate(read_encoder(weights, 2), LABELS).eval()
    with torch.no_grad():
        # Trained: the exporter keeps arrays that are equal, as those of new normalisations, only once.
        for weight in network.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    return network


def bands(network: Any) -> int:
    return 40 if network.kind == "logfbank" else 80


def test_a_segment_is_scored_the_same_alone_and_in_any_batch(network: Any) -> None:
    from train.scoring import score_pieces

    rng = np.random.default_rng(1)
    pieces = [rng.normal(0, 1, (frames, bands(network))).astype(np.float16) for frames in FRAMES]
    together = score_pieces(network, pieces)
    alone = np.concatenate([score_pieces(network, [piece]) for piece in pieces])
    assert np.abs(together - alone).max() < 1e-5


def test_what_stands_in_the_padding_is_not_heard(network: Any) -> None:
    rng = np.random.default_rng(2)
    clean = torch.zeros(1, 120, bands(network))
    clean[0, :77] = torch.from_numpy(rng.normal(0, 1, (77, bands(network))).astype(np.float32))
    dirty = clean.clone()
    dirty[0, 77:] = 100.0
    lengths = torch.tensor([77])
    with torch.no_grad():
        assert torch.allclose(network(clean, lengths), network(dirty, lengths), atol=1e-5)


def test_the_graph_answers_what_the_network_answers_and_can_be_read_back(network: Any, tmp_path: Path) -> None:
    from train.export import open_graph, to_onnx, weights_of

    place = tmp_path / "model.onnx"
    place.write_bytes(to_onnx(network, 1.7, bands(network)))
    names = {each.name for each in open_graph(place).get_inputs()}
    assert names == {"features", "lengths"}
    if network.kind == "logfbank":
        return  # its convolutions are joined with the normalisation after them
    kept, ours = weights_of(place), network.state_dict()
    learned = {name for name, _ in network.named_parameters()}
    assert learned <= set(kept)
    assert all(torch.allclose(kept[name], ours[name], atol=2e-3) for name in learned)


def test_an_encoder_is_refused_in_one_line_where_there_is_none(tmp_path: Path) -> None:
    from train.encoder import read_encoder
    from undervoice.errors import BadInput

    with pytest.raises(BadInput, match="no encoder weights"):
        read_encoder(tmp_path / "missing.npz", 3)
    with pytest.raises(BadInput, match="with 9 layers"):
        read_encoder(write_weights(tmp_path / "few.npz", layers=2), 9)


def test_our_encoder_is_whispers_where_its_weights_are() -> None:
    """The same figures as a plain reading of the paper: no masks, whole segments, attention written out."""
    from train.encoder import read_encoder

    weights = Path(__file__).parents[3] / "shared" / "weights" / "whisper-tiny.en-encoder.npz"
    if not weights.is_file():
        pytest.skip("needs ../shared/weights")
    encoder = read_encoder(weights, 2).eval()
    features = torch.from_numpy(np.random.default_rng(3).normal(0, 0.5, (1, 100, 80)).astype(np.float32))
    with torch.no_grad():
        ours = encoder(features, torch.tensor([100]))[0][-1]
        theirs = plain_whisper(np.load(weights), features, 2)
    assert torch.allclose(ours, theirs, atol=1e-3)


def plain_whisper(file: Any, features: Any, layers: int) -> Any:
    from torch.nn import functional as f

    def w(name: str) -> Any:
        return torch.from_numpy(file[f"encoder.{name}"].astype(np.float32))

    def norm(x: Any, name: str) -> Any:
        return f.layer_norm(x, x.shape[-1:], w(f"{name}.gamma"), w(f"{name}.beta"))

    def linear(x: Any, name: str) -> Any:
        return x @ w(f"{name}.weight").T + w(f"{name}.bias")

    x = f.gelu(f.conv1d(features.transpose(1, 2), w("conv1.weight"), w("conv1.bias"), padding=1))
    x = f.gelu(f.conv1d(x, w("conv2.weight"), w("conv2.bias"), stride=2, padding=1)).transpose(1, 2)[0]
    x = x + w("position_encodings.encodings")[: len(x)]
    heads = int(file["encoder.num_heads"])
    for number in range(layers):
        attention, ffn = f"layer_{number}.self_attention", f"layer_{number}.ffn"
        stacked = linear(norm(x, f"{attention}.layer_norm"), f"{attention}.linear_0")
        q, k, v = (part.reshape(len(x), heads, -1).transpose(0, 1) for part in stacked.chunk(3, dim=1))
        shares = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
        x = x + linear((shares @ v).transpose(0, 1).reshape(len(x), -1), f"{attention}.linear_1")
        x = x + linear(f.gelu(linear(norm(x, f"{ffn}.layer_norm"), f"{ffn}.linear_0")), f"{ffn}.linear_1")
    return x[None]
