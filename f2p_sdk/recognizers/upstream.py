"""Conversion of upstream's checkpoint of Light CNN-29 v2 to safetensors with a card.

The checkpoint (``LightCNN_29Layers_V2_checkpoint.pth.tar``) is a torch pickle: a dict whose
``state_dict`` holds the tensors of a ``DataParallel`` network, with the prefix ``module.``. Its
last layer ``fc2`` classifies the identities of the training data; embeddings do not need it. The
file is read with ``weights_only=True``: a pickle can run any program, so a file with anything but
tensors and plain values is refused.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightsError
from ..weights import load_card, save_weights
from .light_cnn import light_cnn_card
from .network import LightCNN

__all__ = ["UPSTREAM", "import_light_cnn", "read_checkpoint"]

UPSTREAM = "https://github.com/AlfredXiangWu/LightCNN"
FILE = "LightCNN_29Layers_V2_checkpoint.pth.tar"
LICENCE = (
    "upstream's code is MIT; its weights were trained on CASIA-WebFace and MS-Celeb-1M, which were "
    "published for research: they may be for research only, ask the authors before commercial use"
)
_REMEDY = f"give {FILE}, linked in the README of {UPSTREAM}"
_PREFIX = "module."
_CLASSIFIER = "fc2."
# Tensors that only other networks of upstream's have.
_OTHERS = {
    "fc.filter.weight": "Light CNN-29, the first version",
    "features.0.filter.weight": "Light CNN-9",
}


def import_light_cnn(path: str | Path, out: str | Path) -> dict[str, Any]:
    """Read upstream's checkpoint, write it to ``out`` as safetensors, and return its card.

    Raises:
        WeightsError: it is another file, or ``out`` cannot be written. Then nothing is written.
    """
    path, out = Path(path), Path(out)
    state, identities = read_checkpoint(path)
    network = LightCNN()
    network.load_state_dict(state)
    network.eval().requires_grad_(False)
    card = light_cnn_card(
        network,
        training={"by": UPSTREAM, "identities": identities},
        licence=LICENCE,
        source={"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
    )
    return load_card(save_weights(out, network.state_dict(), card, half=False))


def read_checkpoint(path: str | Path) -> tuple[dict[str, Tensor], int | None]:
    """Read upstream's checkpoint.

    Returns:
        The tensors, float32, by :class:`LightCNN`'s names; and the number of identities of the
        classifier, which is left out, or None without one.

    Raises:
        WeightsError: no file that can be read safely, another network, or numbers not finite.
    """
    path = Path(path)
    state = _state_dict(path, _load(path))
    classifier = state.get(f"{_CLASSIFIER}weight")
    state = {name: value for name, value in state.items() if not name.startswith(_CLASSIFIER)}
    with torch.device("meta"):  # only shapes
        expected = LightCNN().state_dict()
    _check(path, state, expected)
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise WeightsError(
                f"{path}: the tensor {name!r} holds numbers that are not finite", remedy=_REMEDY
            )
    return state, None if classifier is None else len(classifier)


def _load(path: Path) -> object:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "there is no such file"
        raise WeightsError(f"{path}: {what}", remedy=_REMEDY)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about old file formats
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged file can raise anything
        first = (str(problem).strip().splitlines() or [""])[0]
        raise WeightsError(
            f"{path}: not a whole torch checkpoint that can be read safely "
            f"({type(problem).__name__}: {first[:160]})",
            remedy=f"download it again if it is {FILE}; a file with more than tensors and plain "
            "values is refused, because it may run a program",
        ) from None


def _state_dict(path: Path, found: object) -> dict[str, Tensor]:
    """The tensors by name, without DataParallel's prefix."""
    inner = found.get("state_dict", found) if isinstance(found, Mapping) else found
    if not isinstance(inner, Mapping) or not inner:
        raise WeightsError(f"{path}: holds no state dict, but {_kind_of(found)}", remedy=_REMEDY)
    for name, value in inner.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(
                f"{path}: a state dict must hold tensors by name; {name!r} holds {_kind_of(value)}",
                remedy=_REMEDY,
            )
    parallel = all(name.startswith(_PREFIX) for name in inner)
    return {name[len(_PREFIX) :] if parallel else name: value for name, value in inner.items()}


def _kind_of(value: object) -> str:
    if isinstance(value, Mapping):
        return f"a dict with the keys {list(value)[:5]}"
    return f"a value of type {type(value).__name__}"


def _check(path: Path, state: dict[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check names, shapes and types of all tensors, and convert them to float32 in ``state``."""
    wrong = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "of another shape": [],
        "not of plain floating point numbers": [],
    }
    for name in expected.keys() & state.keys():
        value, shape = state[name], expected[name].shape
        if value.shape != shape:
            wrong["of another shape"].append(f"{name} {tuple(value.shape)} for {tuple(shape)}")
        elif not value.is_floating_point() or value.is_meta or value.layout is not torch.strided:
            wrong["not of plain floating point numbers"].append(name)
        else:
            state[name] = value.float()
    if any(wrong.values()):
        other = next((what for name, what in _OTHERS.items() if name in state), "")
        raise WeightsError(
            f"{path}: not the tensors of {LightCNN.name}: "
            + "; ".join(_counted(what, names) for what, names in wrong.items() if names),
            remedy=(f"this is {other}; " if other else "") + _REMEDY,
        )


def _counted(what: str, names: list[str], shown: int = 6) -> str:
    more = ", ..." if len(names) > shown else ""
    return f"{len(names)} {what} ({', '.join(sorted(names)[:shown])}{more})"
