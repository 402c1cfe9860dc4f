"""The state of a training on disk, from which a stopped training resumes.

One safetensors file, replaced atomically: tensors ``network.*``, ``optimiser.<parameter>.<name>``
and ``random``; the metadata holds all other state as a JSON document. No pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..errors import TrainingError
from ..files import atomic_write

__all__ = ["load_checkpoint", "load_tensors", "save_checkpoint", "save_tensors"]

STATE = "f2p_training"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write tensors and a JSON document as one safetensors file, atomically. TrainingError."""
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    atomic_write(path, save(plain, metadata={STATE: json.dumps(document)}), error=TrainingError)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read a file of :func:`save_tensors`; None without a file, TrainingError for a damaged one."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            document = json.loads((file.metadata() or {})[STATE])
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as problem:
        raise TrainingError(
            f"{path}: the state of the training cannot be read: {problem}",
            remedy="give --restart to start again",
        ) from None
    return tensors, document


def save_checkpoint(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, document: Mapping[str, Any]
) -> None:
    """Write network, optimiser, torch's random state and ``document``, atomically."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            if value is not None:
                tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value)
    tensors["random"] = torch.get_rng_state()
    save_tensors(path, tensors, document)


def load_checkpoint(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Restore network, optimiser and torch's random state.

    Returns the document; None without a checkpoint. TrainingError for one of another network.
    """
    loaded = load_tensors(path)
    if loaded is None:
        return None
    tensors, document = loaded
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    weights: dict[str, Tensor] = {}
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        sort, _, rest = name.partition(".")
        if sort == "network":
            weights[rest] = tensor
        elif sort == "optimiser":
            index, _, key = rest.partition(".")
            parameter = parameters[int(index)] if int(index) < len(parameters) else None
            if parameter is not None and tensor.shape == parameter.shape:
                # In the parameter's memory layout (channels last): fused optimisers iterate over
                # both and ignore strides.
                tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
            states.setdefault(int(index), {})[key] = tensor
    try:
        network.load_state_dict(weights)
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": states, "param_groups": groups})
    except (RuntimeError, ValueError, KeyError) as problem:
        raise TrainingError(
            f"{path}: the state is of another network: {problem}",
            remedy="give the options of the stopped training, or --restart to start again",
        ) from None
    torch.set_rng_state(tensors["random"])
    return document
