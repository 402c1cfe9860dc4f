"""The network a training begins with: what the data tell of it in closed form is set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from ..errors import TrainingError
from ..mesh import Mesh
from ..motion import Motion
from ..networks import CompactImitator, Imitator, MeshImitator, build
from ..parameters import Layout
from .device import Device
from .pairs import Pairs, Shown, shown
from .plan import SHOWN, Plan
from .surface import start_mesh

__all__ = ["start_network"]


def start_network(
    layout: Layout,
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    plan: Plan,
    device: Device,
    motion: Motion | None,
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
        motion: what the engine has told of its sliders.
        mesh: what it has told of its surface.
        progress: called with how much has been looked at, of how much.

    Raises:
        TrainingError: the pictures are of another size, the network has no use for a motion, or it
            is drawn from meshes and there are none.
    """
    name = plan.network or plan.recipe.network
    slots = [s.stop - s.start for s in layout.slots]
    size = pairs.pictures.size

    if name == MeshImitator.name:
        if mesh is None:
            raise TrainingError(
                f"the network {name!r} draws the engine's meshes, and the data have none",
                remedy="capture again with an engine that offers the passes vertices, attributes "
                "and triangles, or train another network",
            )
        return start_mesh(layout, mesh, pairs, rows, plan, device, progress)

    def made(options: dict[str, object]) -> Imitator:
        torch.manual_seed(plan.seed)
        network = build(name, layout.size, slots=slots, **options)
        if network.size != size:
            raise TrainingError(
                f"the network {name!r} draws {network.size}x{network.size}, "
                f"the pictures are {size}x{size}"
            )
        if motion is not None:
            if not isinstance(network, CompactImitator):
                raise TrainingError(f"the network {name!r} has no use for the engine's motion")
            network.set_motion(motion)
        return network.to(device.name)

    options: dict[str, object] = dict(plan.options)
    found: Shown | None = None
    if name == CompactImitator.name and pairs.neighbours is not None:
        options = {**SHOWN, **options}
        still = made(options)
        assert isinstance(still, CompactImitator)
        side = still.response.shape[-1] if still.response is not None else SHOWN["response_side"]
        found = shown(pairs, rows, layout, still, device, side, progress)
    if found is not None:
        options |= {"boxes": found.boxes, "front": found.front}
    network = made(options)
    if found is not None and isinstance(network, CompactImitator):
        found.start(network)
    # torch's stubs do not know this form for modules
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
