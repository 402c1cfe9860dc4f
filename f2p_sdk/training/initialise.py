"""The network that a training begins with."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..errors import TrainingError
from ..mesh import Mesh
from ..mesh.network import MeshImitator
from ..networks import Imitator, build
from ..parameters import Layout
from ..weights import load_imitator
from .cache import Rows
from .device import Device
from .mesh import initialise_mesh, replace_geometry
from .pairs import Pairs
from .plan import Plan

__all__ = ["initialise_network"]


def initialise_network(
    layout: Layout,
    pairs: Pairs,
    rows: Rows,
    plan: Plan,
    device: Device,
    mesh: Mesh | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imitator:
    """A network on its device, from the plan's seed; the same for the same data.

    Args:
        rows: of the dataset, to train on.
        mesh: the engine's. Initial weights keep their colours and get this geometry.
        progress: called with the characters inspected, done and in total.

    Raises:
        TrainingError: the pictures have another size, or the network needs meshes and the data have
            none.
        WeightsError: the initial weights are damaged or of another layout.
    """
    name = plan.network or plan.recipe.network
    if plan.initial_weights is not None:
        initial = load_imitator(plan.initial_weights, layout, device=device.name)
        if isinstance(initial, MeshImitator) and mesh is not None:
            initial = replace_geometry(layout, mesh, initial, device, progress)
        return _checked(initial.requires_grad_(True), pairs.pictures.size)
    if name == MeshImitator.name:
        if mesh is None:
            raise TrainingError(
                f"the network {name!r} draws the engine's meshes, and the data have none",
                remedy="capture again with an engine that offers the passes vertices, attributes "
                "and triangles, or train another network",
            )
        return initialise_mesh(layout, mesh, pairs, rows, plan, device, progress)
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
