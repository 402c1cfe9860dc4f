"""Light CNN: import of upstream's checkpoint, and its embeddings against the paper's table."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from f2p_sdk.errors import WeightsError
from f2p_sdk.recognizers.light_cnn import LightCNNRecognizer, load_light_cnn
from f2p_sdk.recognizers.network import LightCNN
from f2p_sdk.recognizers.upstream import import_light_cnn
from f2p_sdk.weights import load_card

pytestmark = pytest.mark.slow
State = dict[str, Tensor]
MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"
TABLE = ((48, 1, 96), (96, 2, 192), (192, 3, 128), (128, 4, 128))
# Landmarks of a 128x128 picture that is its own cut: the eyes in the middle 40 pixels down, the
# base of the nose where dlib's mean face has it when the mouth is 48 pixels below the eyes.
NOSE = 40 + 48 * (0.628106 - 0.224078) / (0.780233 - 0.224078)
IDENTITY = np.array([(95.5, 40), (75.5, 40), (31.5, 40), (51.5, 40), (63.5, NOSE)])


# ------------------------------------------ an independent implementation of the table, in float64


def _maxout(x: Tensor, state: State, name: str) -> Tensor:
    """The maximum of two convolutions."""
    weight, bias = state[f"{name}.filter.weight"].double(), state[f"{name}.filter.bias"].double()
    half, pad = len(weight) // 2, weight.shape[-1] // 2
    one = F.conv2d(x, weight[:half], bias[:half], padding=pad)
    two = F.conv2d(x, weight[half:], bias[half:], padding=pad)
    return torch.where(one > two, one, two)


def _pool(x: Tensor) -> Tensor:
    """Maximum plus mean of each 2x2 pixels."""
    corners = torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])
    return corners.amax(dim=0) + corners.mean(dim=0)


def embedding_of(grey: Tensor, state: State) -> Tensor:
    """(B, 1, 128, 128) to (B, 256), float64."""
    x = _pool(_maxout(grey.double(), state, "conv1"))
    for stage, (_, blocks, _) in enumerate(TABLE, 1):
        for block in range(blocks):
            name = f"block{stage}.{block}"
            x = x + _maxout(_maxout(x, state, f"{name}.conv1"), state, f"{name}.conv2")
        x = _maxout(_maxout(x, state, f"group{stage}.conv_a"), state, f"group{stage}.conv")
        if stage != 3:
            x = _pool(x)
    assert x.shape[1:] == (128, 8, 8)
    return x.reshape(len(x), -1) @ state["fc.weight"].double().T + state["fc.bias"].double()


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(4))


def _grey(pictures: Tensor) -> Tensor:
    red, green, blue = pictures.double().unbind(dim=1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]


# ------------------------------------------------------------------------------------- importing


def test_the_command_imports_upstreams_checkpoint(
    state: State, pictures: Tensor, tmp_path: Path, home: Path
) -> None:
    """End to end at full size: 80,013 identities, in the old file format."""
    full = {**state, "fc2.weight": torch.zeros(80013, 256)}
    found = {"epoch": 1, "state_dict": {f"module.{n}": v for n, v in full.items()}}
    path = tmp_path / "LightCNN_29Layers_V2_checkpoint.pth.tar"
    torch.save(found, path, _use_new_zipfile_serialization=False)
    # The published file has 123,844,849 bytes.
    assert abs(path.stat().st_size - 123_844_849) < 5_000

    line = ["weights", "import", "light-cnn", str(path), "--json"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *line],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    written = home / "weights" / "light-cnn.safetensors"
    assert document["path"] == str(written)
    assert document["default"] is True

    recognizer = LightCNNRecognizer(load_light_cnn(written))
    given = recognizer.embed(pictures, torch.from_numpy(IDENTITY))
    wanted = embedding_of(_grey(pictures), state)
    assert 0.3 < wanted.std() < 30  # so that 1e-5 is a small error
    assert (given - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("how", ["parallel", "bare", "no classifier", "old format", "half"])
def test_every_form_of_the_checkpoint_gives_the_same_tensors(
    state: State, tmp_path: Path, how: str
) -> None:
    own = {name: value for name, value in state.items() if not name.startswith("fc2")}
    given: dict[str, object] = {
        "parallel": {"state_dict": {f"module.{name}": value for name, value in state.items()}},
        "bare": dict(state),
        "no classifier": {"state_dict": own},
        "old format": {"state_dict": dict(state)},
        "half": {name: value.half() for name, value in state.items()},
    }[how]  # type: ignore[assignment]
    path = tmp_path / "given"
    torch.save(given, path, _use_new_zipfile_serialization=how != "old format")
    card = import_light_cnn(path, tmp_path / "out.safetensors")
    assert card["training"]["identities"] == (None if how == "no classifier" else 7)
    stored = load_file(tmp_path / "out.safetensors")
    assert set(stored) == set(own)
    for name, value in stored.items():
        assert value.dtype == torch.float32
        assert torch.equal(value, own[name].half().float() if how == "half" else own[name]), name


def test_the_card_says_where_the_weights_come_from(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.safetensors"
    card = import_light_cnn(checkpoint, out)
    assert load_card(out) == card
    assert card["what"] == "recognizer"
    assert card["network"] == {"name": "light-cnn-29-v2"}
    assert card["source"] == {
        "file": "LightCNN_29Layers_V2_checkpoint.pth.tar",
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
    }
    assert "research only" in card["licence"]
    assert (card["input"]["size"], card["input"]["channels"], card["output"]["size"]) == (
        128,
        1,
        256,
    )
    assert (len(card["golden"]["input"]), len(card["golden"]["output"])) == (64, 256)


# --------------------------------------------------------------------------------- what is stored


@pytest.fixture
def stored(checkpoint: Path, tmp_path: Path) -> Path:
    import_light_cnn(checkpoint, tmp_path / "stored.safetensors")
    return tmp_path / "stored.safetensors"


def _load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """Tensors and card of a file, the card without the content hash, which refuses every change."""
    card = load_card(path)
    del card["content_hash"]
    return load_file(path), card


def _change_numbers(path: Path) -> None:
    tensors, card = _load(path)
    tensors["fc.weight"][:, :4096] = tensors["fc.weight"][:, 4096:].clone()
    save_file(tensors, path, metadata={"f2p_card": json.dumps(card)})


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _take_a_tensor(path: Path) -> None:
    tensors, card = _load(path)
    del tensors["fc.bias"]
    save_file(tensors, path, metadata={"f2p_card": json.dumps(card)})


def _change_card(path: Path, **changes: object) -> None:
    tensors, card = _load(path)
    save_file(tensors, path, metadata={"f2p_card": json.dumps({**card, **changes})})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_change_numbers, "does not give its golden embedding"),
        (_cut_short, "not a whole safetensors file"),
        (_take_a_tensor, r"1 missing \['fc.bias'\]"),
        (lambda path: _change_card(path, what="imitator"), "holds 'imitator'"),
        (lambda path: _change_card(path, network={"name": "light-cnn-9"}), "'light-cnn-9'"),
        (lambda path: _change_card(path, golden={}), "no golden pair"),
        (lambda path: _change_card(path, golden={"input": [0], "output": [0]}), "does not fit"),
        (lambda path: path.unlink(), "there is no such weights file"),
    ],
)
def test_damaged_weights_are_refused(
    stored: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(stored)
    with pytest.raises(WeightsError, match=message) as caught:
        load_light_cnn(stored)
    assert str(stored) in caught.value.message
    assert "f2p weights import light-cnn" in caught.value.remedy


# ------------------------------------------------------------------------------------- the network


def test_gradients_reach_every_part_of_the_crop(state: State, pictures: Tensor) -> None:
    network = LightCNN()
    network.load_state_dict({n: v for n, v in state.items() if not n.startswith("fc2")})
    recognizer = LightCNNRecognizer(network.eval().requires_grad_(False))
    given = pictures.clone().requires_grad_()
    target = recognizer.embed(pictures.flip(-1), IDENTITY).detach()
    loss = 1 - F.cosine_similarity(recognizer.embed(given, IDENTITY), target).mean()
    (gradient,) = torch.autograd.grad(loss, given)
    assert gradient.shape == pictures.shape
    assert (gradient.abs().amax(dim=1) > 0).double().mean() > 0.99  # of the pixels

    # Against finite differences, along one direction, in the independent network.
    along = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))
    step = 1e-4

    def far(x: Tensor) -> Tensor:
        return 1 - F.cosine_similarity(embedding_of(_grey(x), state), target.double()).mean()

    wanted = (far(pictures + step * along) - far(pictures - step * along)) / (2 * step)
    assert torch.allclose((gradient * along).sum().double(), wanted, rtol=2e-2)


def test_landmarks_of_each_picture_or_of_all(state: State, pictures: Tensor) -> None:
    network = LightCNN()
    network.load_state_dict({n: v for n, v in state.items() if not n.startswith("fc2")})
    recognizer = LightCNNRecognizer(network.eval())
    with torch.no_grad():
        shared = recognizer.embed(pictures, IDENTITY)
        each = recognizer.embed(pictures, torch.from_numpy(np.stack([IDENTITY, IDENTITY + 9])))
    assert shared.shape == (2, 256)
    assert torch.allclose(each[0], shared[0], atol=1e-5)
    assert not torch.allclose(each[1], shared[1], atol=1e-2)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 1, 128, 128\), not \(1, 3, 128, 128\)"):
        LightCNN()(torch.zeros(1, 3, 128, 128))
