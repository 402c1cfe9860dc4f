"""Initialisation of a mesh imitator: visible triangles, and the areas of choices on them."""

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
from ..mesh.geometry import mesh_sizes
from ..mesh.network import MeshImitator
from ..mesh.visibility import texture_coordinates, visible_triangles, visible_uncropped
from ..parameters import Layout
from .cache import Rows
from .device import Device
from .masks import set_input_masks
from .pairs import Pairs
from .plan import Plan

__all__ = ["initialise_mesh", "replace_geometry"]

_PEOPLE = 18  # random characters per choice with a piece, to find visible triangles
_BATCH = 3
_PAIRS = 160  # per slot, to find the area of its choices
_CHANGED = 6  # of 255
_OUTLIERS = 0.02  # share of the changed pixels outside each edge of a box
_MARGIN = 0.08
_SEED = 271828
_WIDTHS = {"textured": 64, "plain": 48, "small": 24}

Progress = Callable[[int, int], None]


def initialise_mesh(
    layout: Layout,
    mesh: Mesh,
    pairs: Pairs,
    rows: Rows,
    plan: Plan,
    device: Device,
    progress: Progress | None = None,
) -> MeshImitator:
    """A mesh imitator on its device, from the plan's seed; the same for the same data.

    ``rows``: of the dataset, to train on; ``progress``: called with the characters inspected, done
    and in total.
    """
    pruned = _pruned(layout, mesh, pairs.pictures.size, device, progress)
    options = {**_options(layout, mesh, pairs.pictures.size), **plan.options}
    torch.manual_seed(plan.seed)
    bare = _build(layout, pruned, options, device)
    whole = _extent(layout, bare, device)
    boxes = _boxes(layout, bare, pairs, rows, device, whole)
    torch.manual_seed(plan.seed)
    network = _build(layout, pruned, {**options, "boxes": [*boxes, whole]}, device)
    set_input_masks(layout, network, pairs, rows, device)
    return network


def replace_geometry(
    layout: Layout,
    mesh: Mesh,
    trained: MeshImitator,
    device: Device,
    progress: Progress | None = None,
) -> MeshImitator:
    """A mesh imitator with the shaders of ``trained`` and the geometry of ``mesh``.

    Raises:
        TrainingError: the mesh has other parts than that of ``trained``.
    """
    options = dict(trained.config())
    del options["name"], options["dimension"], options["told"]
    here, there = ([p["body"] for p in parts] for parts in (_parts(mesh), options["parts"]))
    if here != there or mesh.body.attributes.shape[1] != trained.geometry.attributes.shape[1]:
        raise TrainingError(
            "the data's meshes have other parts or attributes than those of the weights",
            remedy="train without --from",
        )
    pruned = _pruned(layout, mesh, trained.size, device, progress)
    network = _build(layout, pruned, options, device)
    colours = {k: v for k, v in trained.state_dict().items() if not k.startswith("geometry.")}
    network.load_state_dict({**network.state_dict(), **colours})
    return network


def _options(layout: Layout, mesh: Mesh, size: int) -> dict[str, Any]:
    """Options of a new network, with boxes that contain everything."""
    slots = [s.stop - s.start for s in layout.slots]
    boxes = [[-1.0, 1.0, -1.0, 1.0]] * (len(slots) + 1)
    return {"size": size, "slots": slots, "parts": _parts(mesh), "boxes": boxes}


def _build(layout: Layout, mesh: Mesh, options: Mapping[str, Any], device: Device) -> MeshImitator:
    """A new network with the geometry of ``mesh``."""
    network = MeshImitator(layout.size, told=mesh_sizes(mesh), **options)
    network.geometry.set(mesh)
    return network.to(device.name)


