"""What a mesh imitator begins with: the triangles that are seen, and where choices show on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import TrainingError
from ..mesh import PAINTED, Mesh
from ..mesh.geometry import sizes
from ..mesh.network import MeshImitator
from ..mesh.visibility import seen_triangles, texture_places, whole_pictures
from ..parameters import Layout
from .device import Device
from .masks import blind
from .pairs import Pairs
from .plan import Plan

__all__ = ["renew_mesh", "start_mesh"]

_PEOPLE = 18  # random characters for each choice that brings a piece, to see what is seen
_BATCH = 3
_PAIRS = 160  # of each slot, to see where it shows
_CHANGED = 6  # of 255
_BESIDE = 0.02  # of the changed pixels, those that are left out at each edge of a box
_MARGIN = 0.08
_SEED = 271828
WIDTHS = {"textured": 64, "plain": 48, "small": 24}


def start_mesh(
    layout: Layout,
    mesh: Mesh,
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    plan: Plan,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> MeshImitator:
    """A mesh imitator on its device, from the plan's seed; the same for the same data.

    Args:
        layout: of the characters.
        mesh: what the engine has told.
        pairs: the dataset, and its neighbours if it has some.
        rows: of the dataset, to train on.
        plan: options and seed.
        device: where it goes.
        progress: called with how many characters have been looked at, of how many.
    """
    size = pairs.pictures.size
    slots = [s.stop - s.start for s in layout.slots]
    pruned = _pruned(layout, mesh, size, device, progress)
    options: dict[str, Any] = {"size": size, "slots": slots, "parts": _parts(mesh), **plan.options}
    everywhere = [[-1.0, 1.0, -1.0, 1.0]] * (len(slots) + 1)
    torch.manual_seed(plan.seed)
    bare = _made(layout, pruned, {**options, "boxes": everywhere}, device)
    whole = _extent(layout, bare, device)
    boxes = _boxes(layout, bare, pairs, rows, device, whole)
    torch.manual_seed(plan.seed)
    network = _made(layout, pruned, {**options, "boxes": [*boxes, whole]}, device)
    blind(layout, network, pairs, rows, device)
    return network


def renew_mesh(
    layout: Layout,
    mesh: Mesh,
    begun: MeshImitator,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> MeshImitator:
    """A mesh imitator with the colours that ``begun`` has learned, on what the engine tells now.

    Args:
        layout: of the characters.
        mesh: what the engine tells now.
        begun: whose shaders are taken over; its geometry is not.
        device: where it goes.
        progress: called with how many characters have been looked at, of how many.

    Raises:
        TrainingError: the mesh has other parts than the one that ``begun`` was made for.
    """
    options = dict(begun.config())
    del options["name"], options["dimension"], options["told"]
    here, there = ([p["body"] for p in parts] for parts in (_parts(mesh), options["parts"]))
    if here != there or mesh.body.attributes.shape[1] != begun.geometry.attributes.shape[1]:
        raise TrainingError(
            "the data's meshes have other parts or attributes than those of the weights",
            remedy="train without --from",
        )
    pruned = _pruned(layout, mesh, begun.size, device, progress)
    network = _made(layout, pruned, options, device)
    colours = {k: v for k, v in begun.state_dict().items() if not k.startswith("geometry.")}
    network.load_state_dict({**network.state_dict(), **colours})
    return network


def _made(layout: Layout, mesh: Mesh, options: Mapping[str, Any], device: Device) -> MeshImitator:
    """A new network, with ``mesh`` for its geometry."""
    network = MeshImitator(layout.size, told=sizes(mesh), **options)
    network.geometry.set(mesh)
    return network.to(device.name)


def _pruned(
    layout: Layout,
    mesh: Mesh,
    size: int,
    device: Device,
    progress: Callable[[int, int], None] | None,
) -> Mesh:
    """The mesh without triangles that no character shows; ``size``: pixels a side to look at."""
    slots = [s.stop - s.start for s in layout.slots]
    everywhere = [[-1.0, 1.0, -1.0, 1.0]] * (len(slots) + 1)
    options = {"size": size, "slots": slots, "parts": _parts(mesh), "boxes": everywhere}
    whole = _made(layout, mesh, options, device)
    geometry = whole.geometry
    keys = [(p.slot, p.choice) for p in mesh.pieces] or [(-1, -1)]
    looked, total = 0, _PEOPLE * len(keys)
    seen = torch.zeros(geometry.faces[-1], dtype=torch.bool, device=device.name)
    for index, (slot, choice) in enumerate(keys):
        people = [layout.random(index * _PEOPLE + i, seed=_SEED) for i in range(_PEOPLE)]
        if slot >= 0:
            named = layout.discrete[slot]
            people = [p.replace(**{named.name: named.choices[choice]}) for p in people]
        vectors = torch.from_numpy(np.stack([layout.encode(p) for p in people]))
        for some in torch.split(vectors.to(device.name), _BATCH):
            seen |= seen_triangles(geometry, whole_pictures(geometry, some, whole.worn(some), size))
            # searches end farther out than random characters are, and under other hair
            some[:, : layout.n_continuous] = some[:, : layout.n_continuous].round()
            seen |= seen_triangles(geometry, whole_pictures(geometry, some, [[]] * len(some), size))
            looked += len(some)
            if progress is not None:
                progress(looked, total)
    flags = seen.cpu().numpy()
    return mesh.pruned([flags[a:b] for a, b in pairwise([0, *geometry.faces])])


def _parts(mesh: Mesh) -> list[dict[str, Any]]:
    """How each part is shaded. The part of the body with the most triangles has textures."""
    count = 1 + max(int(p.attributes[:, 0].max()) for p in (mesh.body, *mesh.pieces))
    body = mesh.body.attributes
    faces = np.bincount(body[mesh.body.triangles[:, 0], 0].astype(int), minlength=count)
    most = int(faces.argmax())
    parts = []
    for k in range(count):
        own = body[body[:, 0] == k]
        painted = bool(len(own)) and bool((own[:, 1] == PAINTED).any())
        textured = k == most
        width = WIDTHS["textured" if textured else "small" if painted else "plain"]
        parts.append(
            {"body": bool(len(own)), "textures": textured, "width": width, "covers": painted}
        )
    return parts


def _places(network: MeshImitator, vector: Tensor, bare: bool = False) -> npt.NDArray[np.float32]:
    """Texture coordinates of what is seen of vectors (B, D), wearing nothing if ``bare``:
    (B, S, S, 2), NaN where none are."""
    size = network.size
    worn = [[]] * len(vector) if bare else network.worn(vector)
    shown = whole_pictures(network.geometry, vector, worn, size)
    found = texture_places(network.geometry, shown, network.textured, len(vector) * size * size)
    places: npt.NDArray[np.float32] = found.cpu().numpy().reshape(len(vector), size, size, 2)
    return places


def _box(places: npt.NDArray[Any], beside: float, margin: float) -> list[float]:
    """Where places (N, 2) are but for a share ``beside`` at each edge: left, right, top, bottom."""
    low, high = np.quantile(places, beside, axis=0), np.quantile(places, 1 - beside, axis=0)
    edge = margin * (high - low) + 1e-3
    low, high = low - edge, high + edge
    return [float(v) for v in (low[0], high[0], low[1], high[1])]


def _extent(layout: Layout, network: MeshImitator, device: Device) -> list[float]:
    """Where the textured part is seen, in texture coordinates; also of crowns without hair."""
    people = [layout.encode(layout.random(i, seed=_SEED)) for i in range(_PEOPLE)]
    vectors = torch.from_numpy(np.stack(people)).to(device.name)
    there = np.concatenate([_places(network, vectors, bare) for bare in (False, True)])
    return _box(there[np.isfinite(there).all(axis=3)], 0.001, 0.02)


def _boxes(
    layout: Layout,
    network: MeshImitator,
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    device: Device,
    whole: list[float],
) -> list[list[float]]:
    """Where on the textured part each slot's choices show, from pairs that differ in it alone."""
    ones, others = pairs.of(rows)
    boxes = [list(whole) for _ in layout.slots]
    if not len(ones) or pairs.neighbours is None:
        return boxes
    a, b = pairs.pictures.vectors[ones], pairs.neighbours.vectors[others]
    for k, slot in enumerate(layout.slots):
        differ = np.flatnonzero((a[:, slot] != b[:, slot]).any(axis=1))[:_PAIRS]
        found = []
        for i in differ:
            before = pairs.pictures.pictures[ones[i]].astype(np.int16)
            after = pairs.neighbours.pictures[others[i]]
            changed = (np.abs(before - after) > _CHANGED).any(axis=2)
            both = torch.from_numpy(np.stack([a[i], b[i]])).to(device.name)
            here = _places(network, both)
            same = changed & np.isfinite(here).all(axis=(0, 3))
            found.append(here[0][same])
        places = np.concatenate(found) if found else np.zeros((0, 2))
        if len(places) < 50:
            continue
        boxes[k] = _box(places, _BESIDE, _MARGIN)
    return boxes
