"""A checkpoint with upstream's names, shapes and format, and random numbers."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

State = dict[str, Tensor]

# The paper's table II: channels in, residual blocks, channels out of each stage.
TABLE = ((48, 1, 96), (96, 2, 192), (192, 3, 128), (128, 4, 128))


def _shapes(identities: int) -> dict[str, tuple[int, ...]]:
    """Shapes from upstream's definition, independent of the tested code."""
    filters: dict[str, tuple[int, ...]] = {"conv1": (96, 1, 5, 5)}
    for stage, (channels, blocks, out) in enumerate(TABLE, 1):
        for block in range(blocks):
            for conv in ("conv1", "conv2"):
                filters[f"block{stage}.{block}.{conv}"] = (2 * channels, channels, 3, 3)
        filters[f"group{stage}.conv_a"] = (2 * channels, channels, 1, 1)
        filters[f"group{stage}.conv"] = (2 * out, channels, 3, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in filters.items():
        shapes[f"{name}.filter.weight"] = shape
        shapes[f"{name}.filter.bias"] = shape[:1]
    return {
        **shapes,
        "fc.weight": (256, 8 * 8 * 128),
        "fc.bias": (256,),
        "fc2.weight": (identities, 256),  # without a bias
    }


def make_state(identities: int = 7) -> State:
    """The tensors, without DataParallel's prefix, scaled by their number of inputs."""
    generator = torch.Generator().manual_seed(29)
    state = {}
    for name, shape in _shapes(identities).items():
        scale = 0.6 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 0.05
        state[name] = torch.randn(shape, generator=generator) * scale
    return state


def make_checkpoint(state: State) -> dict[str, Any]:
    """A checkpoint as upstream's training script saves it."""
    parallel = OrderedDict((f"module.{name}", value) for name, value in state.items())
    return {"epoch": 80, "arch": "LightCNN", "state_dict": parallel, "prec1": torch.zeros(1)}


@pytest.fixture(scope="session")
def state() -> State:
    return make_state()


@pytest.fixture(scope="session")
def checkpoint(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("light cnn") / "LightCNN_29Layers_V2_checkpoint.pth.tar"
    torch.save(make_checkpoint(state), path)
    return path


@pytest.fixture
def changed(state: State) -> State:
    """A copy to damage."""
    return dict(state)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], Path]:
    """Save anything as torch does; returns the file."""

    def save(found: object) -> Path:
        path = tmp_path / "given.pth.tar"
        torch.save(found, path)
        return path

    return save
