"""The network a training begins with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from ..errors import TrainingError
from ..mesh import Mesh
from ..mesh.network import MeshImitator
from ..networks import Imitator, build
from ..parameters import Layout
from ..weights import load_imitator
from .device import Device
from .mesh import renew_mesh, start_mesh
from .pairs import Pairs
from .plan import Plan

__all__ = ["start_network"]


def start_network(
    layout: Layout,
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    plan: Plan,
    device: Device,
    mesh: Mesh | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imitator:
    """A network on its device, from the plan's seed; the same for the same data.

    Args:
        layout: of the characters.
        pairs: the dataset, and its neighbours if it has some.
        rows: of the dataset, to train on.
        plan: which network.
        device: where it goes.
        mesh: what the engine has told of its surface. Weights to go on from keep their colours and
            take this geometry.
        progress: called with how much has been looked at, of how much.

    Raises:
        TrainingError: the pictures are of another size, or the network is drawn from meshes and
            there are none.
        WeightsError: the weights to go on from are damaged or of another layout.
    """
    name = plan.network or plan.recipe.network
    if plan.start is not None:
        begun = load_imitator(plan.start, layout, device=device.name)
        if isinstance(begun, MeshImitator) and mesh is not None:
            begun = renew_mesh(layout, mesh, begun, device, progress)
        for parameter in begun.parameters():
            parameter.requires_grad_(True)
        return _checked(begun, pairs.pictures.size)
    if name == MeshImitator.name:
        if mesh is None:
            raise TrainingError(
                f"the network {name!r} draws the engine's meshes, and the data have none",
                remedy="capture again with an engine that offers the passes vertices, attributes "
                "and triangles, or train another network",
            )
        return start_mesh(layout, mesh, pairs, rows, plan, device, progress)
    torch.manual_seed(plan.seed)
    slots = [s.stop - s.start for s in layout.slots]
    network = build(name, layout.size, slots=slots, **plan.options).to(device.name)
    # torch's stubs do not know this form for modules
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return _checked(network, pairs.pictures.size)


def _checked(network: Imitator, size: int) -> Imitator:
    if network.size != size:
        raise TrainingError(
            f"the network {network.name!r} draws {network.size}x{network.size}, "
            f"the pictures are {size}x{size}"
        )
    return network