def _pruned(
    layout: Layout, mesh: Mesh, size: int, device: Device, progress: Progress | None
) -> Mesh:
    """The mesh without triangles that no character shows in pictures of ``size`` pixels."""
    network = _build(layout, mesh, _options(layout, mesh, size), device)
    geometry = network.geometry
    keys = [(p.slot, p.choice) for p in mesh.pieces] or [(-1, -1)]
    done, total = 0, _PEOPLE * len(keys)
    flags = torch.zeros(geometry.faces[-1], dtype=torch.bool, device=device.name)
    for index, (slot, choice) in enumerate(keys):
        people = [layout.random(index * _PEOPLE + i, seed=_SEED) for i in range(_PEOPLE)]
        if slot >= 0:
            named = layout.discrete[slot]
            people = [p.replace(**{named.name: named.choices[choice]}) for p in people]
        vectors = torch.from_numpy(np.stack([layout.encode(p) for p in people]))
        for some in torch.split(vectors.to(device.name), _BATCH):
            visible = visible_uncropped(geometry, some, network.pieces_of(some), size)
            flags |= visible_triangles(geometry, visible)
            # searches reach the ends of sliders, and other hair shows other parts of the head
            some[:, : layout.n_continuous] = some[:, : layout.n_continuous].round()
            visible = visible_uncropped(geometry, some, [[]] * len(some), size)
            flags |= visible_triangles(geometry, visible)
            done += len(some)
            if progress is not None:
                progress(done, total)
    found = flags.cpu().numpy()
    return mesh.pruned([found[a:b] for a, b in pairwise([0, *geometry.faces])])


def _parts(mesh: Mesh) -> list[dict[str, Any]]:
    """Options of each part's shader. The part of the body with the most triangles has textures."""
    count = 1 + max(int(p.attributes[:, 0].max()) for p in (mesh.body, *mesh.pieces))
    body = mesh.body.attributes
    faces = np.bincount(body[mesh.body.triangles[:, 0], 0].astype(int), minlength=count)
    parts = []
    for k in range(count):
        own = body[body[:, 0] == k]
        painted = bool(len(own)) and bool((own[:, 1] == PAINTED).any())
        textured = k == int(faces.argmax())
        width = _WIDTHS["textured" if textured else "small" if painted else "plain"]
        parts.append(
            {"body": bool(len(own)), "textures": textured, "width": width, "covers": painted}
        )
    return parts


def _coordinates(
    network: MeshImitator, vector: Tensor, bare: bool = False
) -> npt.NDArray[np.float32]:
    """Texture coordinates (B, S, S, 2) in the pictures of vectors (B, D), else NaN.

    ``bare``: without pieces.
    """
    size = network.size
    pieces = [[]] * len(vector) if bare else network.pieces_of(vector)
    visible = visible_uncropped(network.geometry, vector, pieces, size)
    count = len(vector) * size * size
    found = texture_coordinates(network.geometry, visible, network.textured_part, count)
    places: npt.NDArray[np.float32] = found.cpu().numpy().reshape(len(vector), size, size, 2)
    return places


def _box(places: npt.NDArray[Any], outliers: float, margin: float) -> list[float]:
    """Bounds of places (N, 2), except a share at each edge: left, right, top, bottom."""
    low, high = np.quantile(places, outliers, axis=0), np.quantile(places, 1 - outliers, axis=0)
    edge = margin * (high - low) + 1e-3
    low, high = low - edge, high + edge
    return [float(v) for v in (low[0], high[0], low[1], high[1])]


def _extent(layout: Layout, network: MeshImitator, device: Device) -> list[float]:
    """Visible area of the textured part, with and without hair."""
    people = [layout.encode(layout.random(i, seed=_SEED)) for i in range(_PEOPLE)]
    vectors = torch.from_numpy(np.stack(people)).to(device.name)
    places = np.concatenate([_coordinates(network, vectors, bare) for bare in (False, True)])
    return _box(places[np.isfinite(places).all(axis=3)], 0.001, 0.02)


def _boxes(
    layout: Layout,
    network: MeshImitator,
    pairs: Pairs,
    rows: Rows,
    device: Device,
    whole: list[float],
) -> list[list[float]]:
    """Area of each slot's choices on the textured part, from pairs that differ in it alone."""
    boxes = []
    for slot in layout.slots:
        found = [np.zeros((0, 2), np.float32)]
        for pair, before, after in pairs.differing(rows, slot, _PAIRS):
            changed = (np.abs(before.astype(np.int16) - after) > _CHANGED).any(axis=2)
            places = _coordinates(network, torch.from_numpy(pair).to(device.name))
            found.append(places[0][changed & np.isfinite(places).all(axis=(0, 3))])
        area = np.concatenate(found)
        boxes.append(_box(area, _OUTLIERS, _MARGIN) if len(area) >= 50 else whole)
    return boxes
